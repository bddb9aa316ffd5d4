"""The recorder: cycles come back and replay byte for byte, the ring stays bounded, and no failure is raised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from decision_engine.core.limits import Limits, Overload
from decision_engine.core.memory import CycleRecord
from decision_engine.core.records import encode
from decision_engine.core.snapshot import Snapshot
from decision_engine.execute.cycle_file import CycleUnreadable, RecordedCycle, replay, settings_digest_of
from decision_engine.execute.recorder import Recorder, Ring, SnapshotCodec
from decision_engine.policies import POLICIES
from tests.builders.execute import CODEC, HOT_EDGE_ONE, WHOLE_MOVE, Played, Step, play
from tests.builders.fleet import NOW, quick_limits


def recorded_cycle(number: int, played: Played) -> RecordedCycle:
    return RecordedCycle(
        number=number,
        snapshot=played.snapshot,
        memory=played.before,
        record=encode(played.record),
        settings_digest=settings_digest_of(quick_limits()),
        model_digest="m",
    )


@pytest.fixture
def cycle() -> RecordedCycle:
    return recorded_cycle(1, list(play(HOT_EDGE_ONE))[1])


def test_recorded_cycles_replay_byte_for_byte(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Ring(), CODEC)
    steps = (*WHOLE_MOVE, Step(hot=frozenset({1, 2}), outcome="refused"), *(Step(hot=frozenset({1, 2}), blind=True),) * 2, *HOT_EDGE_ONE)
    cycles = [recorded_cycle(number, played) for number, played in enumerate(play(steps), 1)]
    assert [recorder.record(one) for one in cycles] == [""] * len(cycles)
    assert recorder.written == len(cycles)
    again = Recorder(tmp_path, Ring(), CODEC)
    assert again.cycles() == tuple(range(1, len(cycles) + 1))
    loaded = [again.load(number) for number in again.cycles()]
    assert [replay(one, POLICIES, quick_limits()) for one in loaded] == [one.record for one in cycles]
    assert [one.memory for one in loaded] == [one.memory for one in cycles]
    assert any(one.memory.moves for one in loaded)


def test_replay_with_other_limits_is_seen_to_differ(cycle: RecordedCycle) -> None:
    tolerant = replace(quick_limits(), autonomy={"SC-1": "observe"})
    assert replay(cycle, POLICIES, quick_limits()) == cycle.record
    assert replay(cycle, POLICIES, tolerant) != cycle.record
    assert settings_digest_of(tolerant) != cycle.settings_digest


def test_a_settings_digest_depends_on_the_numbers_only() -> None:
    assert settings_digest_of(Limits()) == settings_digest_of(Limits(overload=Overload(cpu_ratio=0.85)))
    assert settings_digest_of(Limits()) != settings_digest_of(Limits(overload=Overload(cpu_ratio=0.86)))


def test_cycles_with_a_conclusion_are_wanted_and_every_kth_besides(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Ring(every_cycles=10), CODEC)
    silent, said = CycleRecord(at=NOW), next(play(HOT_EDGE_ONE)).record
    assert [number for number in range(1, 31) if recorder.wants(number, silent)] == [10, 20, 30]
    assert all(recorder.wants(number, said) for number in range(1, 31))


def test_the_ring_keeps_the_newest_cycles_only(tmp_path: Path, cycle: RecordedCycle) -> None:
    recorder = Recorder(tmp_path, Ring(keep_cycles=3), CODEC)
    for number in range(1, 8):
        assert recorder.record(replace(cycle, number=number)) == ""
    assert recorder.cycles() == (5, 6, 7)
    restarted = Recorder(tmp_path, Ring(keep_cycles=2), CODEC)
    assert restarted.next_number() == 8
    assert restarted.record(replace(cycle, number=restarted.next_number())) == ""
    assert restarted.cycles() == (7, 8)


def test_the_ring_keeps_within_its_bytes(tmp_path: Path, cycle: RecordedCycle) -> None:
    Recorder(tmp_path / "one", Ring(), CODEC).record(cycle)
    (alone,) = (tmp_path / "one").iterdir()
    size = alone.stat().st_size
    recorder = Recorder(tmp_path / "ring", Ring(keep_bytes=int(size * 2.5)), CODEC)
    for number in range(1, 6):
        assert recorder.record(replace(cycle, number=number)) == ""
        assert sum(file.stat().st_size for file in (tmp_path / "ring").iterdir()) <= size * 2.5
    assert recorder.cycles() == (4, 5)
    small = Recorder(tmp_path / "small", Ring(keep_bytes=size - 100), CODEC)
    assert "more than the ring's" in small.record(cycle)
    assert small.cycles() == ()


def torn(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def older(data: bytes) -> bytes:
    return data.replace(b"edgeshift-cycle-1", b"edgeshift-cycle-0", 1)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(torn, "is torn or damaged", id="torn"),
        pytest.param(flipped, "is torn or damaged", id="flipped-bit"),
        pytest.param(older, "another version", id="older"),
        pytest.param(lambda _: b"", "another version or another program", id="empty"),
    ],
)
def test_a_bad_file_is_ignored_with_a_reason(tmp_path: Path, cycle: RecordedCycle, damage: object, reason: str) -> None:
    recorder = Recorder(tmp_path, Ring(), CODEC)
    recorder.record(cycle)
    (file,) = tmp_path.iterdir()
    assert callable(damage)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(CycleUnreadable, match=reason):
        recorder.load(1)
    assert recorder.record(replace(cycle, number=2)) == ""
    assert recorder.load(2).record == cycle.record


def test_a_cycle_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(CycleUnreadable, match="cycle 7 is not recorded"):
        Recorder(tmp_path, Ring(), CODEC).load(7)


def test_leftovers_of_a_crash_are_swept_and_foreign_files_stay(tmp_path: Path, cycle: RecordedCycle) -> None:
    (tmp_path / "000000000001.bin.part").write_bytes(b"half")
    (tmp_path / "notes.bin").write_bytes(b"mine")
    recorder = Recorder(tmp_path, Ring(keep_cycles=1), CODEC)
    assert [recorder.record(replace(cycle, number=number)) for number in (1, 2)] == ["", ""]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["000000000002.bin", "notes.bin"]


def refuse(_: Snapshot) -> bytes:
    raise RuntimeError("this snapshot has no bytes")


def test_no_failure_stops_the_loop(tmp_path: Path, cycle: RecordedCycle) -> None:
    (tmp_path / "file").write_text("not a folder")
    blocked = Recorder(tmp_path / "file" / "cycles", Ring(), CODEC)
    assert blocked.record(cycle).startswith("cycle 1 was not recorded in ")
    assert blocked.cycles() == ()
    broken = Recorder(tmp_path / "cycles", Ring(), SnapshotCodec(refuse, CODEC.decode))
    assert broken.record(cycle).endswith("this snapshot has no bytes")
    assert (broken.failed, broken.written) == (1, 0)


def test_numbers_must_rise(tmp_path: Path, cycle: RecordedCycle) -> None:
    recorder = Recorder(tmp_path, Ring(), CODEC)
    assert recorder.record(replace(cycle, number=5)) == ""
    assert "numbers must rise, and cycle 5 is there already" in recorder.record(replace(cycle, number=5))
