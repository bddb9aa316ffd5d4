"""What must hold whatever the fleet does: properties of the pure middle over random worlds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from decision_engine.core.decide import decide
from decision_engine.core.limits import Budget, Limits, Moving
from decision_engine.core.memory import CycleRecord, Memory, rebuild
from decision_engine.core.records import decode, encode, kind_of
from decision_engine.core.snapshot import FAILED, READY
from decision_engine.policies import POLICIES
from tests.builders.small_world import CYCLE_SECONDS, SmallWorld, WorldFleet

LIMITS = replace(
    Limits(),
    moving=replace(
        Moving(),
        dwell_seconds=30.0,
        workload_rest_seconds=20.0,
        device_rest_seconds=10.0,
        failed_target_rest_seconds=30.0,
        deadline_seconds=60.0,
    ),
    budget=Budget(in_flight=2, window_seconds=120.0, fleet_moves=3, site_moves=3),
)
worlds = st.builds(
    SmallWorld, seed=st.integers(0, 10_000), edges=st.integers(2, 5), lossy=st.sampled_from([0.0, 0.3]), silent=st.sampled_from([0.0, 0.05])
)
few = settings(max_examples=10, deadline=None)


def run(world: SmallWorld, cycles: int, crash_engine_at: frozenset[int] = frozenset()) -> tuple[list[CycleRecord], Memory]:
    """Live through some cycles; at the named ones the engine dies between writing down and acting, and starts again."""
    memory, records = Memory(), []
    for cycle in range(cycles):
        world.advance()
        record, memory = decide(world.fleet().snapshot(), POLICIES, LIMITS, memory)
        if not record.empty:
            records.append(record)
        if cycle in crash_engine_at:
            memory = rebuild(records)
            continue
        for transition in record.transitions:
            if transition.order is not None:
                world.obey(transition.order)
    return records, memory


@few
@given(world=worlds)
def test_memory_rebuilt_from_the_journal_equals_memory_kept(world: SmallWorld) -> None:
    records, memory = run(world, 60)
    again = [decode(kind_of(record), encode(record)) for record in records]
    assert again == records
    assert rebuild(again) == memory


@few
@given(world=worlds)
def test_nothing_acts_on_stale_or_missing_evidence(world: SmallWorld) -> None:
    for record in run(world, 60)[0]:
        for decision in record.decisions:
            if decision.verdict == "act":
                assert decision.proposal is not None
                assert decision.proposal.evidence
                for piece in decision.proposal.evidence:
                    assert piece.fresh
                    assert piece.at is not None
                    assert record.at - piece.at <= LIMITS.times.fresh_seconds


@few
@given(world=worlds)
def test_no_budget_is_ever_exceeded(world: SmallWorld) -> None:
    begun: list[float] = []
    in_flight: set[str] = set()
    for record in run(world, 80)[0]:
        for transition in record.transitions:
            move = transition.move
            if move.state.value == "starting" and move.id not in in_flight:
                begun.append(record.at)
                in_flight.add(move.id)
            if move.state.value in ("done", "undone") or move.overdue:  # what is overdue was said aloud and counts no more
                in_flight.discard(move.id)
        assert len(in_flight) <= LIMITS.budget.in_flight
        assert sum(at > record.at - LIMITS.budget.window_seconds for at in begun) <= LIMITS.budget.fleet_moves


@few
@given(world=worlds, cycles=st.integers(1, 40), order=st.randoms(use_true_random=False))
def test_the_order_of_devices_changes_nothing(world: SmallWorld, cycles: int, order: object) -> None:
    _, memory = run(world, cycles)
    world.advance()
    fleet = world.fleet()
    assert isinstance(fleet, WorldFleet)
    shuffled = replace(fleet, devices=list(fleet.devices), workloads=list(fleet.workloads))
    order.shuffle(shuffled.devices)  # type: ignore[attr-defined]
    order.shuffle(shuffled.workloads)  # type: ignore[attr-defined]
    record, after = decide(fleet.snapshot(), POLICIES, LIMITS, memory)
    assert encode(decide(fleet.snapshot(), POLICIES, LIMITS, memory)[0]) == encode(record)
    assert decide(shuffled.snapshot(), POLICIES, LIMITS, memory) == (record, after)


@few
@given(world=worlds, crashes=st.frozensets(st.integers(0, 79), max_size=8))
def test_no_camera_is_left_with_none_or_two_because_of_us(world: SmallWorld, crashes: frozenset[int]) -> None:
    _, memory = run(world, 80, crashes)
    assert all(gap == 0 for gap in world.gaps.values())
    for _ in range(200):  # calm at last: moves end, whatever was lost
        world.loads = [0.3] * world.edges
        world.lossy = world.silent = 0.0
        world.advance()
        record, memory = decide(world.fleet().snapshot(), POLICIES, LIMITS, memory)
        for transition in record.transitions:
            if transition.order is not None:
                world.obey(transition.order)
        assert all(gap == 0 for gap in world.gaps.values())
    assert not memory.moves
    ready = Counter(p.workload for p in world.running.values() if p.phase == READY)
    assert all(ready[name] == 1 for name in world.gaps), (ready, CYCLE_SECONDS)


@few
@given(seed=st.integers(0, 10_000), crashes=st.frozensets(st.integers(0, 79), max_size=8))
def test_a_move_survives_placements_that_die_under_it(seed: int, crashes: frozenset[int]) -> None:
    """When placements crash by themselves and runtimes fall silent, a move still ends, and never leaves two."""
    world = SmallWorld(seed=seed, crashy=0.01, lossy=0.2, mute=0.02)
    _, memory = run(world, 80, crashes)
    world.crashy = world.lossy = world.mute = 0.0
    for _ in range(200):
        world.loads = [0.3] * world.edges
        world.advance()
        record, memory = decide(world.fleet().snapshot(), POLICIES, LIMITS, memory)
        for transition in record.transitions:
            if transition.order is not None:
                world.obey(transition.order)
    assert not memory.moves
    alive = Counter(p.workload for p in world.running.values() if p.phase != FAILED)
    assert all(count <= 1 for count in alive.values())


@few
@given(seed=st.integers(0, 10_000), lossy=st.sampled_from([0.0, 0.3]))
def test_we_never_stop_the_only_placement_that_is_ready(seed: int, lossy: float) -> None:
    """Whatever crashes or falls silent: an order to stop a Ready placement goes out only while another one is seen Ready."""
    world, memory = SmallWorld(seed=seed, crashy=0.01, lossy=lossy, mute=0.03), Memory()
    for _ in range(100):
        world.advance()
        snapshot = world.fleet().snapshot()
        record, memory = decide(snapshot, POLICIES, LIMITS, memory)
        columns = snapshot.placements
        ready = Counter(snapshot.workloads.ids[w] for w, phase in zip(columns.workload, columns.phase, strict=True) if phase == READY)
        for transition in record.transitions:
            order = transition.order
            if order is None:
                continue
            if order.verb == "stop" and order.placement in columns.ids and columns.phase[columns.ids.index(order.placement)] == READY:
                assert ready[order.workload] >= 2, (order, transition)
            world.obey(order)


@few
@given(world=worlds, back_seconds=st.sampled_from([600.0, 3600.0, 86_400.0]))
def test_a_clock_set_back_stretches_nothing(world: SmallWorld, back_seconds: float) -> None:
    """What rests, waits or was promised does so for as long as was meant, on the clock as it now is."""
    records, memory = run(world, 40)
    after = decide(replace(world.fleet(), now=world.now - back_seconds, blind="clock_backwards").snapshot(), POLICIES, LIMITS, memory)[1]
    moving = LIMITS.moving
    longest = max(moving.workload_rest_seconds, moving.device_rest_seconds, moving.failed_target_rest_seconds)
    for until in (*after.workload_rests.values(), *after.device_rests.values()):
        assert until - (world.now - back_seconds) <= longest
    for move in after.moves.values():
        assert move.deadline_at - (world.now - back_seconds) <= LIMITS.moving.deadline_seconds
    assert all(sighting.evidence_at <= world.now - back_seconds for sighting in after.sightings.values())
    assert records or after.at == world.now - back_seconds
