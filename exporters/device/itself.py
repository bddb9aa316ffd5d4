"""What the exporter costs: its own resident memory and CPU time, so that nobody has to believe that it is light."""

from __future__ import annotations

import os
import time
from typing import Final

from exporters.device.sensor import UNPARSABLE, SensorError
from exporters.device.source import Report, Source, one
from exporters.device.tree import Tree

_RESIDENT_FIELD: Final = 1
"""Of /proc/self/statm, in pages: proc_pid_statm(5)."""


def own_source(own: Tree) -> Source:
    """``own`` is the root under which this process sees itself, whatever machine it watches."""
    page_bytes = os.sysconf("SC_PAGE_SIZE")

    def look() -> Report:
        report = Report()
        report.sensor(
            "exporter_memory", lambda: one("edge_exporter_resident_memory_bytes", _resident_pages(own.text("proc/self/statm")) * page_bytes)
        )
        report.sensor("exporter_cpu", lambda: one("edge_exporter_cpu_seconds_total", time.process_time()))
        return report

    return Source("exporter", look)


def _resident_pages(text: str) -> int:
    words = text.split()
    if len(words) <= _RESIDENT_FIELD or not words[_RESIDENT_FIELD].isdecimal():
        raise SensorError(UNPARSABLE)
    return int(words[_RESIDENT_FIELD])
