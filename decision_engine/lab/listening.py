"""Listens to the engine's live stream, over its restarts, and to the results that this machine's AI programs publish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec
from prometheus_client.parser import text_string_to_metric_families

RECONNECT_SECONDS = 0.3
QUIET_SECONDS = 30.0
"""The stream says something at least every fifteen seconds; twice that is a broken connection."""
LAST_RESULT = "ai_last_result_timestamp_seconds"
MOST_LINE_BYTES = 64 * 2**20
"""One event carries the whole fleet."""


class EngineListener:
    """Hands every event to ``take`` until cancelled; a stream that breaks is opened again."""

    def __init__(self, url: str, take: Callable[[str, dict[str, Any]], None]) -> None:
        self._url = f"{url}/api/v1/stream"
        self._take = take

    async def run(self) -> None:
        """Listen for ever."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=QUIET_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, read_bufsize=MOST_LINE_BYTES) as session:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError, ValueError):
                    async for event, body in _events(session, self._url):
                        self._take(event, body)
                await asyncio.sleep(RECONNECT_SECONDS)


async def _events(session: aiohttp.ClientSession, url: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    async with session.get(url) as answer:
        answer.raise_for_status()
        event = ""
        async for line in answer.content:
            if line.startswith(b"event: "):
                event = line[7:].strip().decode()
            elif line.startswith(b"data: "):
                yield event, msgspec.json.decode(line[6:])


class HostResults:
    """The newest result of each camera that this machine analyses, by its own exporter, Unix seconds."""

    def __init__(self, page_url: str) -> None:
        self._url = page_url
        self.newest: dict[str, float] = {}

    async def run(self, every_seconds: float) -> None:
        """Read the page for ever; while it does not answer nothing is known and nothing is changed."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError, ValueError):
                    async with session.get(self._url) as answer:
                        self._read(await answer.text())
                await asyncio.sleep(every_seconds)

    def _read(self, page: str) -> None:
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                if sample.name == LAST_RESULT:
                    camera = sample.labels["workload"].split("/")[1]
                    self.newest[camera] = max(self.newest.get(camera, 0.0), float(sample.value))
