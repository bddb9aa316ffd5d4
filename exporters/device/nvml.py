"""Reads NVIDIA GPUs through NVML, the library that comes with their driver: load, clock, own memory, temperature and power.

Reference: https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html, codes and structures in
https://raw.githubusercontent.com/NVIDIA/go-nvml/main/pkg/nvml/nvml.h. What a GPU does not support (a Thor, whose memory is the
CPU's, has none of its own) is not spoken of. Reasons for slower clocks are not said: NVML tells that a clock is held back, and
edge_throttling_ratio promises how far.
"""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from exporters.device.sensor import (
    FAILED,
    MISSING,
    NOT_PERMITTED,
    OUT_OF_RANGE,
    SWITCHED_OFF,
    TIMED_OUT,
    UNREADABLE,
    SensorError,
    reason_of,
)
from exporters.device.source import Report, Sample, SensorState, Source, one

SOURCE_NAME: Final = "nvml"
LIBRARY: Final = "libnvidia-ml.so.1"
RETRY_SECONDS: Final = 30.0
"""A driver that is away is asked for again this seldom: starting NVML can take a second."""

MOST_GPUS: Final = 16
"""More than any machine at an edge has; a driver that says more is not believed."""

_GRAPHICS_CLOCK: Final = 0
_GPU_THERMOMETER: Final = 0
_PERCENT: Final = 100.0
_HERTZ_PER_MEGAHERTZ: Final = 1e6
_MILLI: Final = 1000.0

_SUCCESS, _UNINITIALIZED, _NOT_SUPPORTED, _FUNCTION_NOT_FOUND = 0, 1, 3, 13
_NO_DRIVER, _GPU_IS_LOST, _RESET_REQUIRED, _VERSION_MISMATCH, _UNKNOWN = 9, 15, 16, 18, 999
_ABSENT: Final = frozenset({_NOT_SUPPORTED, _FUNCTION_NOT_FOUND})
_START_AGAIN: Final = frozenset({_UNINITIALIZED, _NO_DRIVER, _GPU_IS_LOST, _RESET_REQUIRED, _VERSION_MISMATCH, _UNKNOWN})
"""After these a handle may be worth nothing: NVML is ended and started again later."""

_REASONS: Final = {
    4: NOT_PERMITTED,
    6: MISSING,
    _NO_DRIVER: MISSING,
    10: TIMED_OUT,
    12: MISSING,
    _GPU_IS_LOST: MISSING,
    17: UNREADABLE,
    21: MISSING,
}
"""NO_PERMISSION, NOT_FOUND, DRIVER_NOT_LOADED, TIMEOUT, LIBRARY_NOT_FOUND, GPU_IS_LOST, OPERATING_SYSTEM (blocked), NO_DATA."""


Value = TypeVar("Value")


class NvmlError(SensorError):
    """NVML answered with this ``code`` instead of a value."""

    def __init__(self, code: int) -> None:
        super().__init__(_REASONS.get(code, FAILED))
        self.code = code


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class Nvml:
    """The calls that are needed, by a GPU's index; each raises NvmlError with NVML's code.

    ``library`` has NVML's functions as attributes: a loaded library, or any object that takes the same arguments.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._handles: list[ctypes.c_void_p | NvmlError] = []

    def start(self) -> int:
        """Start NVML; how many GPUs there are. One that has no handle now answers every question with that error."""
        self._handles = []
        self._call("nvmlInit_v2")
        count = ctypes.c_uint()
        self._call("nvmlDeviceGetCount_v2", ctypes.byref(count))
        if not 0 < count.value <= MOST_GPUS:
            raise SensorError(OUT_OF_RANGE if count.value else MISSING)
        for index in range(count.value):
            handle = ctypes.c_void_p()
            try:
                self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
                self._handles.append(handle)
            except NvmlError as error:
                self._handles.append(error)
        return count.value

    def end(self) -> None:
        """End NVML; whether it could be ended does not matter any more."""
        with suppress(NvmlError):
            self._call("nvmlShutdown")

    def usage_ratio(self, gpu: int) -> float:
        """Share of the last second or less in which something ran on the GPU."""
        usage = _Utilization()
        self._ask("nvmlDeviceGetUtilizationRates", gpu, ctypes.byref(usage))
        if usage.gpu > _PERCENT:  # here, so that another GPU's load is not said in its place
            raise SensorError(OUT_OF_RANGE)
        return float(usage.gpu) / _PERCENT

    def memory_bytes(self, gpu: int) -> tuple[int, int]:
        """Memory in use and all memory of the GPU's own."""
        memory = _Memory()
        self._ask("nvmlDeviceGetMemoryInfo", gpu, ctypes.byref(memory))
        if memory.used > memory.total or memory.total == 0:
            raise SensorError(OUT_OF_RANGE)
        return int(memory.used), int(memory.total)

    def clock_hertz(self, gpu: int) -> float:
        """Graphics clock now."""
        return self._number("nvmlDeviceGetClockInfo", gpu, ctypes.c_int(_GRAPHICS_CLOCK)) * _HERTZ_PER_MEGAHERTZ

    def celsius(self, gpu: int) -> float:
        """Temperature of the chip."""
        return float(self._number("nvmlDeviceGetTemperature", gpu, ctypes.c_int(_GPU_THERMOMETER)))

    def watts(self, gpu: int) -> float:
        """Power that the whole card draws."""
        return self._number("nvmlDeviceGetPowerUsage", gpu) / _MILLI

    def _number(self, name: str, gpu: int, *arguments: Any) -> int:
        number = ctypes.c_uint()
        self._ask(name, gpu, *arguments, ctypes.byref(number))
        return number.value

    def _ask(self, name: str, gpu: int, *arguments: Any) -> None:
        handle = self._handles[gpu]
        if isinstance(handle, NvmlError):
            raise NvmlError(handle.code)
        self._call(name, handle, *arguments)

    def _call(self, name: str, *arguments: Any) -> None:
        function = getattr(self._library, name, None)
        code = _FUNCTION_NOT_FOUND if function is None else int(function(*arguments))
        if code != _SUCCESS:
            raise NvmlError(code)


