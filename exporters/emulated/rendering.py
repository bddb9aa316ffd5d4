"""Turns a moment of the model into the texts of a board's files, and into the truth that tests hold a page against; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from exporters.emulated.layout import CPU_FOLDER, EMC_ACTIVITY, MEMINFO, STAT, UPTIME, Cooler, GpuClock, Layout, Rail, Zone
from exporters.emulated.model import Moment
from exporters.emulated.stories import Death
from exporters.emulated.texts import available_kib, core_list, cores_in, meminfo_text, stat_text

SCHEMA: Final = 1
SENTINEL_MILLIDEGREES: Final = -256_000
"""What the BPMP firmware answers for a sensor whose power is off."""

_MILLI: Final = 1000.0
_PERMILLE: Final = 1000
_FULL_PWM: Final = 255
_FULL_SPEED_RPM: Final = 6000.0
_POWER_SWING: Final = 2.0
"""The constructed trees show boards at about half of what they take at full load."""
_BYTES_PER_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Clock:
    """When a moment is: Unix time now, and when the board was started."""

    now: float
    boot: float


@dataclass(frozen=True, slots=True)
class DeadSensor:
    """A sensor that has died: the label of its sample, its file, and how it ended."""

    kind: str
    name: str
    path: str
    how: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One step on disk: the text of every file that moves, None where it is not there now; and the truth behind them."""

    files: Mapping[str, str | None]
    truth: Mapping[str, Any]


def frame_of(layout: Layout, moment: Moment, clock: Clock) -> Frame:
    """Everything that a moment says, as files and as truth."""
    dead = tuple(_dead(layout, moment.dead))
    files: dict[str, str | None] = dict(_files(layout, moment, clock))
    for one in dead:
        files[one.path] = f"{SENTINEL_MILLIDEGREES}\n" if one.how == "sentinel" else None
    return Frame({path: text for path, text in files.items() if path in layout.files}, _truth(layout, moment, clock, dead))


def _files(layout: Layout, moment: Moment, clock: Clock) -> Iterator[tuple[str, str]]:
    online = moment.core_ratios
    idle = sum(moment.idle_seconds.values())
    yield STAT, stat_text(layout.files.get(STAT, ""), moment.busy_seconds, moment.idle_seconds, online, clock.boot)
    yield f"{CPU_FOLDER}/online", core_list(online)
    yield f"{CPU_FOLDER}/offline", core_list(set(cores_in(layout.files.get(f"{CPU_FOLDER}/possible", ""))) - set(online))
    for core, path in layout.core_switches.items():
        if core in layout.silicon.cores:
            yield path, "1\n" if core in online else "0\n"
    yield MEMINFO, meminfo_text(layout.files.get(MEMINFO, ""), moment.memory_ratio)
    yield UPTIME, f"{clock.now - clock.boot:.2f} {idle:.2f}\n"
    for zone in layout.zones:
        yield zone.path, f"{round(_celsius(zone, moment) * _MILLI)}\n"
    for cooler in layout.coolers:
        yield cooler.path, f"{_cooler_state(cooler, moment)}\n"
    for rail, watts in _watts(layout.rails, moment).items():
        yield rail.current_path, f"{round(watts / rail.millivolts * _MILLI * _MILLI)}\n"
        if rail.power_path:
            yield rail.power_path, f"{round(watts * rail.power_per_watt)}\n"
    yield from _fan_files(layout, moment)
    yield from _gpu_files(layout, moment)
    # Busy cycles per millisecond, that is kHz: how the driver itself holds it against the clock.
    yield EMC_ACTIVITY, f"{round(moment.emc_ratio * layout.emc_hertz / _MILLI)}\n"


def _gpu_files(layout: Layout, moment: Moment) -> Iterator[tuple[str, str]]:
    for path in layout.gpu_loads:
        yield path, f"{round(moment.gpu_ratio * _PERMILLE)}\n"
    for path in layout.gpu_states:
        yield path, "active\n"
    for gpu in layout.gpu_clocks:
        for path in gpu.paths:
            yield path, f"{_gpu_hertz(gpu, moment)}\n"


def _fan_files(layout: Layout, moment: Moment) -> Iterator[tuple[str, str]]:
    for path in layout.fans:
        yield path, f"{round(moment.fan_ratio * _FULL_PWM)}\n"
    for path in layout.tachometers:
        yield path, f"{round(moment.fan_ratio * _FULL_SPEED_RPM)}\n"
    for fan in layout.fan_states:
        yield fan.path, f"{round(moment.fan_ratio * fan.most)}\n"


