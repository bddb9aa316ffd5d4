"""Whatever order, loss, duplication, death and silence: sums are what was said, never less than before and never twice."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.workload.wire import parse
from tests.builders.exporters import LABELS, NOW, World
from tests.builders.workload import Worker

pytestmark = pytest.mark.thorough

FORGET_SECONDS = 60.0


@dataclass
class Said:
    """One datagram, and what it holds."""

    data: bytes
    pid: int


@dataclass
class Model:
    """What must be true, by the simplest account: the newest accepted word of each session."""

    newest: dict[str, tuple[int, int, str]] = field(default_factory=dict)  # seq, frames, worker
    over: set[str] = field(default_factory=set)
    heard: dict[str, tuple[float, int]] = field(default_factory=dict)  # when, by whom
    lost: int = 0

    def take(self, data: bytes, pid: int, elapsed: float) -> None:
        said = parse(data, NOW * 2)
        before = self.newest.get(said.session)
        if said.session in self.over or (before and said.seq <= before[0]):
            return
        self.lost += said.seq - before[0] - 1 if before else 0
        self.newest[said.session] = (said.seq, said.totals.frames, said.worker)
        self.heard[said.session] = (elapsed, pid)
        if said.end:
            self.over.add(said.session)

    def workers(self, world: World) -> int:
        live = (
            session
            for session, (when, pid) in self.heard.items()
            if session not in self.over and pid in world.processes and world.elapsed - when <= FORGET_SECONDS
        )
        return len({self.newest[session][2] for session in live})

    @property
    def frames(self) -> int:
        return sum(frames for _, frames, _ in self.newest.values())


def history(acts: list[tuple[int, int, str]]) -> list[Said]:
    """All that three processes say in one story, in order."""
    workers, told = [Worker(number) for number in range(3)], []
    for number, frames, act in acts:
        worker = workers[number]
        told.append(Said(worker.say(frames, end=act == "close"), 100 + number))
        if act == "close":
            worker.restart()
    return told


ACTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.sampled_from(["say", "say", "say", "close"])), min_size=1, max_size=12)
EVENTS = st.lists(st.one_of(st.integers(0, 11), st.sampled_from(["wait", "kill 0", "kill 1"])), max_size=30)


def samples(collector: object) -> dict[str, float]:
    """The page's single samples of the placement, and the counts of its histograms."""
    families = collector.collect()  # type: ignore[attr-defined]
    return {s.name: s.value for family in families for s in family.samples if s.labels == LABELS}


@settings(max_examples=150, deadline=None)
@given(ACTS, EVENTS)
def test_any_order_loss_and_duplication_gives_the_sum_of_what_was_said(acts: list[tuple[int, int, str]], events: list[int | str]) -> None:
    told, world, model = history(acts), World(), Model()
    world.processes = {100 + number: (100 + number, 1) for number in range(3)}
    collector = world.collector()
    before: dict[str, float] = {}
    for event in events:
        if event == "wait":
            world.pass_seconds(40)
        elif isinstance(event, str):
            world.processes.pop(100 + int(event[-1]), None)
        elif event < len(told):
            collector.accept(told[event].data, told[event].pid)
            # A process that is gone before anybody could look it up is taken for one that cannot be seen.
            if told[event].pid in world.processes or parse(told[event].data, NOW * 2).session in model.heard:
                model.take(told[event].data, told[event].pid, world.elapsed)
            else:
                return
        page = samples(collector)
        workers = model.workers(world)
        assert page.get("ai_workers", 0) == workers
        if not workers:
            continue
        assert page.get("ai_frames_total") == page["ai_results_total"] == page["ai_results_empty_total"] == model.frames
        assert page["ai_inference_latency_seconds_count"] == model.frames
        assert math.isclose(page["ai_inference_latency_seconds_sum"], 0.1 * model.frames, abs_tol=1e-9)
        assert page["ai_observations_lost_total"] == model.lost
        assert page["ai_process_resident_memory_bytes"] == 1000 * workers
        for name, value in page.items():
            assert math.isfinite(value)
            if name.endswith(("_total", "_count", "_sum")):
                assert value >= before.get(name, 0.0), name
        before = page


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=40))
def test_streams_of_several_workers_stay_within_the_limit_and_add_up(results: list[tuple[int, int]]) -> None:
    collector, workers = World().collector(), [Worker(number) for number in range(4)]
    said: list[dict[str, list[int | None]]] = [{} for _ in workers]
    before: dict[str, float] = {}
    for number, stream in results:
        mine = said[number]
        name = f"s{stream:02d}" if f"s{stream:02d}" in mine or len(mine) < 16 else "other"
        mine.setdefault(name, [0, 0, None])
        mine[name] = [0, (mine[name][1] or 0) + 1, int(NOW)]
        collector.accept(workers[number].say(1, streams=mine), 0)
        page = {s.labels["stream"]: s.value for f in collector.collect() for s in f.samples if s.name == "ai_stream_results_total"}
        assert len(page.keys() - {"other"}) <= 16
        assert all(page[name] >= value for name, value in before.items())
        before = page
    assert sum(before.values()) == len(results)
    named = {name for mine in said for name in mine} - {"other"}
    assert len(before.keys() - {"other"}) == min(16, len(named))
