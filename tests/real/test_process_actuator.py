"""The process actuator with real processes: they outlive a killed engine, start once, stop wholly, and fail with a reason."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from actuators.api import Actuator, Outcome, Phase, RunningPlacement, Verb
from actuators.process import ProcessActuator, ProcessSettings, launch
from actuators.process.record import Record, Spec
from actuators.process.shelf import Shelf
from actuators.testing import CHECKS, Check
from tests.builders.process import DEVICE, PLACEMENT, order, settings_for, started_pids

PATIENCE_SECONDS = 8.0
SUITE_SECONDS = 30.0
ROOT = Path(__file__).parents[2]

ENGINE = """
import asyncio, sys, time
from pathlib import Path
from actuators.process import ProcessActuator
from tests.builders.process import order, settings_for
receipt = asyncio.run(ProcessActuator(settings_for(Path(sys.argv[1]))).act(order(order_id=sys.argv[2])))
print(receipt.outcome.value, flush=True)
time.sleep(20)
"""


@pytest.fixture
def clean(tmp_path: Path) -> Iterator[Path]:
    """A directory after whose test nothing runs any more."""
    yield tmp_path
    left = asyncio.run(ProcessActuator(settings_for(tmp_path, stop_grace_seconds=0.2)).stop_all())
    assert left == ()


@dataclass
class Machine:
    """This machine as a runtime for the suite that every actuator must pass."""

    settings: ProcessSettings
    devices: tuple[str, ...] = (DEVICE, "edge-02")
    workload: str = "yolo/cam-07/main"
    unknown_device: str = "edge-99"
    unknown_workload: str = "ssd/cam-07/main"
    waits: int = 400

    async def make(self) -> Actuator:
        return ProcessActuator(self.settings)

    async def wait(self) -> None:
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_passes_the_suite_of_all_actuators(check: Check, clean: Path) -> None:
    asyncio.run(asyncio.wait_for(check(Machine(settings_for(clean, devices=Machine.devices))), SUITE_SECONDS))


def listed(settings: ProcessSettings) -> dict[str, RunningPlacement]:
    """What a new actuator sees."""
    return {found.placement: found for found in asyncio.run(ProcessActuator(settings).placements())}


def act(settings: ProcessSettings, verb: Verb, order_id: str = "order-1") -> Outcome:
    """One order through a new actuator."""
    return asyncio.run(ProcessActuator(settings).act(order(verb, order_id=order_id))).outcome


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so, but not for ever."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


def wait_for(settings: ProcessSettings, phase: Phase) -> RunningPlacement:
    """Wait for the placement's phase."""
    until(lambda: PLACEMENT in listed(settings) and listed(settings)[PLACEMENT].phase is phase)
    return listed(settings)[PLACEMENT]


def runs(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped by a lazy init does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_program_starts_becomes_ready_and_stops_leaving_nothing(clean: Path) -> None:
    settings = settings_for(clean)
    assert act(settings, Verb.START) is Outcome.ACCEPTED
    found = wait_for(settings, Phase.READY)
    assert abs(found.since - time.time()) < PATIENCE_SECONDS
    (pid,) = started_pids(clean)
    assert act(settings, Verb.STOP) is Outcome.ACCEPTED
    until(lambda: not listed(settings))
    assert not runs(pid)
    assert [path.name for path in settings.state_directory.iterdir()] == [".orders"]
    assert act(settings, Verb.STOP) is Outcome.ALREADY


def test_a_start_given_again_starts_nothing(clean: Path) -> None:
    settings = settings_for(clean)
    assert act(settings, Verb.START) is Outcome.ACCEPTED
    assert act(settings, Verb.START) is Outcome.ALREADY
    assert act(settings, Verb.START, order_id="order-2") is Outcome.ALREADY
    wait_for(settings, Phase.READY)
    assert len(started_pids(clean)) == 1


def test_many_engines_at_once_start_one_program(clean: Path) -> None:
    settings = settings_for(clean)

    async def all_at_once() -> list[Outcome]:
        receipts = await asyncio.gather(*(ProcessActuator(settings).act(order(order_id=f"order-{n}")) for n in range(6)))
        return [receipt.outcome for receipt in receipts]

    outcomes = asyncio.run(all_at_once())
    assert sorted(outcomes) == [Outcome.ACCEPTED] + [Outcome.ALREADY] * 5
    wait_for(settings, Phase.READY)
    assert len(started_pids(clean)) == 1


def test_the_program_outlives_an_engine_killed_with_kill_9(clean: Path) -> None:
    settings = settings_for(clean)
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(clean), "order-1"], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert engine.stdout is not None
    assert engine.stdout.readline().strip() == "accepted"
    wait_for(settings, Phase.READY)
    os.killpg(engine.pid, signal.SIGKILL)
    engine.wait()
    engine.stdout.close()
    (pid,) = started_pids(clean)
    assert runs(pid)
    assert listed(settings)[PLACEMENT].phase is Phase.READY
    assert act(settings, Verb.START) is Outcome.ALREADY
    assert act(settings, Verb.STOP) is Outcome.ACCEPTED
    until(lambda: not listed(settings) and not runs(pid))


