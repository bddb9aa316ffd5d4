"""The lab with real parts: Prometheus, Alertmanager, the engine, this machine's exporter and AI programs, and a simulated fleet."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actuators.api import Action, Outcome, Phase, Verb, placement_id
from actuators.process.actuator import ProcessActuator
from decision_engine.evaluation.sight import CameraWatch, TwinWatch, plant_results
from decision_engine.evaluation.tally import Tally
from decision_engine.lab.beginning import begin, beginning_of, together
from decision_engine.lab.breaking import Breaker, parse_breaks
from decision_engine.lab.children import LabError
from decision_engine.lab.emulated import EmulatedBoards
from decision_engine.lab.listening import EngineListener, HostResults
from decision_engine.lab.parts import JOB, Parts, process_settings
from decision_engine.lab.stage import Stage
from decision_engine.lab.supervising import Supervisor
from decision_engine.lab.telling import Telling
from decision_engine.lab.view import LabView
from decision_engine.observe.client import Endpoint, PrometheusClient
from exporters.simulated.blueprint import PlantBlueprint
from exporters.simulated.control import serve_control
from exporters.simulated.live import LivePlant
from exporters.simulated.stories import LENT_DEVICE_ID
from exporters.simulated.targets import serve_targets

if TYPE_CHECKING:
    from decision_engine.lab.run import LabRequest

LOOK_SECONDS = 0.2
"""How often cameras and the twin are looked at: a gap is known to within this, for real programs to within their own second."""
READY_WITHIN_SECONDS = 30.0
START_GENERATION = 1


async def run_live(request: LabRequest, directory: Path) -> dict[str, Any]:
    """Start everything, tell the story, end everything; the result is the lab's JSON object.

    Raises:
        LabError: a program is missing, a port cannot be had, or a part does not start.
    """
    breaks, beginning = parse_breaks(request.breaks), beginning_of(request, directory)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        run = await begin(beginning, stack, stopped)
        for one in breaks:
            run.spawn(run.breaker.carry_out(one, run.story_seconds, run.moving))
        with run.telling.shown():
            await run.live(stopped)
        result = {**run.result(), "cameras_analysed_once": await run.analysed_once()}
        if not result["cameras_analysed_once"]:
            result["errors"].append("at the end a camera was analysed by no AI program, or by two")
    if not request.json:
        run.telling.finish(result)
    return result


class LiveRun:
    """One live lab from its first child to its result."""

    def __init__(self, request: LabRequest, stage: Stage, live: LivePlant, parts: Parts) -> None:
        addresses = stage.addresses
        self._request, self._stage, self._plant, self._parts = request, stage, live, parts
        self._began = live.story_began_unix_seconds
        real = frozenset({LENT_DEVICE_ID})
        shown = {"Prometheus": addresses.url(addresses.prometheus_port), "Alertmanager": addresses.url(addresses.alertmanager_port),
                 "edgeshift": f"{addresses.url(addresses.service_port)}/api/v1/fleet"}  # fmt: skip
        self.telling = Telling(LabView(shown, request.duration_seconds, self._began, real), self._began, request.headless)
        self._tally = Tally(real, self._began)
        self._twin = TwinWatch()
        self._cameras = CameraWatch(_nominal_seconds(stage.blueprint))
        self._host = HostResults(f"http://{stage.host_address}/metrics")
        self.breaker = Breaker({"prometheus": parts.prometheus, "engine": parts.engine}, self.telling.note)
        self._supervisor = Supervisor(parts, self.breaker, self._trouble)
        self._processes = ProcessActuator(process_settings(stage))
        self._emulated = EmulatedBoards(stage)
        self._tasks: list[asyncio.Task[None]] = []
        for name, url in shown.items():
            self.telling.note(f"{name} on {url}")
        for edge in stage.emulated:
            self.telling.note(f"{edge.id} is an emulated {edge.board}: files that move, read by a real exporter")

    def spawn(self, work: Any) -> None:
        """Run something until the lab ends."""
        self._tasks.append(asyncio.create_task(work))

    def story_seconds(self) -> float:
        """Seconds since the story began."""
        return time.time() - self._began

    def moving(self) -> bool:
        """Whether a move is under way, by the engine's own events."""
        return any(move.ended_at is None for move in self._tally.moves.values())

    async def start(self, stack: AsyncExitStack) -> None:
        """Bring everything up; what was started is ended by the stack, in the opposite order, also when a later part fails."""
        stack.push_async_callback(self._stop_processes)
        for child in reversed(self._parts.all):
            stack.push_async_callback(child.stop)
        stack.push_async_callback(self._emulated.stop)
        targets = await serve_targets(self._plant, self._stage.addresses.device_port)
        stack.push_async_callback(targets.close)
        control = await serve_control(self._plant, "127.0.0.1", self._stage.addresses.control_port)
        stack.push_async_callback(control.close)
        stack.push_async_callback(self._cancel_tasks)
        await together(self._start_host(), self._start_prometheus(), self._parts.alertmanager.start(), self._emulated.start())
        await self._first_scrape()
        await self._parts.engine.start()
        await together(*(child.ready(READY_WITHIN_SECONDS) for child in (self._parts.alertmanager, self._parts.engine)))
        self.spawn(EngineListener(self._stage.addresses.url(self._stage.addresses.service_port), self._take).run())
        self.spawn(self._host.run(LOOK_SECONDS))
        self.spawn(self._look())
        self.spawn(self._supervisor.run())
        self.spawn(self._emulated.watch(self._trouble))

    async def live(self, stopped: asyncio.Event) -> None:
        """Until the story's end, or until somebody stops it."""
        try:
            await asyncio.wait_for(stopped.wait(), max(self._request.duration_seconds - self.story_seconds(), 0.0))
        except TimeoutError:
            return
        self.telling.note("stopped by hand")

    def result(self) -> dict[str, Any]:
        """What the run did."""
        self._plant.catch_up()
        gap = self._cameras.worst(time.time())
        return self._tally.result(self._plant.plant.score(), self._plant.twin.score(), gap, self._twin.first_crossing)

    async def analysed_once(self) -> bool:
        """Whether every workload that is not on its way runs Ready in exactly one place, by the runtimes' own word."""
        running = [row.workload for row in self._plant.catch_up().placements() if row.phase == "ready"]
        running += [row.workload for row in await self._processes.placements() if row.phase is Phase.READY]
        moving = {move.workload for move in self._tally.moves.values() if move.ended_at is None}
        counts = Counter(running)
        return all(counts[workload.id] == 1 for workload in self._stage.blueprint.workloads if workload.id not in moving)

    async def _start_host(self) -> None:
        """This machine: its exporter, then the AI programs whose home it is."""
        await self._parts.exporter.start()
        await self._parts.exporter.ready(READY_WITHIN_SECONDS)
        for workload in self._stage.blueprint.workloads:
            if workload.home != LENT_DEVICE_ID:
                continue
            name = placement_id(workload.id, LENT_DEVICE_ID, START_GENERATION)
            action = Action(f"lab:{name}", Verb.START, name, workload.id, LENT_DEVICE_ID, environment_class=workload.environment_class,
                            version=workload.version)  # fmt: skip
            receipt = await self._processes.act(action)
            if receipt.outcome not in (Outcome.ACCEPTED, Outcome.ALREADY):
                raise LabError(f"the AI program of {workload.camera} was not started: {receipt.detail}")

    async def _start_prometheus(self) -> None:
        samples = await self._parts.backfill(self._plant.plant, self._began)
        hours = self._stage.blueprint.history_seconds / 3600
        self.telling.note(
            f"{hours:g} hours of the plant's virtual history were backfilled into Prometheus ({samples} samples): "
            "forecasts earn their skill on it"
        )
        await self._parts.prometheus.start()
        await self._parts.prometheus.ready(READY_WITHIN_SECONDS)

    async def _first_scrape(self) -> None:
        """Wait until every device has been scraped once: an engine that begins earlier sees the past end and nothing begin."""
        url = self._stage.addresses.url(self._stage.addresses.prometheus_port)
        wanted = len(self._stage.blueprint.devices) + 1 + len(self._stage.emulated)
        source = PrometheusClient(Endpoint(url))
        try:
            for _ in range(int(READY_WITHIN_SECONDS / LOOK_SECONDS)):
                answer = await source.instant(f'count(up{{job="{JOB}"}} == 1)', time.time())
                if answer and float(answer[0].values[-1]) >= wanted:
                    return
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await source.close()
        raise LabError(
            f"Prometheus did not scrape all {wanted} devices within {READY_WITHIN_SECONDS:.0f} s: see logs/prometheus.log with --keep"
        )

    async def _look(self) -> None:
        while True:
            plant = self._plant.catch_up()
            self._twin.look(self._plant.twin)
            for camera, at in plant_results(plant).items():
                self._cameras.saw(camera, at + self._began)
            for camera, at in self._host.newest.items():
                self._cameras.saw(camera, at)
            await asyncio.sleep(LOOK_SECONDS)

    def _take(self, event: str, body: dict[str, Any]) -> None:
        self._tally.take(event, body)
        self.telling.take(event, body)

    def _trouble(self, sentence: str) -> None:
        self._tally.errors.append(sentence)
        self.telling.note(sentence, "bad")

    async def _stop_processes(self) -> None:
        left = await self._processes.stop_all()
        if left:
            self._trouble(f"AI programs that would not end: {', '.join(left)}")
        await self._processes.close()

    async def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                self._trouble(f"a part of the lab itself failed: {type(outcome).__name__}: {outcome}")


def _nominal_seconds(blueprint: PlantBlueprint) -> dict[str, float]:
    return {workload.camera: 1.0 / workload.frames_per_second for workload in blueprint.workloads}
