"""Runs the bridge: opens the port and the state file, listens to signals, and leaves nothing half-done at the end."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from exporters.bridge.app import Bridge
from exporters.bridge.consistency import is_loopback
from exporters.bridge.desk import Desk
from exporters.bridge.doors import Doors
from exporters.bridge.forward import Forwarder
from exporters.bridge.journal import Found, Journal, StateError
from exporters.bridge.keeper import Keeper, Kept
from exporters.bridge.loading import load
from exporters.bridge.observations import Clocks
from exporters.bridge.rereading import Rereading
from exporters.bridge.rows import entry_fits, fits, past, past_entry
from exporters.bridge.settings import Settings
from exporters.bridge.strangers import Strangers
from exporters.bridge.wall import Wall
from exporters.device.server import Endpoint

SHUTDOWN_SECONDS: Final = 5.0
_BACKLOG: Final = 1024
"""Connections that wait to be taken: most senders open one for each post."""
_TAKEN_AT_ONCE: Final = 64
"""What these post is read before more are taken, so that a burst waits in the system's queue and is not refused."""
_CUT_SECONDS: Final = 1.0
_TIDY_SECONDS: Final = 60.0

Say = Callable[[str], None]


class CannotServe(Exception):
    """The bridge cannot start; the text is a sentence for the person who started it."""


@dataclass(frozen=True, slots=True)
class Start:
    """What to run: the file of settings (None: defaults), where to listen instead of what it says, whom to tell a sentence."""

    path: Path | None
    listen: Endpoint | None
    say: Say


def settings_of(start: Start) -> Settings:
    """What the file says, and where to listen.

    Raises:
        ConfigurationError: anything in the file is wrong.
    """
    settings = load(start.path) if start.path else Settings()
    return replace(settings, listen=start.listen or settings.listen)


def serve(start: Start) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the configuration again.

    Raises:
        CannotServe: the port or the state file cannot be used.
        ConfigurationError: anything in the file of settings is wrong.
    """
    settings = settings_of(start)
    with _listening(settings.listen) as door:
        asyncio.run(_serve(start, settings, door))


def warnings(settings: Settings) -> list[str]:
    """What an operator should know before others can post, a sentence each."""
    said: list[str] = []
    if not is_loopback(settings.listen.host) and not (settings.tokens_only or settings.allow):
        said.append(
            f"Anybody who reaches {settings.listen} can post; what comes without a token or a confirmed mapping has trust low."
            " Set allow or tokens_only to close it."
        )
    if settings.service is not None and settings.service.url.startswith("http:"):
        host = settings.service.url.removeprefix("http://").rpartition(":")[0] or settings.service.url.removeprefix("http://")
        if not is_loopback(host.strip("[]")):
            said.append("The service's token travels unencrypted; use https for a service on another machine.")
    return said


async def _serve(start: Start, settings: Settings, door: socket.socket) -> None:
    say, asked_for = start.say, settings
    settings = replace(settings, listen=Endpoint(*door.getsockname()[:2]))

    def settle(now: float, back_seconds: float) -> None:
        desk.totals.settle(now, back_seconds)

    clocks = Clocks(Wall(time.time, time.monotonic, settle), time.monotonic)
    desk = Desk(settings, clocks)
    forwarder = Forwarder(settings.service)
    try:
        bridge = Bridge(desk, forwarder, clocks, say)
        doors = Doors(bridge.handle, settings.limits, Strangers(desk))
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        rereading = Rereading(lambda: settings_of(start), lambda fresh: _take_over(fresh, asked_for, bridge, doors), say)
        loop.add_signal_handler(signal.SIGHUP, rereading.ask if start.path else lambda: say(_NO_FILE))
        async with (
            _kept(bridge, settings.state_file, say),
            _repeated(doors.cut_late, _CUT_SECONDS),
            _repeated(lambda: desk.tidy(clocks.wall(), clocks.monotonic()), _TIDY_SECONDS),
            _running(rereading.run()),
        ):
            runner = web.ServerRunner(doors, shutdown_timeout=SHUTDOWN_SECONDS)
            await runner.setup()
            site = web.SockSite(runner, door, backlog=_TAKEN_AT_ONCE)
            try:
                await site.start()
                door.listen(_BACKLOG)
                say(f"http://{settings.listen}/metrics, senders at /sources")
                for sentence in warnings(settings):
                    say(sentence)
                await stopping.wait()
                await site.stop()
                await doors.drain(SHUTDOWN_SECONDS)
            finally:
                await runner.cleanup()
    finally:
        await forwarder.close()


_NO_FILE: Final = "There is no configuration to read again: start with --config FILE."


def _take_over(fresh: Settings, first: Settings, bridge: Bridge, doors: Doors) -> str:
    """Go on by a configuration that was read again; the answer says what of it waits for a restart, as ``first`` was at the start."""
    now = bridge.desk.settings
    bridge.reload(replace(fresh, listen=now.listen, state_file=first.state_file))
    bridge.desk.totals.most_versions = fresh.limits.versions_of_one
    doors.limits = fresh.limits
    said = f"The configuration was read again: {len(fresh.sources)} sources, {len(fresh.ais)} AIs, {len(fresh.tokens)} tokens"
    waiting = []
    if fresh.listen != first.listen:
        waiting.append(f"listen stays {now.listen}")
    if fresh.state_file != first.state_file:
        waiting.append(f"state_file stays {first.state_file or 'unset'}")
    return f"{said}; but {' and '.join(waiting)} until a restart." if waiting else f"{said}."


@asynccontextmanager
async def _kept(bridge: Bridge, path: Path | None, say: Say) -> AsyncIterator[None]:
    """The state file, where there is one: read at the start, written all the while and at the end."""
    if path is None:
        yield
        return
    journal = Journal(path)
    desk = bridge.desk
    try:
        journal.open()
        found = journal.read()
        for sentence in found.sentences:
            say(sentence)
        _restore(desk, journal, found, say)
    except StateError as error:
        raise CannotServe(str(error)) from error
    keeper = Keeper(journal, found.number, Kept(lambda: list(desk.totals.rows()), desk.apply, say))
    bridge.keeper = keeper
    writing = asyncio.create_task(keeper.run())
    try:
        yield
    finally:
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        await keeper.finish()
        journal.close()


def _restore(desk: Desk, journal: Journal, found: Found, say: Say) -> None:
    """Take over all that can be true; what cannot is set aside and said, and nothing else is lost by it."""
    now = time.time()
    rows = [row for row in found.rows if fits(row)]
    entries = [past_entry(entry, now) for entry in found.entries if entry_fits(entry)]
    if strange := len(found.rows) - len(rows) + len(found.entries) - len(entries):
        say(f"{strange} lines of the state file cannot be true and were left out; it was {journal.set_aside()}.")
    desk.restore([row for row in (past(row, now) for row in rows) if row is not None], entries)
    desk.totals.date(now)


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something beside all else as long as this lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _repeated(work: Callable[[], None], seconds: float) -> AsyncIterator[None]:
    """Do something again and again as long as this lasts."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(seconds)
            work()

    async with _running(repeat()):
        yield


def _listening(endpoint: Endpoint) -> socket.socket:
    """The open port.

    Raises:
        CannotServe: it is taken, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((endpoint.host, endpoint.port))
    except OSError as error:
        door.close()
        why = error.strerror or str(error)
        raise CannotServe(f"Cannot listen on {endpoint}: {why}; stop what listens there or choose another with --listen.") from error
    return door