@pytest.mark.parametrize("kill_after_seconds", [0.0, 0.1, 0.15, 0.2, 0.25, 0.3])
def test_an_engine_killed_at_any_instant_neither_loses_nor_doubles(clean: Path, kill_after_seconds: float) -> None:
    settings = settings_for(clean)
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(clean), "order-1"], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(kill_after_seconds)
    os.killpg(engine.pid, signal.SIGKILL)
    engine.wait()
    assert act(settings, Verb.START, order_id="order-2") in (Outcome.ACCEPTED, Outcome.ALREADY)
    wait_for(settings, Phase.READY)
    assert len(started_pids(clean)) == 1


def test_an_order_whose_engine_died_before_the_launch_can_be_given_again(clean: Path) -> None:
    settings = settings_for(clean)
    settings.state_directory.mkdir()
    record = Shelf(settings.state_directory).record(PLACEMENT)
    record.create(Spec("launch-of-the-dead", "order-1", "01", "1.0", ("false",), {}, "/", time.time()))
    assert listed(settings)[PLACEMENT].phase is Phase.STARTING
    assert act(settings, Verb.START) is Outcome.ACCEPTED
    wait_for(settings, Phase.READY)
    assert launch_again(record, "launch-of-the-dead") in (launch.NOT_NEEDED, launch.LOCKED)


def test_a_second_launcher_exits_quietly_whether_the_program_lives_or_has_ended(clean: Path) -> None:
    settings = settings_for(clean, body="ready(); time.sleep(1.2)")
    act(settings, Verb.START)
    record = Shelf(settings.state_directory).record(PLACEMENT)
    spec = record.spec()
    assert spec is not None
    assert launch_again(record, spec.launch) == launch.LOCKED
    wait_for(settings, Phase.FAILED)
    assert launch_again(record, spec.launch) == launch.NOT_NEEDED
    assert len(started_pids(clean)) == 1


def launch_again(record: Record, launch_id: str) -> int:
    """Run the launcher by hand, as one left over by a killed engine."""
    command = [sys.executable, "-I", "-S", launch.__file__, str(record.directory), launch_id]
    done = subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE_SECONDS)
    assert done.stderr == b""
    return done.returncode


def test_a_crash_is_failed_with_text_and_only_a_new_order_starts_it_again(clean: Path) -> None:
    settings = settings_for(clean, body="raise RuntimeError('no such model file')")
    act(settings, Verb.START)
    assert "no such model file" in wait_for(settings, Phase.FAILED).detail
    assert act(settings, Verb.START) is Outcome.ALREADY
    assert len(started_pids(clean)) == 1
    assert act(settings_for(clean), Verb.START, order_id="order-2") is Outcome.ACCEPTED
    wait_for(settings, Phase.READY)
    assert len(started_pids(clean)) == 2


def test_a_command_that_does_not_exist_is_failed_with_text(clean: Path) -> None:
    settings = settings_for(clean, commands={"yolo": ("/nowhere/at-all",)})
    act(settings, Verb.START)
    assert "could not be started" in wait_for(settings, Phase.FAILED).detail
    assert act(settings, Verb.STOP) is Outcome.ACCEPTED
    assert listed(settings) == {}


