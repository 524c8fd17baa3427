"""The worker for Faust's own command line: `faust -A interceptor.transport.worker.app worker`.

Enters: the environment. Leaves: `app`. Invariant: the same worker as `interceptor worker`.
"""

from __future__ import annotations

from interceptor.rules import default_rules_dir, load
from interceptor.transport.making import create_topics
from interceptor.transport.settings import load_settings
from interceptor.transport.worker.station import Station

_settings = load_settings()
create_topics(_settings)
app = Station(_settings, load(_settings.rules or default_rules_dir())).app
