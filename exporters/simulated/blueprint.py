"""What an imaginary fleet is made of: devices, workloads, their builds, episodes of load, weather, faults, and the world's numbers."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, get_args

from exporters.contract import ENVIRONMENT_CLASSES

Role = Literal["edge", "analysis"]
StartFailure = Literal["", "image_pull", "crash"]
START_FAILURES: tuple[str, ...] = get_args(StartFailure)
FaultKind = Literal["silent", "start_fails", "slow_start", "crash", "camera_down"]
FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)

Ratios = tuple[float, float, float]
"""One ratio each for CPU, memory and GPU, in this order."""

RESOURCES = ("cpu", "memory", "gpu")
CPU, MEMORY, GPU = 0, 1, 2

JETSON_CORES = 8.0
JETSON_MEMORY_BYTES = 15.0 * 2**30
"""A Jetson Orin NX 16 GB: eight cores, and what its kernel leaves of the memory shared by CPU and GPU."""

MOST_FRAMES_PER_TICK = 512.0
"""Half the table of drawn latencies (see draws.py): one tick never runs past its end."""


@dataclass(frozen=True, slots=True)
class PlantDevice:
    """One imaginary machine; ``address`` is its own loopback address, ``base`` its load without any workload.

    ``gpu_factor`` is what a workload's GPU cost, measured on a Jetson, is multiplied by on this machine's GPU.
    """

    id: str
    address: str
    cores: float = JETSON_CORES
    memory_bytes: float = JETSON_MEMORY_BYTES
    has_gpu: bool = True
    role: Role = "edge"
    base: Ratios = (0.4, 0.4, 0.3)
    gpu_factor: float = 1.0
    disk_usage_ratio: float = 0.42
    throttle_celsius: float = 95.0


@dataclass(frozen=True, slots=True)
class PlantWorkload:
    """One package analysing one camera: ``id`` is ``package/camera/purpose``, ``home`` where it runs at first.

    A home that is none of the plant's devices is a real machine outside it: the plant can run the workload when told to.
    """

    id: str
    camera: str
    home: str
    cost_cores: float = 0.8
    cost_memory_bytes: float = 600e6
    cost_gpu_ratio: float = 0.08
    frames_per_second: float = 5.0
    environment_class: str = "01"
    version: str = "01"

    @property
    def package(self) -> str:
        """The first part of its id."""
        return self.id.partition("/")[0]


@dataclass(frozen=True, slots=True)
class PlantBuild:
    """One build of a package for one environment class; a placement costs what the build costs that it runs.

    ``start_fails`` names the cause with which every start of this build fails ("": it starts). As soon as one build of a
    package is listed, the listed ones are all that there are of it.
    """

    package: str
    environment_class: str
    version: str
    cost_cores: float
    cost_memory_bytes: float
    cost_gpu_ratio: float
    start_fails: StartFailure = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Package, class and version."""
        return (self.package, self.environment_class, self.version)


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """From story time ``at_seconds`` on a camera sees another class; ``confidence`` is how sure its environment AI is of it."""

    camera: str
    at_seconds: float
    environment_class: str
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class Episode:
    """A hump of background load in story time; ``height_ratio`` is what it adds to the CPU load at its top."""

    device: str
    starts_seconds: float
    rise_seconds: float
    hold_seconds: float
    fall_seconds: float
    height_ratio: float

    @property
    def ends_seconds(self) -> float:
        """Story time at which the load is back where it was."""
        return self.starts_seconds + self.rise_seconds + self.hold_seconds + self.fall_seconds


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong in story time [``from_seconds``, ``until_seconds``).

    ``silent``: the device ``subject`` answers no scrape. ``camera_down``: the camera ``subject`` sends no frames.
    ``start_fails`` (the image cannot be pulled), ``slow_start``, ``crash``: ``subject`` is a device, a workload or a placement.
    """

    kind: FaultKind
    subject: str
    from_seconds: float = 0.0
    until_seconds: float = math.inf

    def active(self, story_seconds: float) -> bool:
        """Whether the fault is there at this time."""
        return self.from_seconds <= story_seconds < self.until_seconds


@dataclass(frozen=True, slots=True)
class Weather:
    """How a background load moves by itself: a slow wave and noise that remembers ``noise_memory_seconds``.

    The deviations are ratios; a Jetson at work wavers by about a hundredth. ``gpu_share`` and ``memory_share`` say how
    much of an episode's CPU height reaches the other two resources.
    """

    wave_ratio: float = 0.010
    wave_period_seconds: tuple[float, float] = (900.0, 1800.0)
    noise_ratio: float = 0.007
    noise_memory_seconds: float = 10.0
    memory_share: float = 0.1
    gpu_share: float = 0.5


@dataclass(frozen=True, slots=True)
class PastEpisodes:
    """The overloads in an edge's history, each number drawn between two bounds; ``top_ratio`` is the total CPU load.

    ``quiet_seconds`` before the story begins nothing is left of them.
    """

    every_seconds: tuple[float, float] = (1200.0, 1500.0)
    rise_seconds: tuple[float, float] = (60.0, 120.0)
    hold_seconds: tuple[float, float] = (40.0, 90.0)
    fall_seconds: tuple[float, float] = (20.0, 60.0)
    top_ratio: tuple[float, float] = (0.90, 1.05)
    quiet_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class PlantBlueprint:
    """The whole world before it moves; two equal blueprints make two equal worlds.

    The past is story time [−``history_seconds``, 0), the story [0, ``duration_seconds``); inputs are made for
    ``slack_seconds`` more. A start takes ``start_seconds`` ± ``start_jitter_ratio``, fixed per placement name. A package
    without ``builds`` runs whatever it is told to, at its workloads' own costs. Up to its first change a camera sees the
    class of its workload.
    """

    seed: int
    devices: tuple[PlantDevice, ...]
    workloads: tuple[PlantWorkload, ...]
    duration_seconds: float
    episodes: tuple[Episode, ...] = ()
    faults: tuple[Fault, ...] = ()
    builds: tuple[PlantBuild, ...] = ()
    environment_changes: tuple[EnvironmentChange, ...] = ()
    limits: Ratios = (0.85, 0.85, 0.85)
    history_seconds: float = 7200.0
    slack_seconds: float = 60.0
    tick_seconds: float = 0.5
    start_seconds: float = 4.0
    start_jitter_ratio: float = 0.25
    slow_start_factor: float = 10.0
    weather: Weather = field(default_factory=Weather)
    past: PastEpisodes = field(default_factory=PastEpisodes)

    def __post_init__(self) -> None:
        """Refuse a world that contradicts itself.

        Raises:
            ValueError: the first contradiction, as a sentence.
        """
        if trouble := _why_impossible(self) or _why_bad_builds(self) or _why_bad_changes(self):
            raise ValueError(trouble)
        for fault in self.faults:
            if trouble := why_bad_fault(self, fault):
                raise ValueError(trouble)

    def home_builds(self) -> tuple[PlantBuild | PlantWorkload, ...]:
        """Whose costs each workload has at home, in their order: its listed build's, or its own."""
        builds = {build.key: build for build in self.builds}
        return tuple(builds.get((w.package, w.environment_class, w.version), w) for w in self.workloads)


