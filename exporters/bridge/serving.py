"""Runs the bridge: opens the port and the state file, listens to signals, and leaves nothing half-done at the end."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from aiohttp import web

from exporters.bridge.app import Bridge
from exporters.bridge.consistency import is_loopback
from exporters.bridge.desk import Desk
from exporters.bridge.doors import Doors
from exporters.bridge.forward import Forwarder
from exporters.bridge.journal import Found, Journal, StateError
from exporters.bridge.keeper import Keeper, Kept
from exporters.bridge.loading import ConfigurationError, load
from exporters.bridge.observations import Clocks
from exporters.bridge.settings import Settings
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
        host, port = door.getsockname()[:2]
        asyncio.run(_serve(replace(start, listen=Endpoint(host, port)), replace(settings, listen=Endpoint(host, port)), door))


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
    say = start.say
    clocks = Clocks(time.time, time.monotonic)
    desk = Desk(settings, clocks)
    forwarder = Forwarder(settings.service)
    try:
        bridge = Bridge(desk, forwarder, clocks, say)
        doors = Doors(bridge.handle, settings.limits.connections, settings.limits.request_seconds)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: _reload(start, bridge))
        async with (
            _kept(bridge, settings.state_file, say),
            _repeated(doors.cut_late, _CUT_SECONDS),
            _repeated(lambda: desk.tidy(time.time(), time.monotonic()), _TIDY_SECONDS),
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


def _reload(start: Start, bridge: Bridge) -> None:
    """Read the configuration again, whole or not at all."""
    if start.path is None:
        start.say("There is no configuration to read again: start with --config FILE.")
        return
    try:
        settings = settings_of(start)
    except ConfigurationError as error:
        start.say("The configuration stays as it was, because the file is wrong:")
        for sentence in error.sentences:
            start.say(sentence)
        return
    before = bridge.desk.settings
    bridge.reload(settings)
    start.say(f"The configuration was read again: {len(settings.sources)} sources, {len(settings.ais)} AIs, {len(settings.tokens)} tokens.")
    if (settings.state_file, settings.limits.connections) != (before.state_file, before.limits.connections):
        start.say("Another state_file or limits.connections takes effect at the next start.")


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
    try:
        desk.restore(found.rows, found.entries)
    except (ValueError, TypeError, KeyError):
        say(journal.set_aside(with_log=True))
        desk.forget_totals()


@asynccontextmanager
async def _repeated(work: Callable[[], None], seconds: float) -> AsyncIterator[None]:
    """Do something again and again as long as this lasts."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(seconds)
            work()

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


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
