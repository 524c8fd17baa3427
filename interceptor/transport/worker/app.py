"""The worker for Faust's own command line: `faust -A interceptor.transport.worker.app worker`.

Enters: the environment. Leaves: `app`. Invariant: the same worker as `interceptor worker`.
"""

from __future__ import annotations

import sys

from interceptor.rules import default_rules_dir, load
from interceptor.transport.making import create_topics
from interceptor.transport.settings import load_settings
from interceptor.transport.worker.faust_app import app_of
from interceptor.transport.worker.station import Station

_settings = load_settings()
if _settings.from_json:
    sys.exit("Faust takes one message after the other, which is too slow for `from_json`: start `interceptor worker`")
create_topics(_settings)
app = app_of(Station(_settings, load(_settings.rules or default_rules_dir())))
