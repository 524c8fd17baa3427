"""What holds for all tests: how hypothesis looks for counter-examples; a recorded city that several look at.

Enters: nothing. Leaves: a profile, a recording. Invariant: a failure prints what is needed to see it again.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.brokers"]  # servers, for the tests that ask for them

# No deadline: the first example of a test compiles kernels. print_blob: a failure can be replayed elsewhere. In CI the
# examples depend on the commit alone; on a developer's machine every run looks somewhere else.
settings.register_profile("interceptor", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
settings.load_profile("interceptor")


@pytest.fixture(scope="session")
def city_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some hours of a small city with many campaigns, as `run --record` writes them."""
    from tests.recordings import record_city  # brings half of the project along

    return record_city(tmp_path_factory.mktemp("city") / "day.parquet")