class NvmlLook:
    """Looks at all GPUs of the machine, and starts NVML again when the driver or a GPU went away.

    Where the contract has one series and the machine several GPUs, the busiest one's load and clock and the fullest one's
    memory are said, and nothing while one that has such a sensor does not answer: the one in need must not be hidden.
    Temperature and power are said of each, as ``gpu`` where there is one GPU and ``gpu0``, ``gpu1`` … where there are several.
    """

    def __init__(self, nvml: Nvml, monotonic: Callable[[], float]) -> None:
        self._nvml = nvml
        self._monotonic = monotonic
        self._count = 0
        self._problem = ""
        self._start_at = -math.inf

    def look(self) -> Report:
        """One look; never raises."""
        if self._monotonic() >= self._start_at:
            self._start()
        report = Report()
        if not self._count:
            report.sensors.append(SensorState("gpu", self._problem))
            return report
        self._say(report, "gpu_usage", self._usage)
        self._say(report, "gpu_frequency", self._frequency)
        self._say(report, "gpu_memory", self._memory)
        for gpu in range(self._count):
            name = "gpu" if self._count == 1 else f"gpu{gpu}"
            self._say(report, f"temperature/{name}", partial(self._temperature, gpu, name))
            self._say(report, f"power/{name}", partial(self._power, gpu, name))
        return report

    def _start(self) -> None:
        if self._start_at > -math.inf:
            self._nvml.end()
        try:
            self._count, self._start_at = self._nvml.start(), math.inf
        except Exception as error:  # whatever the library does, it is asked again later
            self._count, self._problem = 0, reason_of(error)
            self._start_at = self._monotonic() + RETRY_SECONDS

    def _say(self, report: Report, sensor: str, read: Callable[[], Iterable[Sample]]) -> None:
        try:
            samples = list(read())
        except Exception as error:  # one broken sensor, of whatever kind, must not take the others with it
            code = error.code if isinstance(error, NvmlError) else _SUCCESS
            if code in _START_AGAIN and self._start_at == math.inf:
                self._start_at = self._monotonic() + RETRY_SECONDS
            if code not in _ABSENT:
                report.sensors.append(SensorState(sensor, reason_of(error)))
            return
        report.sensor(sensor, lambda: samples)

    def _all(self, read: Callable[[int], Value]) -> dict[int, Value]:
        """The answers of those GPUs that have this sensor; the error of the first that has it and does not answer."""
        found: dict[int, Value] = {}
        for gpu in range(self._count):
            try:
                found[gpu] = read(gpu)
            except NvmlError as error:
                if error.code not in _ABSENT:
                    raise
        if not found:
            raise NvmlError(_NOT_SUPPORTED)
        return found

    def _usage(self) -> Iterable[Sample]:
        return one("edge_gpu_usage_ratio", max(self._all(self._nvml.usage_ratio).values()))

    def _frequency(self) -> Iterable[Sample]:
        usage = self._all(self._nvml.usage_ratio) if self._count > 1 else {0: 0.0}
        hertz = self._nvml.clock_hertz(max(usage, key=lambda gpu: usage[gpu]))
        if hertz == 0.0:
            raise SensorError(SWITCHED_OFF)
        return one("edge_gpu_frequency_hertz", hertz)

    def _memory(self) -> Iterable[Sample]:
        used, total = max(self._all(self._nvml.memory_bytes).values(), key=lambda memory: memory[0] / memory[1])
        yield Sample("edge_gpu_memory_total_bytes", (), float(total))
        yield Sample("edge_gpu_memory_used_bytes", (), float(used))

    def _temperature(self, gpu: int, zone: str) -> Iterable[Sample]:
        return one("edge_temperature_celsius", self._nvml.celsius(gpu), (zone,))

    def _power(self, gpu: int, rail: str) -> Iterable[Sample]:
        watts = self._nvml.watts(gpu)
        if watts == 0.0:  # a chip that answers draws power
            raise SensorError(OUT_OF_RANGE)
        return one("edge_power_watts", watts, (rail,))


def nvml_source(library: str = LIBRARY, monotonic: Callable[[], float] = time.monotonic) -> Source | None:
    """All NVIDIA GPUs of this machine as a source; None where there is no such library. Nothing is asked before the first look."""
    try:
        loaded = ctypes.CDLL(library)
    except OSError:
        return None
    return Source(SOURCE_NAME, NvmlLook(Nvml(loaded), monotonic).look)
