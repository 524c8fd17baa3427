"""What holds for all tests: how hypothesis looks for counter-examples.

Enters: nothing. Leaves: a profile. Invariant: a failure prints what is needed to see it again.
"""

from __future__ import annotations

import os

from hypothesis import settings

# No deadline: the first example of a test compiles kernels. print_blob: a failure can be replayed elsewhere. In CI the
# examples depend on the commit alone; on a developer's machine every run looks somewhere else.
settings.register_profile("interceptor", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
settings.load_profile("interceptor")
