"""One run of one peer, in this process: `python -m benchmarks.peers.one KEY WORK.json THREADS OUTCOME.json`.

Enters: a peer's key, its work. Leaves: its outcome in a file, or why it can't run here. Invariant: nothing else runs in
this process.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.peers.peer import Work
from benchmarks.peers.registry import BY_KEY


def main(key: str, work: str, threads: str, to: str) -> None:
    peer = BY_KEY[key].peer()
    missing = peer.missing()
    found = {"missing": missing} if missing else asdict(peer.run(Work.load(Path(work)), int(threads)))
    Path(to).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
