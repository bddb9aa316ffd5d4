"""The command line of ``edgeshift bridge``: takes what AI programs post today and serves it to Prometheus."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from exporters.bridge.loading import ConfigurationError
from exporters.bridge.reading import endpoint
from exporters.bridge.settings import DEFAULT_LISTEN
from exporters.device.server import Endpoint

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

_EXAMPLES: Final = f"""examples:
  edgeshift bridge                                    listen on {DEFAULT_LISTEN} and list at /sources who sends what;
                                                      without a configuration everything has trust low
  edgeshift bridge --config bridge.toml               take senders as they are mapped there (docs/bridge.md)
  edgeshift bridge --config bridge.toml --check       say all that is wrong with a configuration, and end
  edgeshift bridge --config bridge.toml --listen 0.0.0.0:6432
                                                      let devices on the network post

SIGHUP reads the configuration and the token files again, whole or not at all. Metrics are at /metrics (scrape it with
honor_labels: true), who sends what and what was refused at /sources.
"""


def main(argv: list[str]) -> int:
    """Run ``edgeshift bridge`` with the words after ``bridge``; the answer is the exit code (1: failed, 2: usage)."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_USAGE
    if find_spec("aiohttp") is None:
        return _failed("aiohttp is not installed here; edgeshift's extra «bridge» brings it.")
    listen = endpoint(arguments.listen) if arguments.listen else None
    if arguments.listen and listen is None:
        return _failed(f"--listen {arguments.listen} is not of the form HOST:PORT, such as {DEFAULT_LISTEN}.")
    return _run(Path(arguments.config) if arguments.config else None, listen, arguments.check)


def _run(path: Path | None, listen: Endpoint | None, only_check: bool) -> int:
    from exporters.bridge.serving import CannotServe, Start, serve, settings_of

    start = Start(path, listen, _say)
    try:
        if not only_check:
            serve(start)
            return EXIT_OK
        settings = settings_of(start)
    except ConfigurationError as error:
        return _failed(*error.sentences)
    except CannotServe as error:
        return _failed(str(error))
    sys.stdout.write(f"{path or 'the defaults'}: {len(settings.sources)} sources, {len(settings.ais)} AIs, all fine\n")
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgeshift bridge",
        description="Takes what AI programs and devices in the field post today, and serves it as metrics to Prometheus.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="who the senders are, as TOML (docs/examples/bridge.example.toml)")
    parser.add_argument("--listen", metavar="HOST:PORT", help=f"where to listen, before the configuration's (default {DEFAULT_LISTEN})")
    parser.add_argument("--check", action="store_true", help="check the configuration and end")
    return parser


def _say(sentence: str) -> None:
    sys.stderr.write(f"edgeshift bridge: {sentence}\n")
    sys.stderr.flush()


def _failed(*sentences: str) -> int:
    for sentence in sentences:
        _say(sentence)
    return EXIT_FAILED
