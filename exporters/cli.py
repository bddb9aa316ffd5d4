"""The command line of what runs on a device: ``edgeshift exporter`` with its commands, and ``edgeshift bridge``."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Final

from exporters.device.page import DevicePage
from exporters.device.processes import ProcessTable
from exporters.device.server import Endpoint, Health, PageServer
from exporters.device.usage import Witness
from exporters.options import CannotStart, Settings, parser, settings
from exporters.wiring import Device, Watch
from exporters.workload.collector import Surroundings, WorkloadCollector
from exporters.workload.listener import Listener, SocketError

_OWN_PROC: Final = Path("/proc")
"""Senders' process ids are named in our own namespace, so they are looked up here even where ``--root`` is another tree."""

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

_ROOMS: Final = {
    ("exporter", "record"): "exporters.recording.cli",
    ("exporter", "emulate"): "exporters.emulated.cli",
    ("bridge",): "exporters.bridge.cli",
}
"""Commands with a command line of their own. Imported by name when asked for: what serves a device must not bring them along."""

_HELP: Final = """usage: edgeshift exporter [options] | edgeshift exporter record | edgeshift exporter emulate | edgeshift bridge

What runs on a device.

  edgeshift exporter --help            serve the metrics of this device and of its AI programs
  edgeshift exporter record --help     copy what is read of this machine to a folder
  edgeshift exporter emulate --help    let a board that nobody has here move in a folder
  edgeshift bridge --help              take what AI programs of the field post, and turn it into metrics
"""


def main(argv: list[str]) -> int:
    """Run what the words after ``edgeshift`` name; the answer is the exit code (1: failed, 2: usage)."""
    for words, module in _ROOMS.items():
        if tuple(argv[: len(words)]) == words:
            return _hand_over(" ".join(words), module, argv[len(words) :])
    if argv[:1] != ["exporter"]:
        asked = argv[:1] in (["-h"], ["--help"])
        print(_HELP, end="", file=sys.stdout if asked else sys.stderr)
        return EXIT_OK if asked else EXIT_USAGE
    return _export(argv[1:])


def _hand_over(words: str, module: str, argv: list[str]) -> int:
    try:
        room = import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("exporters"):
            raise  # a part of our own is missing: no extra brings it
        print(f"edgeshift {words}: {error.name} is not installed here; edgeshift's extra «bridge» brings it.", file=sys.stderr)
        return EXIT_FAILED
    code: int = room.main(argv)
    return code


def _export(argv: list[str]) -> int:
    try:
        arguments = parser().parse_args(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_USAGE
    try:
        asked = settings(arguments)
        return _print_once(asked) if asked.once else _serve(asked)
    except (CannotStart, SocketError) as error:
        print(f"edgeshift exporter: {error}", file=sys.stderr)
        return EXIT_FAILED


def _print_once(asked: Settings) -> int:
    """Print the device's own metrics. AI programs are not listened for: their socket belongs to the exporter that serves."""
    device = Device(_watch(asked, witness=None))
    try:
        device.warm_up()
        _, page = DevicePage(device.collector)()
    finally:
        device.stop()
    sys.stdout.write(page.decode("utf-8"))
    return EXIT_OK


def _serve(asked: Settings) -> int:
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    table = ProcessTable(_OWN_PROC)
    workloads = WorkloadCollector(Surroundings(time.time, time.monotonic, table.key), device=asked.device)
    device = Device(_watch(asked, Witness(workloads.programs, table, float(os.sysconf("SC_CLK_TCK")))))
    listener = Listener(asked.socket, workloads.accept, asked.socket_mode)

    def health() -> str:
        if not listener.is_alive():
            return "Nobody listens for AI programs any more: restart the exporter."
        return "" if device.sampler.is_alive() else "Nobody looks at the loads any more: restart the exporter."

    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, number, signal.signal(number, stop))
        server = _open(asked.listen, DevicePage(device.collector, workloads), health)
        stack.callback(server.stop)
        stack.callback(listener.stop)
        listener.start()
        stack.callback(device.stop)
        device.start()
        gc.collect()
        gc.freeze()  # what is here now stays: to go through all of it again and again would cost more than the scrapes
        server.start()
        print(f"edgeshift exporter: http://{server.endpoint}/metrics, AI programs at {asked.socket}", file=sys.stderr, flush=True)
        stopping.wait()
    return EXIT_OK


def _watch(asked: Settings, witness: Witness | None) -> Watch:
    return Watch(asked.root, asked.window_seconds, asked.lent_cores, asked.tegrastats, witness)


def _open(endpoint: Endpoint, page: DevicePage, health: Health) -> PageServer:
    try:
        return PageServer(endpoint, page, health=health)
    except OSError as error:
        why = error.strerror or str(error)
        raise CannotStart(f"Cannot listen on {endpoint}: {why}; stop what listens there or choose another with --listen.") from error
