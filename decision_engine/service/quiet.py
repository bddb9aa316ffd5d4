"""Keeps aiohttp's log readable: what a client sent wrong is one line there, and not more than one in a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

SERVER_LOGGER = "aiohttp.server"
ONE_LINE_PER_SECONDS = 10.0
"""Whoever sends nonsense in a loop shall be seen in the log, but not fill it."""
CLIENT_FAULTS = (HttpProcessingError, web.RequestPayloadError, ConnectionError)


class OneLine(logging.Filter):
    """Lets a client's fault pass as one line without a traceback, and counts those held back; our own faults stay whole."""

    def __init__(self, uptime: Callable[[], float] = time.monotonic) -> None:
        """``uptime`` gives seconds that never jump."""
        super().__init__()
        self._uptime = uptime
        self._said_at: float | None = None
        self._held_back = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the record; False when one was said a moment ago."""
        fault = record.exc_info[1] if record.exc_info else None
        if not isinstance(fault, CLIENT_FAULTS):
            return True
        now = self._uptime()
        if self._said_at is not None and now - self._said_at < ONE_LINE_PER_SECONDS:
            self._held_back += 1
            return False
        more = f" ({self._held_back} more like it since the last line)" if self._held_back else ""
        what = record.getMessage().partition("\n")[0]
        record.msg, record.args = f"{what}: the client's fault, {type(fault).__name__}{more}", ()
        record.exc_info = record.exc_text = None
        self._said_at, self._held_back = now, 0
        return True


def keep_quiet() -> None:
    """Put the filter before aiohttp's server log, once for the whole process."""
    logger = logging.getLogger(SERVER_LOGGER)
    if not any(isinstance(one, OneLine) for one in logger.filters):
        logger.addFilter(OneLine())
