"""The words of ``edgeshift exporter``: its options, their defaults, and what is wrong with a value, in one sentence."""

from __future__ import annotations

import argparse
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporters.device.server import Endpoint
from exporters.device.window import SHORTEST_SECONDS
from exporters.wiring import AUTO, OFF
from exporters.workload.collector import CATALOG_ID
from exporters.workload.listener import DEFAULT_MODE, DEFAULT_SOCKET

DEFAULT_LISTEN: Final = "127.0.0.1:9750"
DEFAULT_WINDOW_SECONDS: Final = 5.0
_LONGEST_WINDOW_SECONDS: Final = 300.0
_HIGHEST_PORT: Final = 65535

_EXAMPLES: Final = """commands of their own (each has --help):
  edgeshift exporter record DIR                       copy what is read of this machine to DIR, without names and numbers of its own
  edgeshift exporter emulate --board orin-nx --root DIR
                                                      let a board that nobody has here move in DIR
  edgeshift bridge                                    take what AI programs of the field post, at port 6432

examples:
  edgeshift exporter                                  serve this machine at http://127.0.0.1:9750/metrics
  edgeshift exporter --listen 10.0.0.7:9750           let a Prometheus on another machine scrape it
  edgeshift exporter --lent-cores 2 --socket /tmp/edge.sock
                                                      measure AI programs against the 2 cores that are lent
  edgeshift exporter --root /host --once              print one page of the tree under /host and end
  edgeshift exporter --tegrastats /usr/bin/tegrastats run tegrastats for what the kernel's files do not tell
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
    tegrastats: str


def parser() -> argparse.ArgumentParser:
    """The options of ``edgeshift exporter``, without those of ``record`` and ``emulate``."""
    exporter = argparse.ArgumentParser(
        prog="edgeshift exporter",
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
    exporter.add_argument("--window-seconds", default=window, metavar="S", help="trailing window of loads (default %(default)s)")
    lines = "auto: only where a Jetson's GPU load is not in /sys, or a recorded tree holds tegrastats.txt; off; or a program or text"
    exporter.add_argument("--tegrastats", default=AUTO, metavar="auto|off|PATH", help=f"{lines} (default %(default)s)")
    exporter.add_argument("--once", action="store_true", help="print one page of the device's own metrics and end")
    return exporter


def settings(arguments: argparse.Namespace) -> Settings:
    """What was typed, checked; raises CannotStart."""
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
    if arguments.tegrastats not in (AUTO, OFF) and not Path(arguments.tegrastats).is_file():
        raise CannotStart(f"--tegrastats {arguments.tegrastats} is neither auto, off, nor a file; name the program or a text of its lines.")
    return Settings(
        listen=_endpoint(arguments.listen),
        socket=Path(arguments.socket),
        socket_mode=mode,
        lent_cores=None if lent is None else _number("--lent-cores", lent, 0.0, float("inf")),
        root=root.absolute(),
        window_seconds=_number("--window-seconds", arguments.window_seconds, SHORTEST_SECONDS, _LONGEST_WINDOW_SECONDS),
        once=arguments.once,
        device=device,
        tegrastats=arguments.tegrastats,
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
