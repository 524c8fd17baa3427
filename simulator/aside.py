"""A process of its own beside the run that is watched: most machines have two cores.

Enters: a function and what it works on. Leaves: the process, and what it sends. Invariant: Ctrl-C is for the watched
run to handle; a process whose run has gone, however, ends by itself when it next sends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def begin(work: Callable[..., None], *given: Any) -> tuple[BaseProcess, Connection]:
    """Starts `work(sender, *given)`; what it sends can be received."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(sender, *given), daemon=True)
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, ours)
    sender.close()
    return process, receiver


def end(process: BaseProcess) -> None:
    """Done or not."""
    process.terminate()
    process.join()
