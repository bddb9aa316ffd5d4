"""How an emulated board moves: load, heat that lags behind it, and throttling that follows heat; pure, time is an argument."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from exporters.emulated.stories import Death, Story, core_rests, ratio_at, wave

AMBIENT_CELSIUS: Final = 28.0
"""Air in a closed roadside cabinet on a mild day."""

_DIE_SECONDS: Final = 8.0
_BOARD_SECONDS: Final = 60.0
"""Time constants: a die follows its load within seconds, the board with its heat sink within a minute."""

_OWN_SHARE: Final = 0.75
"""A die is heated by itself for the most part, and by its neighbour on the same silicon for the rest."""
_BOARD_SHARE: Final = 0.55
_IDLE_POWER_RATIO: Final = 0.25
_THROTTLED_POWER_LOSS: Final = 0.45
"""What full throttling takes off the power: at half the clock and a lower voltage about half is left."""
_THROTTLE_KELVIN: Final = 4.0
"""From the throttle point on, throttling is at its fullest after so much more."""

_WOBBLE_RATIO: Final = 0.03
_LEAST_RATIO, _MOST_RATIO = 0.005, 0.995
_FAN_BEGINS_CELSIUS: Final = 45.0
_FAN_FULL_BELOW_LIMIT_KELVIN: Final = 10.0
_EMC_RATIOS: Final = (0.08, 0.12, 0.45)
"""Memory traffic: at rest, with a full CPU, with a full GPU."""


@dataclass(frozen=True, slots=True)
class Silicon:
    """What of a board the model must know: the cores that are online, and where it begins to throttle."""

    cores: tuple[int, ...]
    limit_celsius: float


@dataclass(frozen=True, slots=True)
class Script:
    """What is played: a story with its seed."""

    story: Story
    seed: int


@dataclass(frozen=True, slots=True)
class State:
    """What one step leaves to the next; CPU seconds are by position in ``Silicon.cores``, since the emulation began."""

    story_seconds: float
    busy_seconds: tuple[float, ...]
    idle_seconds: tuple[float, ...]
    cpu_celsius: float = AMBIENT_CELSIUS
    gpu_celsius: float = AMBIENT_CELSIUS
    board_celsius: float = AMBIENT_CELSIUS


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is true of a board now. Ratios are between 0 and 1; ``core_ratios`` are of online cores, by number.

    ``cpu_power_ratio`` and ``gpu_power_ratio`` are shares of what each part takes at full load without throttling.
    """

    story_seconds: float
    core_ratios: dict[int, float]
    busy_seconds: dict[int, float]
    idle_seconds: dict[int, float]
    gpu_ratio: float
    emc_ratio: float
    memory_ratio: float
    throttle_ratio: float
    fan_ratio: float
    cpu_power_ratio: float
    gpu_power_ratio: float
    cpu_celsius: float
    gpu_celsius: float
    board_celsius: float
    dead: tuple[Death, ...]

    @property
    def cpu_ratio(self) -> float:
        """Mean over the online cores."""
        return sum(self.core_ratios.values()) / len(self.core_ratios)

    @property
    def hottest_celsius(self) -> float:
        """The junction."""
        return max(self.cpu_celsius, self.gpu_celsius, self.board_celsius)


def at_rest(silicon: Silicon) -> State:
    """The first state: nothing counted yet, everything as warm as the air."""
    nothing = (0.0,) * len(silicon.cores)
    return State(0.0, nothing, nothing)


