"""A driver that hangs from the start costs its own sensor, and never the exporter."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from exporters.emulated.boards import load, write
from exporters.wiring import Device, Watch
from tests.builders.exporters import Page
from tests.builders.hanging_tree import Hanging

pytestmark = pytest.mark.real

WITHIN_SECONDS = 10.0


def test_a_gpu_driver_that_hangs_does_not_keep_the_exporter_from_starting(tmp_path: Path) -> None:
    write(load("orin-nx"), tmp_path)
    tree = Hanging(tmp_path, "/load")
    began = time.monotonic()
    device = Device(Watch(tmp_path, 5.0), tree)
    device.start()
    assert time.monotonic() - began < WITHIN_SECONDS
    try:
        while (said := Page(device.collector)).reason("gpu_usage") != "timed_out":
            assert said.reason("gpu_usage") == "warming_up"
            assert time.monotonic() - began < WITHIN_SECONDS
            time.sleep(0.1)
    finally:
        tree.over.set()
        device.stop()
    assert said.value("edge_memory_total_bytes") is not None
    assert said.value("edge_temperature_celsius", zone="CPU-therm") is not None