def _why_impossible(blueprint: PlantBlueprint) -> str:
    if blueprint.tick_seconds <= 0 or blueprint.duration_seconds <= 0 or blueprint.history_seconds < 0:
        return "A plant needs a tick and a duration above 0 s and a history of at least 0 s."
    devices = [device.id for device in blueprint.devices]
    if not devices:
        return "A plant needs at least one device."
    for what, names in (
        ("device", devices),
        ("address", [device.address for device in blueprint.devices]),
        ("workload", [workload.id for workload in blueprint.workloads]),
    ):
        if len(set(names)) < len(names):
            return f"The {what} {Counter(names).most_common(1)[0][0]!r} is named twice."
    for device in blueprint.devices:
        if device.cores <= 0 or device.memory_bytes <= 0:
            return f"The device {device.id!r} needs cores and memory above 0."
    for workload in blueprint.workloads:
        if not 0 < workload.frames_per_second * blueprint.tick_seconds <= MOST_FRAMES_PER_TICK:
            most = MOST_FRAMES_PER_TICK / blueprint.tick_seconds
            return f"The workload {workload.id!r} has {workload.frames_per_second:g} frames/s; it must be above 0 and at most {most:g}."
    known = set(devices)
    for episode in blueprint.episodes:
        if episode.device not in known:
            return f"An episode is for the device {episode.device!r}, which is none of the plant's {len(devices)}."
    return ""


