"""`edgeshift serve`: the engine and its HTTP service in one process, until a signal ends both."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from contextlib import closing
from pathlib import Path

import typer
from aiohttp import web

from decision_engine.catalog.store import CatalogError
from decision_engine.config import ConfigError, Settings, load_settings
from decision_engine.engine import Engine
from decision_engine.execute.faults import JournalError
from decision_engine.observe.signals import SignalError
from decision_engine.service.app import make_app
from decision_engine.service.loop import Loop
from decision_engine.service.metrics import EngineMetrics
from decision_engine.wiring import VERSION, build_engine, signals_of, tokens_of

log = logging.getLogger("edgeshift")

SHUTDOWN_SECONDS = 1.0
"""Open requests and streams get this long to end; with a second for the cycle under way a stop takes less than three."""


class PortTaken(Exception):
    """The service's address cannot be bound; the message says which and what to do."""


def serve_until_stopped(config: Path) -> int:
    """Run until SIGTERM or SIGINT; 1 with one sentence per mistake when it cannot start or cannot go on."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # how the journal's tables came about is nobody's concern on call
    try:
        asyncio.run(serve(load_settings(config)))
    except (ConfigError, CatalogError) as error:
        return _failed(*error.errors)
    except SignalError as error:
        return _failed(f"signals: {error}")
    except (JournalError, PortTaken) as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(f"{error.filename or 'a file of the engine'} cannot be used: {error.strerror or error}")
    return 0


async def serve(settings: Settings) -> None:
    """Build everything, turn the loop, and take it down in order; what may be missing is looked for before anything is begun.

    Raises:
        CatalogError, ConfigError, JournalError, OSError, PortTaken, SignalError: it cannot start, or the journal cannot
            be written any more.
    """
    tokens, _ = tokens_of(settings), signals_of(settings)
    with closing(_listening(settings.service.host, settings.service.port)) as door:
        engine = await build_engine(settings, time.time)
        try:
            loop = Loop(engine, EngineMetrics(VERSION, engine.actuator_names), time.time)
            _stop_on_signals(loop)
            app = make_app(loop, tokens, settings.service.max_body_bytes)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
            await runner.setup()
            try:
                await web.SockSite(runner, door).start()
                _say_begun(settings, engine)
                await loop.run()
            finally:
                await runner.cleanup()
        finally:
            await engine.close(time.time())
    log.info("ended cleanly")


def _listening(host: str, port: int) -> socket.socket:
    """The service's socket; whoever connects before the engine is built waits a moment.

    Raises:
        PortTaken: the address cannot be had.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        # create_server writes the address into its own text as well; a failed look-up of the name has no number of the system's.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        advice = "end the other program or set service.listen to a free port"
        raise PortTaken(f"the service cannot listen on {host}:{port}: {why}; {advice}") from error


def _say_begun(settings: Settings, engine: Engine) -> None:
    service, devices = settings.service, len(engine.catalog.devices)
    log.info("service on http://%s:%d, %d devices in the catalogue", service.host, service.port, devices)


def _stop_on_signals(loop: Loop) -> None:
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, loop.stop)


def _failed(*sentences: str) -> int:
    for line in sentences:
        typer.echo(line, err=True)
    return 1
