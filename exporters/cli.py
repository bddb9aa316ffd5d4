"""The command line of what runs on a device: ``edgeshift exporter`` serves its metrics and those of its AI programs."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest

from exporters.device.collector import DeviceCollector
from exporters.device.processes import ProcessTable
from exporters.device.server import Endpoint, PageServer
from exporters.device.usage import CpuLoad, HostLoad, LentLoad, UsageSampler, Witness
from exporters.device.window import SAMPLING_SECONDS, SHORTEST_SECONDS
from exporters.workload.collector import CATALOG_ID, Surroundings, WorkloadCollector
from exporters.workload.listener import DEFAULT_MODE, DEFAULT_SOCKET, Listener, SocketError

DEFAULT_LISTEN: Final = "127.0.0.1:9750"
DEFAULT_WINDOW_SECONDS: Final = 5.0
_LONGEST_WINDOW_SECONDS: Final = 300.0
_HIGHEST_PORT: Final = 65535
_OWN_PROC: Final = Path("/proc")
"""Senders' process ids are named in our own namespace, so they are looked up here even where ``--root`` is another tree."""

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

_EXAMPLES: Final = """examples:
  edgeshift exporter                                  serve this machine at http://127.0.0.1:9750/metrics
  edgeshift exporter --listen 10.0.0.7:9750           let a Prometheus on another machine scrape it
  edgeshift exporter --lent-cores 2 --socket /tmp/edge.sock
                                                      measure AI programs against the 2 cores that are lent
  edgeshift exporter --root /host --once              print one page of the tree under /host and end
"""


class CannotStart(Exception):
    """The exporter cannot do what the options ask; the text is a sentence for the person who typed them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line asks for; ``lent_cores`` None: the whole machine is measured; ``device`` None: programs of any are heard."""

    listen: Endpoint
    socket: Path
    socket_mode: int
    lent_cores: float | None
    root: Path
    window_seconds: float
    once: bool
    device: str | None


def main(argv: list[str]) -> int:
    """Run ``edgeshift exporter`` with the words after ``edgeshift``; the answer is the exit code (1: failed, 2: usage)."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_USAGE
    try:
        settings = _settings(arguments)
        return _print_once(settings) if settings.once else _serve(settings)
    except (CannotStart, SocketError) as error:
        print(f"edgeshift exporter: {error}", file=sys.stderr)
        return EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edgeshift", description="What runs on a device.")
    exporter = parser.add_subparsers(dest="command", required=True, metavar="exporter").add_parser(
        "exporter",
        help="serve the metrics of this device and of its AI programs",
        description="Serves the metrics of this device and of its AI programs at /metrics, for Prometheus.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    exporter.add_argument("--listen", default=DEFAULT_LISTEN, metavar="HOST:PORT", help="where to serve (default %(default)s)")
    default_socket = os.environ.get("EDGESHIFT_SOCKET") or DEFAULT_SOCKET
    exporter.add_argument("--socket", default=default_socket, metavar="PATH", help="where AI programs hand in (default %(default)s)")
    exporter.add_argument("--socket-mode", default=f"{DEFAULT_MODE:o}", metavar="MODE", help="who may, in octal (default %(default)s)")
    default_device = os.environ.get("EDGESHIFT_DEVICE") or None
    only_its = "this device's id in the catalogue; programs that speak for another are refused (default: any is heard)"
    exporter.add_argument("--device", default=default_device, metavar="ID", help=only_its)
    exporter.add_argument("--lent-cores", metavar="X", help="measure AI programs against X cores that the owner lends")
    exporter.add_argument("--root", default="/", metavar="DIR", help="where the machine's /proc and /sys are (default %(default)s)")
    window = f"{DEFAULT_WINDOW_SECONDS:g}"
    exporter.add_argument("--window-seconds", default=window, metavar="S", help="trailing window of CPU usage (default %(default)s)")
    exporter.add_argument("--once", action="store_true", help="print one page of the device's own metrics and end")
    return parser


def _settings(arguments: argparse.Namespace) -> Settings:
    root = Path(arguments.root)
    if not root.is_dir():
        raise CannotStart(f"--root {arguments.root} is not a folder; name the one that holds proc and sys.")
    lent = arguments.lent_cores
    try:
        mode = int(arguments.socket_mode, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise CannotStart(f"--socket-mode {arguments.socket_mode} is not an octal mode between 000 and 777; 660 is usual.")
    device = arguments.device
    if device is not None and not CATALOG_ID.fullmatch(device):
        raise CannotStart(f"--device {device!r} is not an id of a catalogue: small letters, digits, '.', '_' and '-', such as edge-07.")
    return Settings(
        listen=_endpoint(arguments.listen),
        socket=Path(arguments.socket),
        socket_mode=mode,
        lent_cores=None if lent is None else _number("--lent-cores", lent, 0.0, float("inf")),
        root=root,
        window_seconds=_number("--window-seconds", arguments.window_seconds, SHORTEST_SECONDS, _LONGEST_WINDOW_SECONDS),
        once=arguments.once,
        device=device,
    )


def _endpoint(text: str) -> Endpoint:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) <= _HIGHEST_PORT):
        raise CannotStart(f"--listen {text} is not of the form HOST:PORT with a port up to {_HIGHEST_PORT}, such as {DEFAULT_LISTEN}.")
    return Endpoint(host, int(port))


def _number(option: str, text: str, at_least: float, at_most: float) -> float:
    """A number in bounds; where the lower bound is 0, 0 itself is out: nothing can be measured against it."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not at_least <= number <= at_most or number == 0 or math.isinf(number):
        upper = "" if math.isinf(at_most) else f" and at most {at_most:g}"
        lower = "above 0" if at_least == 0 else f"of at least {at_least:g}"
        raise CannotStart(f"{option} {text} is not a number {lower}{upper}.")
    return number