def advance(silicon: Silicon, script: Script, state: State, seconds: float, story_seconds: float) -> State:
    """Let ``seconds`` of the board's clock pass, in which the story goes on by ``story_seconds``.

    The load is that of the step's end, all through the step. Heat follows Newton's law of cooling,
    ``T += (T_end - T) (1 - exp(-t / tau))``, exact for a load that is constant within the step.
    """
    ratios = _core_ratios(silicon, script, state.story_seconds + story_seconds)
    now = _moment(silicon, script, state, state.story_seconds + story_seconds)
    busy = tuple(sum_ + ratios.get(core, 0.0) * seconds for core, sum_ in zip(silicon.cores, state.busy_seconds, strict=True))
    idle = tuple(
        sum_ + ((1.0 - ratios[core]) * seconds if core in ratios else 0.0)
        for core, sum_ in zip(silicon.cores, state.idle_seconds, strict=True)
    )
    span = silicon.limit_celsius + script.story.full_load_kelvin - AMBIENT_CELSIUS
    cpu, gpu = now.cpu_power_ratio, now.gpu_power_ratio
    die, board = 1.0 - math.exp(-story_seconds / _DIE_SECONDS), 1.0 - math.exp(-story_seconds / _BOARD_SECONDS)

    def towards(celsius: float, share: float, part: float) -> float:
        return celsius + (AMBIENT_CELSIUS + span * share - celsius) * part

    return State(
        story_seconds=now.story_seconds,
        busy_seconds=busy,
        idle_seconds=idle,
        cpu_celsius=towards(state.cpu_celsius, _OWN_SHARE * cpu + (1.0 - _OWN_SHARE) * gpu, die),
        gpu_celsius=towards(state.gpu_celsius, _OWN_SHARE * gpu + (1.0 - _OWN_SHARE) * cpu, die),
        board_celsius=towards(state.board_celsius, _BOARD_SHARE * (cpu + gpu) / 2.0, board),
    )


def moment_of(silicon: Silicon, script: Script, state: State) -> Moment:
    """What is true of a board in this state."""
    return _moment(silicon, script, state, state.story_seconds)


def _moment(silicon: Silicon, script: Script, state: State, at: float) -> Moment:
    story = script.story
    ratios = _core_ratios(silicon, script, at)
    gpu = _within(ratio_at(story.gpu, at, story.period_seconds) + _WOBBLE_RATIO * wave(script.seed, "gpu", at))
    cpu = sum(ratios.values()) / len(ratios)
    hottest = max(state.cpu_celsius, state.gpu_celsius, state.board_celsius)
    throttle = min(max((hottest - silicon.limit_celsius) / _THROTTLE_KELVIN, 0.0), 1.0)
    fan_full = silicon.limit_celsius - _FAN_FULL_BELOW_LIMIT_KELVIN
    rest, with_cpu, with_gpu = _EMC_RATIOS
    return Moment(
        story_seconds=at,
        core_ratios=ratios,
        busy_seconds=dict(zip(silicon.cores, state.busy_seconds, strict=True)),
        idle_seconds=dict(zip(silicon.cores, state.idle_seconds, strict=True)),
        gpu_ratio=gpu,
        emc_ratio=rest + with_cpu * cpu + with_gpu * gpu,
        memory_ratio=_within(ratio_at(story.memory, at, story.period_seconds)),
        throttle_ratio=throttle,
        fan_ratio=min(max((hottest - _FAN_BEGINS_CELSIUS) / (fan_full - _FAN_BEGINS_CELSIUS), 0.0), 1.0),
        cpu_power_ratio=_power(cpu, throttle),
        gpu_power_ratio=_power(gpu, throttle),
        cpu_celsius=state.cpu_celsius,
        gpu_celsius=state.gpu_celsius,
        board_celsius=state.board_celsius,
        dead=tuple(death for death in story.deaths if at >= death.at_seconds),
    )


def _core_ratios(silicon: Silicon, script: Script, at: float) -> dict[int, float]:
    story = script.story
    level = ratio_at(story.cpu, at, story.period_seconds)
    # Core 0 is never switched off: Linux does not allow it on these boards.
    online = silicon.cores[:-1] if len(silicon.cores) > 1 and core_rests(story, at) else silicon.cores
    return {core: _within(level + _WOBBLE_RATIO * wave(script.seed, f"core{core}", at)) for core in online}


def _power(load_ratio: float, throttle_ratio: float) -> float:
    return (_IDLE_POWER_RATIO + (1.0 - _IDLE_POWER_RATIO) * load_ratio) * (1.0 - _THROTTLED_POWER_LOSS * throttle_ratio)


def _within(ratio: float) -> float:
    return min(max(ratio, _LEAST_RATIO), _MOST_RATIO)
