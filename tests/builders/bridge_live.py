"""A real bridge as a child process, asked over real sockets, and a light sender that posts at a steady rate."""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporters.bridge import cli
from tests.builders.bridge import samples

ROOT = Path(cli.__file__).parents[2]
PROGRAM = "import sys; from exporters.bridge.cli import main; sys.exit(main(sys.argv[1:]))"
PATIENCE_SECONDS = 15.0


@dataclass
class BridgeProcess:
    """One running bridge: its port, and everything it said on standard error."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """GET, or POST where there is a body; status and text of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET" if body is None else "POST", path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def value(self, name: str, **labels: str) -> float | None:
        """One sample of /metrics."""
        return next((value for _, value in samples(self.ask("/metrics")[1], name, labels)), None)

    @property
    def said(self) -> str:
        """Everything it told the operator."""
        return self.log.read_text()

    def until_said(self, words: str) -> None:
        """Wait until it has told the operator something."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while words not in self.said:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"never said {words!r}: {self.said}")
            time.sleep(0.02)

    def resident_bytes(self) -> int:
        """Memory of the process now."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        """CPU time of the process so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> int:
        """End it as an init system does."""
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_bridge(
    folder: Path, configuration: str | None = None, words: Sequence[str] = (), configured_port: int = 0
) -> Iterator[BridgeProcess]:
    """Run one until the block ends; without a configuration as it is by default, but on another port."""
    port = configured_port or free_port()
    options = [*words] if configured_port else ["--listen", f"127.0.0.1:{port}", *words]
    if configuration is not None:
        (folder / "bridge.toml").write_text(configuration)
        options += ["--config", str(folder / "bridge.toml")]
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".log") as log:
        command = [sys.executable, "-c", PROGRAM, *options]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        bridge = BridgeProcess(process, port, Path(log.name))
        try:
            bridge.until_said("/metrics")
            yield bridge
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Load:
    """So many posts a second for so many seconds, over so many kept connections (0: a new one for each post)."""

    posts_per_second: int
    seconds: float
    connections: int
    senders: int = 200


@dataclass(frozen=True)
class Outcome:
    """Posts sent, those answered with success, and the seconds from when each was due to its answer, sorted."""

    sent: int
    fine: int
    seconds: Sequence[float]

    def percentile(self, percent: float) -> float:
        """Seconds within which so many per cent of the answers came."""
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * percent / 100))]


def send(port: int, load: Load, path: str = "/usage") -> Outcome:
    """Post C-03 of many devices at a steady rate; each post is on time, however slow the one before was."""
    return asyncio.run(_send(port, load, path))


async def _send(port: int, load: Load, path: str) -> Outcome:
    total = round(load.posts_per_second * load.seconds)
    seconds: list[float] = []
    fine = 0
    idle: asyncio.Queue[Any] = asyncio.Queue()
    for _ in range(load.connections):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    loop = asyncio.get_running_loop()
    begin = loop.time() + 0.05

    async def one(number: int) -> None:
        nonlocal fine
        due = begin + number / load.posts_per_second
        pair = await idle.get() if load.connections else await asyncio.open_connection("127.0.0.1", port)
        reader, writer = pair
        writer.write(_request(number % load.senders, path, bool(load.connections)))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        seconds.append(loop.time() - due)
        fine += b'"0000"' in body
        if load.connections:
            idle.put_nowait(pair)
        else:
            writer.close()

    waiting: set[asyncio.Task[None]] = set()
    for number in range(total):
        delay = begin + number / load.posts_per_second - loop.time()
        if delay > 0:
            await asyncio.sleep(delay)
        task = asyncio.create_task(one(number))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
    await asyncio.gather(*waiting)
    while not idle.empty():
        idle.get_nowait()[1].close()
    return Outcome(total, fine, sorted(seconds))


def _request(sender: int, path: str, keep: bool) -> bytes:
    """One post as the field sends it: double-encoded, with requests' usual headers."""
    body = f'"{{\\"code\\":\\"0000\\",\\"username\\":\\"edge-{sender:03d}\\",\\"cpu\\":{sender % 100}.5,\\"memory\\":41.0}}"'
    kept = "keep-alive" if keep else "close"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: python-requests/2.31.0\r\nAccept-Encoding: gzip, deflate\r\n"
        f"Accept: */*\r\nConnection: {kept}\r\nContent-Length: {len(body)}\r\nContent-Type: application/json\r\n\r\n"
    )
    return (head + body).encode()