def _celsius(zone: Zone, moment: Moment) -> float:
    return {"cpu": moment.cpu_celsius, "gpu": moment.gpu_celsius, "board": moment.board_celsius, "hottest": moment.hottest_celsius}[
        zone.place
    ]


def _cooler_state(cooler: Cooler, moment: Moment) -> int:
    """Any throttling is at least one step of a cooling device."""
    return math.ceil(moment.throttle_ratio * cooler.most)


def _gpu_hertz(clock: GpuClock, moment: Moment) -> int:
    """The fastest step that is not above what load and throttling leave."""
    slowest, fastest = clock.steps[0], clock.steps[-1]
    wanted = slowest + (fastest - slowest) * moment.gpu_ratio * (1.0 - moment.throttle_ratio)
    return max(step for step in clock.steps if step <= wanted)


def _watts(rails: Iterable[Rail], moment: Moment) -> dict[Rail, float]:
    """Each rail by what it feeds; a total is what the others take, and what the tree had beyond them."""
    rails = tuple(rails)
    both = (moment.cpu_power_ratio + moment.gpu_power_ratio) / 2.0
    shares = {"cpu": moment.cpu_power_ratio, "gpu": moment.gpu_power_ratio, "both": both, "rest": both}
    parts = {rail: rail.watts * _POWER_SWING * shares[rail.share] for rail in rails if rail.share != "total"}
    beyond = sum(rail.watts for rail in parts)
    totals = {
        rail: max(rail.watts - beyond, 0.0) + sum(parts.values()) if parts else rail.watts * _POWER_SWING * both
        for rail in rails
        if rail.share == "total"
    }
    return {**parts, **totals}


def _dead(layout: Layout, deaths: Iterable[Death]) -> Iterator[DeadSensor]:
    """Who dies of what there is: a zone of the board, the GPU's load, the last rail; nobody where there is none."""
    for death in deaths:
        if death.part == "temperature" and layout.zones:
            zone = next((one for one in layout.zones if one.place == "board"), layout.zones[-1])
            yield DeadSensor(death.part, zone.name, zone.path, death.how)
        elif death.part == "gpu_load":
            yield from (DeadSensor(death.part, "", path, death.how) for path in layout.gpu_loads)
        elif death.part == "power" and layout.rails:
            rail = layout.rails[-1]
            yield from (DeadSensor(death.part, rail.label, path, death.how) for path in (rail.current_path, rail.power_path) if path)


def _truth(layout: Layout, moment: Moment, clock: Clock, dead: tuple[DeadSensor, ...]) -> dict[str, Any]:
    gone = {(one.kind, one.name) for one in dead}
    watts = {rail.label: round(value, 3) for rail, value in _watts(layout.rails, moment).items() if ("power", rail.label) not in gone}
    return {
        "schema": SCHEMA,
        "at_unix_seconds": round(clock.now, 3),
        "boot_timestamp_seconds": int(clock.boot),
        "story_seconds": round(moment.story_seconds, 3),
        "cpu_usage_ratio": round(moment.cpu_ratio, 4),
        "core_usage_ratio": {str(core): round(ratio, 4) for core, ratio in moment.core_ratios.items()},
        "cores_online": sorted(moment.core_ratios),
        "cores_offline": sorted(set(moment.busy_seconds) - set(moment.core_ratios)),
        "gpu_usage_ratio": round(moment.gpu_ratio, 4) if layout.gpu_loads and ("gpu_load", "") not in gone else None,
        "gpu_frequency_hertz": _gpu_hertz(layout.gpu_clocks[0], moment) if layout.gpu_clocks else None,
        "emc_usage_ratio": round(moment.emc_ratio, 4) if layout.emc_hertz and EMC_ACTIVITY in layout.files else None,
        "memory_total_bytes": layout.memory_bytes,
        "memory_available_bytes": available_kib(layout.memory_bytes, moment.memory_ratio) * _BYTES_PER_KIB,
        "temperature_celsius": {
            zone.name: round(_celsius(zone, moment), 3) for zone in layout.zones if ("temperature", zone.name) not in gone
        },
        "power_watts": watts,
        "throttling_ratio": round(moment.throttle_ratio, 4),
        "cooler_ratio": {cooler.kind: round(_cooler_state(cooler, moment) / cooler.most, 4) for cooler in layout.coolers},
        "fan_duty_ratio": round(moment.fan_ratio, 4) if layout.fans else None,
        "dead_sensors": [{"kind": one.kind, "name": one.name, "path": one.path, "how": one.how} for one in dead],
    }
