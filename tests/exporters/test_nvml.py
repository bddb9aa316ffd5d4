"""What is said of NVIDIA GPUs: of one, of several, of one that is lost, and nothing that cannot be true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from exporters.device.nvml import RETRY_SECONDS, Nvml, NvmlLook, nvml_source
from exporters.device.source import Report
from tests.builders.tables import in_one_test

GIBIBYTE = 1 << 30
NOT_SUPPORTED, NO_PERMISSION, NO_DRIVER, TIMEOUT, GPU_IS_LOST, UNKNOWN = 3, 4, 9, 10, 15, 999


@dataclass
class Gpu:
    """What one GPU answers; ``codes`` by function name, ``handle_code`` when its handle is asked for."""

    usage: int = 40
    megahertz: int = 1500
    used: int = 2 * GIBIBYTE
    total: int = 8 * GIBIBYTE
    celsius: int = 61
    milliwatts: int = 75500
    codes: dict[str, int] = field(default_factory=dict)
    handle_code: int = 0


class Library:
    """NVML as a Python object: the same functions, arguments and codes."""

    def __init__(self, *gpus: Gpu) -> None:
        self.gpus = gpus
        self.starts = 0
        self.ends = 0
        self.start_code = 0
        self.missing: set[str] = set()

    def __getattr__(self, name: str) -> Callable[..., int]:
        if not name.startswith("nvml") or name in self.missing:
            raise AttributeError(name)
        return lambda *arguments: self._answer(name, *arguments)

    def _answer(self, name: str, *arguments: Any) -> int:
        if name == "nvmlInit_v2":
            self.starts += 1
            return self.start_code
        if name == "nvmlShutdown":
            self.ends += 1
            return 0
        to = arguments[-1]._obj
        if name == "nvmlDeviceGetCount_v2":
            to.value = len(self.gpus)
            return 0
        if name == "nvmlDeviceGetHandleByIndex_v2":
            index: int = arguments[0].value
            to.value = index + 1
            return self.gpus[index].handle_code
        number: int = arguments[0].value
        gpu = self.gpus[number - 1]
        code = gpu.codes.get(name, 0)
        if code:
            return code
        if name == "nvmlDeviceGetUtilizationRates":
            to.gpu = gpu.usage
        elif name == "nvmlDeviceGetMemoryInfo":
            to.total, to.used = gpu.total, gpu.used
        else:
            to.value = {"Clock": gpu.megahertz, "Tempe": gpu.celsius, "Power": gpu.milliwatts}[name.removeprefix("nvmlDeviceGet")[:5]]
        return 0


class World:
    """A look at some GPUs, and a clock that a test turns."""

    def __init__(self, *gpus: Gpu) -> None:
        self.library = Library(*gpus)
        self.now = 1000.0
        self._look = NvmlLook(Nvml(self.library), lambda: self.now)

    def look(self) -> Report:
        """One look."""
        return self._look.look()


def said(report: Report) -> dict[tuple[str, ...], float]:
    """All samples by name and label values."""
    return {(sample.name, *sample.labels): sample.value for sample in report.samples}


def reasons(report: Report) -> dict[str, str]:
    """Reasons by sensor."""
    return {state.sensor: state.reason for state in report.sensors}


USAGE, CLOCK = ("edge_gpu_usage_ratio",), ("edge_gpu_frequency_hertz",)
TOTAL, USED = ("edge_gpu_memory_total_bytes",), ("edge_gpu_memory_used_bytes",)
NAMES = {
    "gpu_usage": "nvmlDeviceGetUtilizationRates",
    "gpu_frequency": "nvmlDeviceGetClockInfo",
    "gpu_memory": "nvmlDeviceGetMemoryInfo",
    "temperature/gpu": "nvmlDeviceGetTemperature",
    "power/gpu": "nvmlDeviceGetPowerUsage",
}


def test_one_gpu_says_everything_in_the_contracts_units() -> None:
    report = World(Gpu()).look()
    assert said(report) == {
        USAGE: 0.4, CLOCK: 1.5e9, TOTAL: 8.0 * GIBIBYTE, USED: 2.0 * GIBIBYTE,
        ("edge_temperature_celsius", "gpu"): 61.0, ("edge_power_watts", "gpu"): 75.5,
    }  # fmt: skip
    assert reasons(report) == dict.fromkeys(NAMES, "")


def test_of_several_the_busiest_and_the_fullest_are_said_and_each_ones_heat() -> None:
    idle_and_full = Gpu(usage=3, megahertz=300, used=7 * GIBIBYTE, celsius=41)
    busy = Gpu(usage=97, megahertz=1200, used=9 * GIBIBYTE, total=24 * GIBIBYTE, celsius=83, milliwatts=240000)
    page = said(World(idle_and_full, busy).look())
    assert page[USAGE] == 0.97 and page[CLOCK] == 1.2e9 and page[USED] == 7.0 * GIBIBYTE and page[TOTAL] == 8.0 * GIBIBYTE
    assert page["edge_temperature_celsius", "gpu0"] == 41.0 and page["edge_temperature_celsius", "gpu1"] == 83.0
    assert page["edge_power_watts", "gpu1"] == 240.0


@pytest.mark.parametrize("sensor", NAMES)
def test_what_a_gpu_does_not_support_is_not_spoken_of(sensor: str) -> None:
    report = World(Gpu(codes={NAMES[sensor]: NOT_SUPPORTED})).look()
    assert reasons(report) == {name: "" for name in NAMES if name != sensor}
    old = World(Gpu())
    old.library.missing = {NAMES[sensor]}
    assert reasons(old.look()) == reasons(report)


@in_one_test(
    ("sensor", "code", "reason"),
    [
        (sensor, code, reason)
        for sensor in NAMES
        for code, reason in (
            (NO_PERMISSION, "not_permitted"), (TIMEOUT, "timed_out"), (GPU_IS_LOST, "missing"), (UNKNOWN, "failed"), (77, "failed"),
        )
    ],
)  # fmt: skip
def test_an_error_costs_its_own_sensor_only(sensor: str, code: int, reason: str) -> None:
    report = World(Gpu(codes={NAMES[sensor]: code})).look()
    assert reasons(report) == {name: reason if name == sensor else "" for name in NAMES}


@pytest.mark.parametrize(
    ("gpu", "sensor", "reason"),
    [
        (Gpu(usage=101), "gpu_usage", "out_of_range"),
        (Gpu(usage=0xFFFFFFFF), "gpu_usage", "out_of_range"),
        (Gpu(megahertz=0), "gpu_frequency", "switched_off"),
        (Gpu(megahertz=0xFFFFFFFF), "gpu_frequency", "out_of_range"),
        (Gpu(used=9 * GIBIBYTE), "gpu_memory", "out_of_range"),
        (Gpu(used=0, total=0), "gpu_memory", "out_of_range"),
        (Gpu(celsius=0xFFFFFFFF), "temperature/gpu", "out_of_range"),
        (Gpu(celsius=151), "temperature/gpu", "out_of_range"),
        (Gpu(milliwatts=0), "power/gpu", "out_of_range"),
        (Gpu(milliwatts=0xFFFFFFFF), "power/gpu", "out_of_range"),
    ],
)
def test_what_cannot_be_true_is_not_said(gpu: Gpu, sensor: str, reason: str) -> None:
    assert reasons(World(gpu).look()) == {name: reason if name == sensor else "" for name in NAMES}


@pytest.mark.parametrize("broken", [Gpu(usage=101), Gpu(codes={NAMES["gpu_usage"]: TIMEOUT}), Gpu(handle_code=GPU_IS_LOST)])
def test_a_gpu_that_does_not_answer_is_not_hidden_by_another(broken: Gpu) -> None:
    report = World(Gpu(usage=5), broken).look()
    assert USAGE not in said(report) and reasons(report)["gpu_usage"] != ""
    assert said(report)["edge_temperature_celsius", "gpu0"] == 61.0


def test_a_gpu_without_the_sensor_does_not_silence_the_others() -> None:
    assert said(World(Gpu(codes={NAMES["gpu_usage"]: NOT_SUPPORTED}), Gpu(usage=12)).look())[USAGE] == 0.12


@pytest.mark.parametrize(("count", "reason"), [(0, "missing"), (17, "out_of_range")])
def test_a_count_that_is_no_count(count: int, reason: str) -> None:
    report = World(*(Gpu() for _ in range(count))).look()
    assert report.samples == [] and reasons(report) == {"gpu": reason}


def test_a_driver_that_is_not_there_is_asked_for_again_seldom() -> None:
    world = World(Gpu())
    world.library.start_code = NO_DRIVER
    for _ in range(5):
        assert reasons(world.look()) == {"gpu": "missing"}
    assert world.library.starts == 1
    world.library.start_code = 0
    world.now += RETRY_SECONDS
    assert said(world.look())[USAGE] == 0.4 and world.library.starts == 2


def test_a_gpu_that_went_away_is_found_again() -> None:
    gpu = Gpu()
    world = World(gpu)
    world.look()
    gpu.codes = dict.fromkeys(NAMES.values(), GPU_IS_LOST)
    for _ in range(3):
        lost = world.look()
        assert lost.samples == [] and set(reasons(lost).values()) == {"missing"}
    gpu.codes = {}
    world.now += RETRY_SECONDS
    assert said(world.look())[USAGE] == 0.4
    assert (world.library.starts, world.library.ends) == (2, 1)


def test_no_library_is_no_source() -> None:
    assert nvml_source("libnot-there-at-all.so.1") is None
