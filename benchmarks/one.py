"""End-to-end cases in this process: `python -m benchmarks.one SIZE SEED FILE.json CASE…`.

Enters: a size, a seed, names of cases (one, but in a smoke run). Leaves: figures by case in a file. Invariant: nothing
else runs in this process.
"""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from benchmarks.case import Setting
from benchmarks.registry import CASES
from benchmarks.running import SAYS


def main(size: str, seed: str, to: str, *names: str) -> None:
    found: dict[str, object] = {}
    for name in names:
        measure = CASES[name].measure
        assert measure is not None
        try:
            found[name] = [asdict(figure) for figure in measure(Setting(size, int(seed)))]  # type: ignore[arg-type]
        except Exception as error:  # of one case; the others go on
            traceback.print_exc()
            found[name] = f"{type(error).__name__}: {error}".splitlines()[0]
        print(f"{SAYS}{name}", flush=True)
    Path(to).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