def _device(settings: Settings, witness: Witness | None) -> tuple[DeviceCollector, UsageSampler]:
    load: CpuLoad = HostLoad(settings.root) if settings.lent_cores is None else LentLoad(settings.lent_cores, witness)
    sampler = UsageSampler(load, settings.window_seconds, time.monotonic)
    return DeviceCollector(settings.root, sampler, time.time, _ticks_per_second()), sampler


def _ticks_per_second() -> float:
    return float(os.sysconf("SC_CLK_TCK"))


def _print_once(settings: Settings) -> int:
    """Print the device's own metrics. AI programs are not listened for: their socket belongs to the exporter that serves."""
    registry = CollectorRegistry(auto_describe=False)
    device, sampler = _device(settings, witness=None)
    registry.register(device)
    sampler.sample()
    time.sleep(SAMPLING_SECONDS)
    sampler.sample()
    sys.stdout.write(generate_latest(registry).decode("utf-8"))
    return EXIT_OK


def _serve(settings: Settings) -> int:
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    table = ProcessTable(_OWN_PROC)
    workloads = WorkloadCollector(Surroundings(time.time, time.monotonic, table.key), device=settings.device)
    device, sampler = _device(settings, Witness(workloads.programs, table, _ticks_per_second()))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(device)
    registry.register(workloads)
    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, number, signal.signal(number, stop))
        server = _open(settings.listen, registry)
        stack.callback(server.stop)
        listener = Listener(settings.socket, workloads.accept, settings.socket_mode)
        stack.callback(listener.stop)
        listener.start()
        stack.callback(sampler.stop)
        sampler.start()
        server.start()
        print(f"edgeshift exporter: http://{server.endpoint}/metrics, AI programs at {settings.socket}", file=sys.stderr, flush=True)
        stopping.wait()
    return EXIT_OK


def _open(endpoint: Endpoint, registry: CollectorRegistry) -> PageServer:
    try:
        return PageServer(endpoint, registry)
    except OSError as error:
        why = error.strerror or str(error)
        raise CannotStart(f"Cannot listen on {endpoint}: {why}; stop what listens there or choose another with --listen.") from error
