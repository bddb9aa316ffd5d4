"""Builds snapshots for tests of the pure middle: a calm fleet, from which a case changes only what it is about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from decision_engine.core.limits import Limits, Moving, Times
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import NOWHERE, READY, Cameras, Devices, Outlook, Placements, Snapshot, Variants, Workloads
from forecasting.api import Floats, ForecastTable
from forecasting.api import Quality as ForecastQuality

NOW = 1_700_000_000.0
HORIZONS = np.array([30.0, 90.0, 180.0, 360.0])
CORES, MEMORY = 8.0, 16e9


@dataclass
class FakeDevice:
    id: str
    load: tuple[float, float, float] = (0.5, 0.5, 0.5)
    p50: tuple[float, float, float] | None = None
    p90: tuple[float, float, float] | None = None
    highest: tuple[float, float, float] | None = None
    p_over: float = 0.0
    gate: bool = True
    skill: float = 0.5
    over_seconds: float = 0.0
    quality: Quality = Quality.FRESH
    age_seconds: float = 2.0
    analysis: bool = False
    headroom_kelvin: float = 30.0
    thermal_lost: bool = False
    known: bool = True
    gpu: bool = True
    kind: int = 0
    site: int = 0
    usual_overload_seconds: float = 120.0


@dataclass
class FakeWorkload:
    id: str
    home: str
    cost_cores: float = 0.8
    movable: bool = True
    at: tuple[str, ...] | None = None
    phase: int = READY
    since: float = NOW - 3600.0
    last_result_at: float = NOW - 1.0
    reachable: tuple[str, ...] | None = None
    build: tuple[str, str] = ("01", "1.10")
    version_is_fixed: bool = False
    last_frame_at: float | None = None
    cause: str = ""
    told_seconds_ago: float = 2.0
    by_helper: bool = True


@dataclass
class FakeCamera:
    id: str
    environment_class: str = ""
    confidence: float = 0.9
    age_seconds: float = 2.0


@dataclass
class FakeFleet:
    devices: list[FakeDevice]
    workloads: list[FakeWorkload]
    now: float = NOW
    blind: str = ""
    fit: list[list[bool]] = field(default_factory=lambda: [[True]])
    builds: list[tuple[str, str, str]] = field(default_factory=lambda: [("detector", "01", "1.10")])
    retired: tuple[tuple[str, str, str], ...] = ()
    cameras: list[FakeCamera] = field(default_factory=list)
    sites: tuple[str, ...] = ("north",)
    generations: dict[str, int] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        return Snapshot(
            now=self.now,
            blind=self.blind,
            catalog_version="v1",
            devices=self._devices(),
            variants=self._variants(),
            cameras=self._cameras(),
            workloads=self._workloads(),
            placements=self._placements(),
            outlook=self._outlook(),
            site_ids=self.sites,
            resource_limits=np.array([0.85, 0.85, 0.85]),
        )

    def _index(self) -> dict[str, int]:
        return {d.id: row for row, d in enumerate(self.devices)}

    def _devices(self) -> Devices:
        ds = self.devices
        quality = np.array([[d.quality] * 3 for d in ds], dtype=np.int8)
        for row, device in enumerate(ds):
            if not device.gpu:
                quality[row, 2] = int(Quality.NOT_APPLICABLE)
        load = np.array([d.load for d in ds], dtype=float)
        return Devices(
            ids=tuple(d.id for d in ds),
            is_analysis=np.array([d.analysis for d in ds]),
            site=np.array([d.site for d in ds]),
            kind=np.array([d.kind for d in ds]),
            cores=np.full(len(ds), CORES),
            memory_bytes=np.full(len(ds), MEMORY),
            load=load,
            load_at=np.array([[self.now - d.age_seconds] * 3 for d in ds]),
            quality=quality,
            over_seconds=np.where(load >= 0.85, np.array([[d.over_seconds] for d in ds]), 0.0),
            thermal_headroom_kelvin=np.array([d.headroom_kelvin for d in ds]),
            thermal_lost=np.array([d.thermal_lost for d in ds]),
            thermal_at=np.array([self.now - d.age_seconds for d in ds]),
            placements_known=np.array([d.known for d in ds]),
        )

    def _outlook(self) -> Outlook:
        ds = self.devices
        h = len(HORIZONS)
        p50 = np.repeat(np.array([d.p50 or d.load for d in ds], dtype=float)[:, :, None], h, axis=2)
        p90 = np.repeat(np.array([d.p90 or d.load for d in ds], dtype=float)[:, :, None], h, axis=2)
        p_over = np.zeros_like(p50)
        p_over[:, 0, :] = np.array([d.p_over for d in ds])[:, None]
        rows = len(ds) * 3
        flat = p50.reshape(rows, h)
        table = ForecastTable(
            at=self.now,
            method="test",
            horizon_seconds=HORIZONS,
            p50=flat,
            p90=p90.reshape(rows, h),
            spread=np.full((rows, h), 0.01),
            skill=np.repeat([d.skill for d in ds], 3)[:, None].repeat(h, axis=1),
            gate_open=np.repeat([d.gate for d in ds], 3)[:, None].repeat(h, axis=1),
            margin_p90=flat,
            history_points=np.full(rows, 100),
            usual_overload_seconds=np.full(rows, 120.0),
            quality=ForecastQuality(
                np.full(h, 0.9),
                np.full(h, 0.01),
                np.full(h, 0.3),
                foreseen=np.full(h, 0.7),
                lead_seconds=np.full(h, 60.0),
                said=_calm(h),
                came=_calm(h),
            ),
        )
        return Outlook(
            background=table,
            cost_now=np.zeros((len(ds), 3)),
            p50=p50,
            p90=p90,
            p_over=p_over,
            step=1,
            highest=np.array([d.highest or d.p90 or d.load for d in ds], dtype=float),
            margin_p90=p90.copy(),
            skill=np.array([[d.skill] * 3 for d in ds]),
            gate_open=np.array([[d.gate] * 3 for d in ds]),
            usual_overload_seconds=np.array([[d.usual_overload_seconds] * 3 for d in ds]),
        )

    def _build(self, workload: FakeWorkload) -> int:
        key = (workload.id.split("/")[0], *workload.build)
        return self.builds.index(key) if key in self.builds else NOWHERE

    def _seen(self) -> list[FakeCamera]:
        named = {camera.id for camera in self.cameras}
        return self.cameras + [FakeCamera(id_) for id_ in sorted({w.id.split("/")[1] for w in self.workloads} - named)]

    def _variants(self) -> Variants:
        count = len(self.builds)
        return Variants(
            package=tuple(build[0] for build in self.builds),
            environment_class=tuple(build[1] for build in self.builds),
            version=tuple(build[2] for build in self.builds),
            active=np.array([build not in self.retired for build in self.builds], dtype=bool),
            fit=np.array(self.fit * count if len(self.fit) < count else self.fit, dtype=bool),
            cost_cores=np.full(count, 0.8),
            cost_memory_bytes=np.full(count, 0.5e9),
            cost_gpu_ratio=np.full(count, 0.05),
        )

    def _cameras(self) -> Cameras:
        cs = self._seen()
        return Cameras(
            ids=tuple(c.id for c in cs),
            environment_class=tuple(c.environment_class for c in cs),
            environment_confidence=np.array([c.confidence for c in cs], dtype=float),
            environment_at=np.array([self.now - c.age_seconds for c in cs], dtype=float),
            environment_fresh=np.array([bool(c.environment_class) and c.age_seconds < 15.0 for c in cs], dtype=bool),
        )

    def _workloads(self) -> Workloads:
        ws, index = self.workloads, self._index()
        return Workloads(
            ids=tuple(w.id for w in ws),
            home=np.array([index[w.home] for w in ws], dtype=int),
            package=tuple(w.id.split("/")[0] for w in ws),
            variant=np.array([self._build(w) for w in ws], dtype=int),
            camera=np.array([[c.id for c in self._seen()].index(w.id.split("/")[1]) for w in ws], dtype=int),
            cost_cores=np.array([w.cost_cores for w in ws], dtype=float),
            cost_memory_bytes=np.full(len(ws), 0.5e9),
            cost_gpu_ratio=np.full(len(ws), 0.05),
            cost_measured=np.ones(len(ws), dtype=bool),
            movable=np.array([w.movable for w in ws], dtype=bool),
            version_is_fixed=np.array([w.version_is_fixed for w in ws], dtype=bool),
            result_by_helper=np.array([w.by_helper for w in ws], dtype=bool),
            interval_seconds=np.full(len(ws), 5.0),
            reachable={row: np.array([index[d] for d in w.reachable]) for row, w in enumerate(ws) if w.reachable is not None},
        )

    def _placements(self) -> Placements:
        index = self._index()
        rows = [(wi, w, device) for wi, w in enumerate(self.workloads) for device in (w.at if w.at is not None else (w.home,))]
        named = [f"{w.id}@{device}#{self.generations.get(f'{w.id}@{device}', 1)}" for _, w, device in rows]
        return Placements(
            ids=tuple(named),
            workload=np.array([wi for wi, _, _ in rows], dtype=int),
            device=np.array([index[device] for _, _, device in rows], dtype=int),
            variant=np.array([self._build(w) for _, w, _ in rows], dtype=int),
            generation=np.array([int(name.rsplit("#")[-1]) for name in named], dtype=int),
            phase=np.array([w.phase for _, w, _ in rows], dtype=int),
            since=np.array([w.since for _, w, _ in rows], dtype=float),
            last_result_at=np.array([w.last_result_at for _, w, _ in rows], dtype=float),
            last_frame_at=np.array([self.now - 1.0 if w.last_frame_at is None else w.last_frame_at for _, w, _ in rows], dtype=float),
            told_at=np.array([self.now - w.told_seconds_ago for _, w, _ in rows], dtype=float),
            confidence=np.full(len(rows), 0.9),
            cause=tuple(w.cause for _, w, _ in rows),
        )


def calm_fleet(edges: int = 4) -> FakeFleet:
    """Edges at half load with one workload each, and one analysis server."""
    devices = [FakeDevice(f"edge-{n:02d}") for n in range(1, edges + 1)]
    devices.append(FakeDevice("analysis-01", load=(0.2, 0.2, 0.2), analysis=True))
    return FakeFleet(devices, [FakeWorkload(f"detector/cam-{n:02d}/main", f"edge-{n:02d}") for n in range(1, edges + 1)])


def quick_limits() -> Limits:
    """Five-second cycles, short dwell."""
    return replace(Limits(), times=Times(), moving=replace(Moving(), dwell_seconds=60.0))


def _calm(horizons: int) -> Floats:
    """Shares by tenths of probability of a fleet to which hardly anything ever happens: all in the lowest tenth, the others unknown."""
    shares = np.full((horizons, 10), np.nan)
    shares[:, 0] = 0.02
    return shares
