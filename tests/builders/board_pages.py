"""Golden pages: what the exporter makes of a board's tree, and of each of its tegrastats lines, without its own cost."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from exporters.device.collector import DeviceCollector
from exporters.device.page import DevicePage
from exporters.device.source import Source
from exporters.jetson.tegrastats import parse
from exporters.jetson.tegrastats_feed import SOURCE_NAME
from exporters.wiring import Device, Watch
from tests.builders.board_looks import WINDOW_SECONDS
from tests.builders.boards import DATA

OWN_COST: Final = "edge_exporter_"
"""What the exporter says of its own time and memory is another number each time."""

LINE_MARK: Final = "## "
"""Before each line's page in a golden file of tegrastats: two pages are not one."""

WRITE: Final = os.environ.get("EDGESHIFT_GOLDEN") == "write"


def without_own_cost(page: str) -> str:
    """Leave out the lines of families that tell what the exporter costs."""
    return "".join(line for line in page.splitlines(keepends=True) if OWN_COST not in line.split("{")[0])


def page_of_tree(root: Path) -> str:
    """Ask the exporter's own wiring for the page of the board under ``root``."""
    device = Device(Watch(root, WINDOW_SECONDS))
    device.warm_up()
    _, page = DevicePage(device.collector)()
    device.stop()
    return without_own_cost(page.decode("utf-8"))


def page_of_line(text: str) -> str:
    """What the exporter would say, had it nothing but this line."""
    collector = DeviceCollector([Source(SOURCE_NAME, lambda: parse(text))])
    _, page = DevicePage(collector)()
    collector.close()
    return without_own_cost(page.decode("utf-8"))


def pages_in(golden: str) -> list[str]:
    """Each line's page of a golden file of tegrastats, without the line that says whose it is."""
    return re.split(rf"^{LINE_MARK}.*\n", golden, flags=re.MULTILINE)[1:]


def golden(file: str, now: str) -> str:
    """The golden page of this file name; writes it first where EDGESHIFT_GOLDEN=write asks for it."""
    path = DATA / file
    if WRITE:
        path.write_text(now, encoding="utf-8")
    return path.read_text(encoding="utf-8")