def _why_bad_builds(blueprint: PlantBlueprint) -> str:
    listed = {build.key for build in blueprint.builds}
    if len(listed) < len(blueprint.builds):
        return f"The build {'/'.join(Counter(build.key for build in blueprint.builds).most_common(1)[0][0])!r} is listed twice."
    for build in blueprint.builds:
        if build.start_fails not in START_FAILURES:
            return f"The build {'/'.join(build.key)!r} fails by {build.start_fails!r}; known are {', '.join(START_FAILURES[1:])}."
        if not min(build.cost_cores, build.cost_memory_bytes, build.cost_gpu_ratio) >= 0:
            return f"The build {'/'.join(build.key)!r} must cost at least 0 of everything."
    packages = {build.package for build in blueprint.builds}
    for workload in blueprint.workloads:
        if workload.package in packages and (workload.package, workload.environment_class, workload.version) not in listed:
            return f"The workload {workload.id!r} runs {workload.environment_class}/{workload.version}, which is no listed build."
    return ""


def _why_bad_changes(blueprint: PlantBlueprint) -> str:
    cameras = {workload.camera for workload in blueprint.workloads}
    moments = {(change.camera, change.at_seconds) for change in blueprint.environment_changes}
    if len(moments) < len(blueprint.environment_changes):
        return "A camera's environment changes twice at the same time."
    for change in blueprint.environment_changes:
        if change.camera not in cameras:
            return f"The environment of the camera {change.camera!r} changes, which is analysed by no workload."
        if change.environment_class not in ENVIRONMENT_CLASSES:
            return f"{change.camera} cannot see {change.environment_class!r}; environments are {', '.join(ENVIRONMENT_CLASSES)}."
        if not 0.0 <= change.at_seconds < math.inf or not 0.0 <= change.confidence <= 1.0:
            return f"A change at {change.camera} needs a time of at least 0 s and a confidence from 0 to 1."
    return ""


def why_bad_fault(blueprint: PlantBlueprint, fault: Fault) -> str:
    """Why this fault cannot happen in this world, as a sentence; "" when it can."""
    if fault.kind not in FAULT_KINDS:
        return f"The fault {fault.kind!r} is unknown; known are {', '.join(FAULT_KINDS)}."
    if not fault.from_seconds < fault.until_seconds:
        return f"The fault {fault.kind} of {fault.subject!r} ends at {fault.until_seconds:g} s, before it begins."
    devices = {device.id for device in blueprint.devices}
    if fault.kind == "silent":
        return "" if fault.subject in devices else f"The device {fault.subject!r} of the fault silent is none of the plant's."
    if fault.kind == "camera_down":
        known = any(workload.camera == fault.subject for workload in blueprint.workloads)
        return "" if known else f"The camera {fault.subject!r} of the fault camera_down is analysed by no workload."
    subject = fault.subject.rpartition("@")[0] or fault.subject
    if subject in devices or any(workload.id == subject for workload in blueprint.workloads):
        return ""
    return f"The subject {fault.subject!r} of the fault {fault.kind} is no device, workload or placement of the plant."
