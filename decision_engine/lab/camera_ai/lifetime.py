"""Says when the program must end: when it is told to (SIGTERM), or when the process that owns it is gone."""

from __future__ import annotations

import os
import select
import signal
import sys
from types import FrameType

MILLISECONDS = 1000.0


class Lifetime:
    """Made first of all. Until ``serving`` is set a signal ends the program at once; afterwards ``wait`` says so.

    The owner is watched through a file descriptor of its process, so that a used-again process id deceives nobody.
    """

    def __init__(self, owner_pid: int | None) -> None:
        self.ending = False
        self.serving = False
        self._poll = select.poll()
        heard, self._said = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(heard, select.POLLIN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        if owner_pid is not None:
            self._watch(owner_pid)

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; False as soon as the program must end."""
        if not self.ending and self._poll.poll(max(0.0, seconds) * MILLISECONDS):
            self.ending = True
        return not self.ending

    def _watch(self, owner_pid: int) -> None:
        try:
            self._poll.register(os.pidfd_open(owner_pid), select.POLLIN)
        except ProcessLookupError:
            self.ending = True

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        self.ending = True
        os.write(self._said, b".")
        if not self.serving:
            sys.exit(0)
