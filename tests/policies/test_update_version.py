"""SC-10 by table: one canary, then waves; versions compared as people count; nobody on the old version is a no-op."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decision_engine.core.snapshot import FAILED, STARTING
from decision_engine.policies.update_version import UpdateVersionPolicy
from tests.builders.fleet import NOW, FakeFleet, calm_fleet, quick_limits

NOT_A_RESULT = float("nan")


def fleet_on(*versions: str, declared: tuple[str, ...] = ("02", "10")) -> FakeFleet:
    """One workload for each version that runs."""
    fleet = calm_fleet(len(versions))
    fleet.builds = [("detector", "01", version) for version in declared]
    for workload, version in zip(fleet.workloads, versions, strict=True):
        workload.build = ("01", version)
    return fleet


def wished(fleet: FakeFleet, wave: int = 5) -> list[tuple[str, str]]:
    limits = quick_limits()
    limits = replace(limits, updating=replace(limits.updating, wave=wave))
    return [(p.wish.workload, p.wish.version) for p in UpdateVersionPolicy().propose(fleet.snapshot(), limits)]  # type: ignore[union-attr]


def test_one_canary_comes_first() -> None:
    assert wished(fleet_on("02", "02", "02", "02")) == [("detector/cam-01/main", "10")]


def test_while_the_canary_stands_its_time_nobody_follows() -> None:
    fleet = fleet_on("10", "02", "02")
    fleet.workloads[0].since = NOW - 30.0
    assert wished(fleet) == []
    fleet.workloads[0].since = NOW - 61.0
    assert wished(fleet) == [("detector/cam-02/main", "10"), ("detector/cam-03/main", "10")]
    assert wished(fleet, wave=1) == [("detector/cam-02/main", "10")]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"last_result_at": NOT_A_RESULT}, id="it gave no result"),
        pytest.param({"phase": STARTING, "since": NOW - 500.0}, id="it is still starting"),
    ],
)
def test_a_canary_that_does_not_work_proves_nothing(change: dict[str, object]) -> None:
    fleet = fleet_on("10", "02")
    fleet.workloads[0] = replace(fleet.workloads[0], **change)  # type: ignore[arg-type]
    if "phase" not in change:
        assert wished(fleet) == []
    else:
        assert ("detector/cam-01/main", "10") not in wished(fleet)


@pytest.mark.parametrize(
    ("runs", "declared"),
    [
        pytest.param("10", ("02", "10"), id="02 is older than 10"),
        pytest.param("1.10.0", ("1.9.0", "1.10.0"), id="1.10 is newer than 1.9"),
        pytest.param("07", ("02", "10"), id="what runs is not registered"),
    ],
)
def test_who_runs_the_newest_or_nobody_knows_what_is_left_alone(runs: str, declared: tuple[str, ...]) -> None:
    assert wished(fleet_on(runs, runs, declared=declared)) == []


def test_while_the_new_build_fails_anywhere_nobody_follows() -> None:
    fleet = fleet_on("10", "02", "10")
    fleet.workloads[2] = replace(fleet.workloads[2], phase=FAILED)
    assert wished(fleet) == []


def test_a_package_that_publishes_nothing_proves_itself_by_standing() -> None:
    fleet = fleet_on("10", "02")
    fleet.workloads[0].last_result_at = NOT_A_RESULT
    fleet.workloads[0].by_helper = False
    assert wished(fleet) == [("detector/cam-02/main", "10")]


def test_a_device_that_the_build_does_not_fit_holds_nobody_up() -> None:
    fleet = fleet_on("02", "02")
    fleet.fit = [[True, True], [False, True]]
    fleet.devices[1].kind = 1
    assert wished(fleet) == [("detector/cam-02/main", "10")]


def test_a_version_that_the_catalogue_names_stays() -> None:
    fleet = fleet_on("02", "02")
    fleet.workloads[0].version_is_fixed = True
    assert wished(fleet) == [("detector/cam-02/main", "10")]


def test_a_retired_version_is_nobodys_goal() -> None:
    fleet = fleet_on("02", "02")
    fleet.retired = (("detector", "01", "10"),)
    assert wished(fleet) == []


def test_a_version_of_another_class_is_another_story() -> None:
    fleet = fleet_on("02", "02")
    fleet.builds.append(("detector", "02", "99"))
    assert wished(fleet) == [("detector/cam-01/main", "10")]
