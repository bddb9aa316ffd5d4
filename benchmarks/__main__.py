"""Run every benchmark of this folder and write docs/benchmarks.md; names on the command line choose some of them."""

from __future__ import annotations

import argparse
import os
import pkgutil
import platform
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import benchmarks
from benchmarks.table import BenchmarkError, Row, as_row, page

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def modules() -> list[str]:
    """Name the modules of this folder that define ``rows``, in alphabetical order."""
    names = sorted(found.name for found in pkgutil.iter_modules(benchmarks.__path__) if found.name != "__main__")
    return [name for name in names if hasattr(import_module(f"benchmarks.{name}"), "rows")]


def measure(name: str) -> list[Row]:
    """Run one benchmark.

    Raises:
        BenchmarkError: it answered a row that cannot be written down.
    """
    return [as_row(name, row) for row in import_module(f"benchmarks.{name}").rows()]


def machine() -> str:
    """Describe this machine by what matters for the figures; its name is nobody's business."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main(arguments: Sequence[str]) -> int:
    """Measure, print and, when nothing was left out, write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks to run; without a name all run and docs/benchmarks.md is written")
    known = modules()
    chosen = parser.parse_args(arguments).names
    if unknown := sorted(set(chosen) - set(known)):
        print(f"benchmarks: no such benchmark: {', '.join(unknown)}; there are: {', '.join(known) or 'none yet'}", file=sys.stderr)
        return 2
    if not known:
        print("benchmarks: there is nothing to measure: no module in benchmarks/ defines rows()", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in chosen or known:
        print(f"• {name}", flush=True)
        try:
            rows += measure(name)
        except BenchmarkError as error:
            print(error, file=sys.stderr)
            return 1
    text = page(rows, machine())
    print(text)
    if not chosen:
        PAGE.write_text(text, encoding="utf-8")
        print(f"written: {PAGE.relative_to(PAGE.parent.parent)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
