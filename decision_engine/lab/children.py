"""Child processes of the lab: started with a log file each, ended in order, and never outliving the lab."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

import decision_engine
from decision_engine.lab.last_words import ADDRESS_IN_USE, how_it_ended
from decision_engine.lab.listener import endpoint_of, is_listener

PR_SET_PDEATHSIG = 1
"""prctl(2): the kernel sends this signal to the child when its parent dies, so that kill -9 of the lab leaves nothing."""
TERMINATE_WITHIN_SECONDS = 5.0
POLL_SECONDS = 0.1
LOG_TAIL_CHARACTERS = 4000
"""Enough for the last grave line and some after it."""


class LabError(Exception):
    """The lab cannot go on; the message is one sentence for the person who started it."""


class AddressTaken(LabError):
    """Another program listens where a part of the lab should: the lab may try again with other ports."""


@dataclass(slots=True)
class Child:
    """One child process; ``ready_url`` answers 200 once it is up."""

    name: str
    argv: tuple[str, ...]
    directory: Path
    ready_url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def log_path(self) -> Path:
        """Where its output goes."""
        return self.directory / "logs" / f"{self.name}.log"

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Start it; a program that cannot be started is a LabError."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            try:
                self.process = await asyncio.create_subprocess_exec(
                    *self.argv, cwd=self.directory, env={**os.environ, **self.environment}, stdin=asyncio.subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True, preexec_fn=_die_with_parent,
                )  # fmt: skip
            except OSError as error:
                raise LabError(f"{self.name} cannot be started: {self.argv[0]}: {error.strerror}") from error

    async def ready(self, within_seconds: float) -> None:
        """Wait until it answers itself: an answer from its address may be another program's.

        Raises:
            AddressTaken: it died because another program listens there.
            LabError: it died or stayed silent; the sentence has its last words.
        """
        loop, (host, port) = asyncio.get_running_loop(), endpoint_of(self.ready_url)
        until = loop.time() + within_seconds
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session:
            while loop.time() < until:
                if not self.alive:
                    kind = AddressTaken if ADDRESS_IN_USE in self._log_tail().lower() else LabError
                    raise kind(f"{self.name} ended at once: {self.last_words()}")
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(self.ready_url) as answer:
                        if answer.status == 200 and self.process is not None and is_listener(self.process.pid, host, port):
                            return
                await asyncio.sleep(POLL_SECONDS)
        raise LabError(f"{self.name} did not become ready within {within_seconds:.0f} s: {self.last_words()}")

    async def ended(self, within_seconds: float) -> int:
        """Wait for its own end; its exit code.

        Raises:
            LabError: it did not end in time.
        """
        assert self.process is not None, "it was started"
        try:
            return await asyncio.wait_for(self.process.wait(), within_seconds)
        except TimeoutError:
            raise LabError(f"{self.name} did not end within {within_seconds:.0f} s") from None

    async def stop(self) -> None:
        """SIGTERM, a grace, SIGKILL."""
        if self.process is None or not self.alive:
            return
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), TERMINATE_WITHIN_SECONDS)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self.process is not None and self.alive:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    def last_words(self) -> str:
        """How it ended, or what its log said last, as one clause."""
        return how_it_ended(None if self.process is None else self.process.returncode, self._log_tail())

    def _log_tail(self) -> str:
        with suppress(OSError):
            return self.log_path.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]
        return ""


@contextmanager
def in_one_sentence(subject: str) -> Iterator[None]:
    """An OSError inside becomes a LabError about ``subject``, or AddressTaken where that was the trouble."""
    try:
        yield
    except OSError as error:
        kind = AddressTaken if _number(error) == errno.EADDRINUSE else LabError
        where = f"{error.filename}: " if error.filename else ""
        raise kind(f"{subject}: {where}{error.strerror or error}") from error


def _number(error: OSError) -> int | None:
    """The system's own number, also of an error that was put into better words on its way."""
    cause = error.__cause__
    return error.errno if error.errno is not None or not isinstance(cause, OSError) else cause.errno


def python_child(name: str, arguments: Sequence[str], directory: Path, ready_url: str = "") -> Child:
    """A child that runs this very installation of edgeshift, whatever folder it starts in."""
    argv = (sys.executable, "-m", "decision_engine.entry", *arguments)
    return Child(name, argv, directory, ready_url, python_environment())


def python_environment() -> dict[str, str]:
    """Environment in which ``python -m`` finds this very installation and nothing from the current folder."""
    return {"PYTHONPATH": str(Path(decision_engine.__file__).parents[1]), "PYTHONSAFEPATH": "1"}


def find_program(variable: str, names: Sequence[str], package: str) -> str:
    """Path of a program: the environment variable's word, else the first name on PATH.

    Raises:
        LabError: none is there; the sentence names the Debian package and the variable.
    """
    named = os.environ.get(variable)
    if named:
        if not os.access(named, os.X_OK):
            raise LabError(f"{variable} names {named}, which is not a program that can be run")
        return named
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise LabError(f"{names[0]} was not found: install Debian's package {package}, or set {variable} to an existing program")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