def test_a_program_that_ignores_sigterm_is_killed_after_its_grace(clean: Path) -> None:
    settings = settings_for(clean, body="signal.signal(signal.SIGTERM, signal.SIG_IGN); ready(); stay()", stop_grace_seconds=0.4)
    act(settings, Verb.START)
    wait_for(settings, Phase.READY)
    (pid,) = started_pids(clean)
    stopped_at = time.monotonic()
    assert act(settings, Verb.STOP) is Outcome.ACCEPTED
    assert listed(settings)[PLACEMENT].phase is Phase.STOPPING
    assert act(settings, Verb.START, order_id="order-2") is Outcome.FAILED
    until(lambda: not listed(settings))
    assert time.monotonic() - stopped_at >= 0.4
    assert not runs(pid)


def test_children_end_with_their_program(clean: Path) -> None:
    child = "child = subprocess.Popen(['sleep', '20']); print(child.pid, flush=True); ready(); stay()"
    settings = settings_for(clean, body=child)
    act(settings, Verb.START)
    wait_for(settings, Phase.READY)
    record = Shelf(settings.state_directory).record(PLACEMENT)
    pid = int(record.last_lines())
    assert runs(pid)
    act(settings, Verb.STOP)
    until(lambda: not listed(settings) and not runs(pid))


def test_the_program_gets_no_secrets_and_no_descriptors_of_the_engine(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    says = "sorted(os.listdir('/proc/self/fd')), 'DATABASE_PASSWORD' in os.environ, os.environ['EDGESHIFT_SOCKET']"
    body = f"print({says}, flush=True); ready(); stay()"
    settings = settings_for(clean, body=body, environment={"EDGESHIFT_SOCKET": "/x"})
    with (clean / "open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        act(settings, Verb.START)
        wait_for(settings, Phase.READY)
    said = Shelf(settings.state_directory).record(PLACEMENT).last_lines()
    assert said == "['0', '1', '2', '3', '4'] False /x", "0 to 2, the lock, and the one that lists the folder"


def test_a_chatty_program_does_not_fill_the_disk(clean: Path) -> None:
    settings = settings_for(clean, body="ready()\nfor _ in range(4000): print('x' * 200, flush=True)\nstay()", output_limit_bytes=100_000)
    act(settings, Verb.START)
    wait_for(settings, Phase.READY)
    record = Shelf(settings.state_directory).record(PLACEMENT)
    until(lambda: len(listed(settings)) == 1 and (record.directory / "output.log.1").exists())
    until(lambda: len(listed(settings)) == 1 and (record.directory / "output.log").stat().st_size <= 100_000)


def test_stop_all_waits_until_everything_is_gone(clean: Path) -> None:
    settings = settings_for(clean, body="signal.signal(signal.SIGTERM, signal.SIG_IGN); ready(); stay()", stop_grace_seconds=0.3)

    async def several() -> tuple[str, ...]:
        actuator = ProcessActuator(settings)
        for generation in (1, 2, 3):
            await actuator.act(order(placement=f"yolo/cam-07/main@{DEVICE}#{generation}", order_id=f"order-{generation}"))
        return await actuator.stop_all()

    assert asyncio.run(several()) == ()
    until(lambda: not any(runs(pid) for pid in started_pids(clean)))
    assert listed(settings) == {}


def test_a_placement_of_a_device_no_longer_served_can_still_be_stopped(clean: Path) -> None:
    settings = settings_for(clean)
    act(settings, Verb.START)
    mixed = replace(order(Verb.STOP), device="edge-99")
    assert asyncio.run(ProcessActuator(settings).act(mixed)).outcome is Outcome.REFUSED
    elsewhere = settings_for(clean, devices=("edge-99",))
    assert act(elsewhere, Verb.START) is Outcome.REFUSED
    assert PLACEMENT in listed(elsewhere)
    assert act(elsewhere, Verb.STOP) is Outcome.ACCEPTED
    until(lambda: not listed(elsewhere))
    assert act(elsewhere, Verb.STOP) is Outcome.REFUSED
