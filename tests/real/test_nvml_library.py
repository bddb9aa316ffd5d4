"""NVML through ctypes: a small shared library with the same calls and structures in the place of the driver's."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters.device.nvml import nvml_source
from exporters.device.source import Report, Source

pytestmark = pytest.mark.real

NVML = """
typedef struct { unsigned int gpu, memory; } Utilization;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { int number; } Device;
static Device devices[2] = {{0}, {1}};
int code, started, wrong;
unsigned int count = 1, usage = 40, megahertz = 1500, degrees = 61, milliwatts = 75500;
unsigned long long total = 8589934592ULL, used = 2147483648ULL;
static int answer(void) { return started ? code : 1; }
static int of(Device *d) { if (d != &devices[0] && d != &devices[1]) { wrong++; return 2; } return answer(); }
int nvmlInit_v2(void) { if (code == 9) return 9; started++; return 0; }
int nvmlShutdown(void) { if (!started) return 1; started--; return 0; }
int nvmlDeviceGetCount_v2(unsigned int *n) { *n = count; return answer(); }
int nvmlDeviceGetHandleByIndex_v2(unsigned int i, Device **d) { if (i >= count) return 2; *d = &devices[i]; return answer(); }
int nvmlDeviceGetUtilizationRates(Device *d, Utilization *u) { u->gpu = usage; u->memory = 4294967295u; return of(d); }
int nvmlDeviceGetMemoryInfo(Device *d, Memory *m) { m->total = total; m->free = total - used; m->used = used; return of(d); }
int nvmlDeviceGetClockInfo(Device *d, int type, unsigned int *mhz) { if (type != 0) wrong++; *mhz = megahertz; return of(d); }
int nvmlDeviceGetTemperature(Device *d, int sensor, unsigned int *t) { if (sensor != 0) wrong++; *t = degrees; return of(d); }
int nvmlDeviceGetPowerUsage(Device *d, unsigned int *mw) { *mw = milliwatts; return of(d); }
"""


class Driver:
    """The library as the test turns it, and the source that reads it."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        self.now = 0.0
        source = nvml_source(str(path), lambda: self.now)
        assert source is not None
        self.source: Source = source

    def turn(self, **values: int) -> None:
        """Set what the library answers."""
        for name, value in values.items():
            kind = ctypes.c_ulonglong if name in ("total", "used") else ctypes.c_uint
            kind.in_dll(self._library, name).value = value

    def read(self, name: str) -> int:
        """One of the library's own numbers."""
        return ctypes.c_int.in_dll(self._library, name).value


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    if shutil.which("gcc") is None:
        pytest.fail("there is no C compiler: install the package gcc")
    (tmp_path / "nvml.c").write_text(NVML, encoding="ascii")
    path = tmp_path / "libnvidia-ml.so.1"
    command = ["gcc", "-shared", "-nostdlib", "-fPIC", "-Wall", "-Werror", "-o", str(path), str(tmp_path / "nvml.c")]
    subprocess.run(command, check=True, timeout=60)
    made = Driver(path)
    yield made
    assert made.read("wrong") == 0


def said(report: Report) -> dict[tuple[str, ...], float]:
    """All samples by name and label values."""
    return {(sample.name, *sample.labels): sample.value for sample in report.samples}


def reasons(report: Report) -> dict[str, str]:
    """Reasons by sensor."""
    return {state.sensor: state.reason for state in report.sensors}


def test_one_gpu_through_the_real_calling_convention(driver: Driver) -> None:
    assert driver.source.name == "nvml"
    assert said(driver.source.look()) == {
        ("edge_gpu_usage_ratio",): 0.4,
        ("edge_gpu_frequency_hertz",): 1.5e9,
        ("edge_gpu_memory_total_bytes",): 8589934592.0,
        ("edge_gpu_memory_used_bytes",): 2147483648.0,
        ("edge_temperature_celsius", "gpu"): 61.0,
        ("edge_power_watts", "gpu"): 75.5,
    }


def test_two_gpus_have_two_thermometers(driver: Driver) -> None:
    driver.turn(count=2)
    assert {key[1] for key in said(driver.source.look()) if key[0] == "edge_temperature_celsius"} == {"gpu0", "gpu1"}


def test_hostile_values_say_nothing(driver: Driver) -> None:
    most = 0xFFFFFFFF
    driver.turn(usage=most, megahertz=most, degrees=most, milliwatts=0, used=0xFFFFFFFFFFFFFFFF)
    report = driver.source.look()
    assert report.samples == [] and set(reasons(report).values()) == {"out_of_range"} and len(report.sensors) == 5


@pytest.mark.parametrize(("code", "reason"), [(4, "not_permitted"), (10, "timed_out"), (15, "missing"), (999, "failed"), (2, "failed")])
def test_a_code_becomes_a_reason_and_no_number(driver: Driver, code: int, reason: str) -> None:
    driver.source.look()
    driver.turn(code=code)
    report = driver.source.look()
    assert report.samples == [] and set(reasons(report).values()) == {reason}


def test_what_is_not_supported_is_not_spoken_of(driver: Driver) -> None:
    driver.source.look()
    driver.turn(code=3)
    report = driver.source.look()
    assert report.samples == [] and report.sensors == []


def test_a_driver_that_is_taken_away_and_put_back(driver: Driver) -> None:
    assert said(driver.source.look())
    driver.turn(started=0)
    assert set(reasons(driver.source.look()).values()) == {"failed"}
    driver.turn(code=9)
    driver.now += 30.0
    assert reasons(driver.source.look()) == {"gpu": "missing"}
    driver.turn(code=0)
    driver.now += 29.0
    assert reasons(driver.source.look()) == {"gpu": "missing"}
    driver.now += 1.0
    assert said(driver.source.look()) and driver.read("started") == 1


def test_a_file_that_is_no_library_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("no library", encoding="ascii")
    assert nvml_source(str(tmp_path / "libnvidia-ml.so.1")) is None
