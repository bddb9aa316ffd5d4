"""An imaginary fleet as a pure machine: time is handed in, verbs are handed in, and everything else follows from the seed.

The world moves in ticks. A verb takes effect at the beginning of the tick under way, so what happens depends on the
story times of the verbs and never on how the time between them was cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from exporters.simulated.blueprint import CPU, Fault, PlantBlueprint, why_bad_fault
from exporters.simulated.columns import Columns, PlantPhase
from exporters.simulated.curves import Curves, draw_curves
from exporters.simulated.draws import Draws, make_draws
from exporters.simulated.faults import struck
from exporters.simulated.heat import settled_celsius, warmed_celsius
from exporters.simulated.naming import placement_parts
from exporters.simulated.production import Tick, produce
from exporters.simulated.score import PlantScore, ScoreBook
from exporters.simulated.sky import CLASSES, NOWHERE, SeenEnvironment, make_sky
from exporters.simulated.starting import Order, at_home, ordered
from exporters.simulated.tables import make_tables
from exporters.simulated.turning import turn

Floats = NDArray[np.float64]

TIME_TOLERANCE_TICKS = 1e-6
"""Ten steps of 0.1 s are one of 1 s, although their sum is not."""

MOST_FAULTS = 1000
"""Every tick looks at all of them."""


@dataclass(frozen=True, slots=True)
class PlantAnswer:
    """What came of a verb: ``detail`` is a sentence where it was refused."""

    outcome: Literal["accepted", "already", "refused"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PlantPlacement:
    """One placement as the plant's runtime lists it; ``phase`` is starting, ready or failed, ``since`` story seconds.

    ``cause`` of a failure is crash or image_pull, ``detail`` its sentence.
    """

    placement: str
    workload: str
    device: str
    generation: int
    phase: str
    since: float
    environment_class: str
    version: str
    detail: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class PlantInputs:
    """Everything that actions cannot change, shared by a plant and its twins; ``faults`` may grow."""

    curves: Curves
    draws: Draws
    faults: list[Fault]


class Plant:
    """N imaginary devices. ``advance`` moves time, ``apply`` starts and stops placements, ``twin`` is the world without verbs.

    For whoever measures: ``columns`` (what runs), ``tables`` (the blueprint as columns), ``sky`` (what cameras see, as
    columns; ``environments`` says it in words) and, per device in the order of
    ``device_ids``, ``wanted_ratio`` (D × R, may pass 1, NaN without a GPU), ``temperature_celsius`` and
    ``busy_core_seconds`` since boot. ``time`` is story time in seconds; 0 is when the story begins.
    """

    def __init__(self, blueprint: PlantBlueprint, inputs: PlantInputs | None = None) -> None:
        self.blueprint = blueprint
        self.device_ids = tuple(device.id for device in blueprint.devices)
        self.inputs = inputs or PlantInputs(draw_curves(blueprint), make_draws(blueprint.seed), list(blueprint.faults))
        self.time = 0.0
        self._ticks = 0
        self._book = ScoreBook(blueprint)
        self.tables = make_tables(blueprint, self._book.cameras)
        self.sky = make_sky(blueprint, self._book.cameras, self.tables.device_row)
        self.columns = at_home(blueprint, self.tables, self.inputs.draws, self.sky)
        self._cost = self.tables.costs(self.columns)
        seen = ~np.isnan(self.columns.last_result)
        before = self.columns.last_result[seen]
        self._book.results(self.tables.camera[self.columns.workload[seen]], before, before)
        curves = self.inputs.curves
        self.wanted_ratio: Floats = np.asarray(curves.column(0) + self._cost)
        self.temperature_celsius: Floats = settled_celsius(self.load_ratio)
        past = np.minimum(curves.background[: curves.history_ticks, :, CPU] + self._cost[:, CPU], 1.0)
        self.busy_core_seconds: Floats = past.sum(axis=0) * blueprint.tick_seconds * self.tables.cores

    @property
    def load_ratio(self) -> Floats:
        """Loads as the devices report them, D × R: clipped at 1, NaN where there is no GPU."""
        return np.asarray(np.minimum(self.wanted_ratio, 1.0))

    def twin(self) -> Plant:
        """The same world at the same time with no verb ever applied; it shares the inputs, later faults included."""
        twin = Plant(self.blueprint, self.inputs)
        twin.advance(self.time)
        return twin

    def advance(self, dt_seconds: float) -> None:
        """Move story time on by ``dt_seconds`` ≥ 0.

        Raises:
            ValueError: time would go backwards.
        """
        if not dt_seconds >= 0.0:
            raise ValueError(f"The plant's time cannot move by {dt_seconds} s; it only goes forward.")
        self.time += dt_seconds
        due = int(self.time / self.blueprint.tick_seconds + TIME_TOLERANCE_TICKS)
        while self._ticks < due:
            self._step()

    def apply(self, verb: str, placement: str, **details: str) -> PlantAnswer:
        """Start or stop a placement; the same verb twice has one effect, and nonsense is refused with a sentence.

        ``details`` may hold ``environment_class`` and ``version`` (else the workload's own) and ``order``: a repeated
        order does not start again what has failed since.
        """
        try:
            workload, device, _ = placement_parts(placement)
        except ValueError as error:
            return PlantAnswer("refused", str(error))
        if device not in self.tables.device_row:
            return PlantAnswer("refused", f"The device {device!r} is none of the plant's {len(self.device_ids)} devices.")
        if verb == "stop":
            return self._stop(placement)
        if verb != "start":
            return PlantAnswer("refused", f"The verb {verb!r} is unknown; a plant knows start and stop.")
        if workload not in self.tables.workload_row:
            return PlantAnswer("refused", f"The workload {workload!r} is none of the plant's {len(self.tables.workload_row)} workloads.")
        return self._start(Order(placement, self._ticks * self.blueprint.tick_seconds, details))

    def placements(self) -> tuple[PlantPlacement, ...]:
        """Everything that runs, starts or has failed, in the order of their starts."""
        c = self.columns
        workloads = self.blueprint.workloads
        return tuple(
            PlantPlacement(
                placement=str(c.placement[row]),
                workload=workloads[c.workload[row]].id,
                device=self.device_ids[c.device[row]],
                generation=int(c.generation[row]),
                phase=PlantPhase(int(c.phase[row])).name.lower(),
                since=float(c.since[row]),
                environment_class=str(c.environment_class[row]),
                version=str(c.version[row]),
                detail=str(c.detail[row]),
                cause=str(c.cause[row]),
            )
            for row in range(len(c))
        )

    def environments(self, device: str = "") -> tuple[SeenEnvironment, ...]:
        """What cameras see now, of all the plant's devices or of the one that is their home; nothing of a camera without frames.

        Raises:
            KeyError: the plant has no such device.
        """
        home = self.sky.home
        rows = np.flatnonzero(home == self.tables.device_row[device] if device else home != NOWHERE)
        number, confidence = self.sky.seen(self.time)
        down = struck(self.inputs.faults, "camera_down", self.time)
        return tuple(
            SeenEnvironment(camera, self.device_ids[home[row]], CLASSES[number[row]], float(confidence[row]))
            for row in rows
            if (camera := self._book.cameras[row]) not in down
        )

    def inject(self, fault: Fault) -> None:
        """Let something go wrong, in this plant and in its twins.

        Raises:
            ValueError: the fault cannot happen in this world, as a sentence.
        """
        if trouble := why_bad_fault(self.blueprint, fault):
            raise ValueError(trouble)
        if len(self.inputs.faults) >= MOST_FAULTS:
            raise ValueError(f"The plant has {len(self.inputs.faults)} faults already; it takes no more.")
        self.inputs.faults.append(fault)

    def silent(self, device: str) -> bool:
        """Whether the device answers no scrape now."""
        return device in struck(self.inputs.faults, "silent", self.time)

    def score(self) -> PlantScore:
        """The account of overload and blindness up to the last whole tick."""
        return self._book.score(self._ticks * self.blueprint.tick_seconds)

    def _stop(self, placement: str) -> PlantAnswer:
        row = self.columns.row_of(placement)
        if row is None:
            return PlantAnswer("already")
        self._change(self.columns.without(row))
        return PlantAnswer("accepted")

    def _start(self, order: Order) -> PlantAnswer:
        columns, row = self.columns, self.columns.row_of(order.placement)
        if row is not None:
            repeated = bool(columns.order[row]) and columns.order[row] == order.details.get("order", "")
            if columns.phase[row] != PlantPhase.FAILED or repeated:
                return PlantAnswer("already")
            columns = columns.without(row)
        try:
            fresh = ordered(order, self.blueprint, self.tables, self.inputs.draws, self.inputs.faults)
        except ValueError as error:
            return PlantAnswer("refused", str(error))
        self._change(columns.joined(fresh))
        return PlantAnswer("accepted")

    def _change(self, columns: Columns) -> None:
        self.columns = columns
        self._cost = self.tables.costs(columns)
        self.wanted_ratio = np.asarray(self.inputs.curves.column(max(self._ticks - 1, 0)) + self._cost)

    def _step(self) -> None:
        """One tick: placements begin and fail, loads follow, the book is kept, the AIs work."""
        seconds = self.blueprint.tick_seconds
        begin, end = self._ticks * seconds, (self._ticks + 1) * seconds
        if turn(self.columns, self.inputs.faults, begin, end):
            self._cost = self.tables.costs(self.columns)
        self.wanted_ratio = np.asarray(self.inputs.curves.column(self._ticks) + self._cost)
        load = self.load_ratio
        self._book.load(self.wanted_ratio, begin, seconds)
        self.temperature_celsius = warmed_celsius(self.temperature_celsius, load, seconds)
        self.busy_core_seconds = self.busy_core_seconds + load[:, CPU] * self.tables.cores * seconds
        down = struck(self.inputs.faults, "camera_down", begin)
        seeing = np.array([camera not in down for camera in self._book.cameras], dtype=np.bool_)
        seen, _ = self.sky.seen(begin)
        made = produce(self.columns, self.tables, self.inputs.draws, Tick(begin, end, self.wanted_ratio[:, CPU], seeing, seen))
        self._book.results(made.cameras, made.first, made.last)
        self._ticks += 1
