"""What all servers of a machine's cluster have in common: begin, be ready, halt, end.

Enters: a folder and a port. Leaves: a server that answers, or MachineProblem with the end of its log. Invariant: a
start that fails leaves no process behind.

For tests of faults: `kill` ends without a word, `pause` and `resume` halt a server in the middle of whatever it does,
and `start` after `stop` or `kill` comes back at the same port with the same data.
"""

from __future__ import annotations

import signal
from pathlib import Path

from interceptor.machine import processes
from interceptor.machine.problems import MachineProblem
from interceptor.machine.processes import LOOPBACK, Process, Started, wait_until
from interceptor.rules.errors import printable

STOP_S = 20.0  # Kafka writes down what it has in memory
READY_S = 60.0  # a busy machine starts Java slowly


class Server:
    """One server. `folder` holds all it writes; a `process` that was written down earlier may be given."""

    name = "server"
    title = "a server"
    lasting = True  # what it holds survives a restart, and so does its port

    def __init__(self, folder: Path, port: int = 0, process: Process | None = None) -> None:
        self.folder = folder.absolute()
        self.port = port
        self.process = process
        self._started: Started | None = None

    @property
    def address(self) -> str:
        """host:port"""
        return f"{LOOPBACK}:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def running(self) -> bool:
        """Is there a process? It may not answer yet, or not any more."""
        if self._started:
            self._started.reap()
        return self.process is not None and self.process.running

    def answering(self) -> bool:
        """Does it do its work? Asks it, and waits a second or two at most."""
        raise NotImplementedError

    def launch(self) -> None:
        """Starts the process, without waiting until it answers; nothing where it runs. Raises MachineProblem."""
        if self.running:
            return
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.port = self.port or processes.free_port()
        if self.lasting and not processes.is_free(self.port):
            raise MachineProblem(f"{self.title}: something else listens at {self.address}\n  hint: choose another port")
        self._started = self._begin()
        self.process = self._started.process

    def wait_ready(self, within_s: float = READY_S) -> None:
        """Returns when it answers. Raises MachineProblem, and ends it, when it doesn't in time or ends itself."""
        try:
            wait_until(lambda: not self.running or self.answering(), within_s)
            if not self.running:
                raise MachineProblem(self._told("ended while starting"))
            if not self.answering():
                raise MachineProblem(self._told(f"doesn't answer after {within_s:.0f} s"))
        except BaseException:
            self.kill()
            raise

    def start(self, within_s: float = READY_S) -> None:
        """Starts it and returns when it answers. Raises MachineProblem."""
        self.launch()
        self.wait_ready(within_s)

    def stop(self, within_s: float = STOP_S) -> bool:
        """Asks it to end, and makes it end after `within_s`. False: it had to be made. Nothing where it doesn't run."""
        willing = self.process.stop(within_s) if self.running and self.process else True
        self._forget()
        return willing

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        if self.running and self.process:
            self.process.kill()
        self._forget()

    def pause(self) -> None:
        """Halts it: connections stay open, nothing is answered."""
        if self.process:
            self.process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self.process:
            self.process.signal(signal.SIGCONT)

    def _begin(self) -> Started:
        raise NotImplementedError

    def _forget(self) -> None:
        if self._started:
            self._started.reap(STOP_S)
        self.process = self._started = None

    def _told(self, what: str) -> str:
        lines = "".join(f"\n    {printable(line)}" for line in processes.last_lines(self.log))
        return f"{self.title} {what}; the end of {printable(str(self.log))}:{lines or ' nothing'}"
