"""A healthy board calls nobody: what EdgeSensorDown fires on is a fault, for every golden page and as an exporter that is not root."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from exporters.device.sensor import HARMLESS
from tests.builders.board_looks import look, sources
from tests.builders.board_pages import pages_in
from tests.builders.boards import BOARDS, DATA, MemoryTree, board

RULES = Path(__file__).resolve().parents[2] / "prometheus/rules/alerts.yml"
DEBUGFS = "sys/kernel/debug"
THERMAL = "sys/class/thermal"

State = tuple[str, str]
"""A sensor and the reason of one of its sources, "" where that answered."""


class WithoutRoot(MemoryTree):
    """A board as a user sees it who is not the administrator: of debugfs he learns nothing at all."""

    def text(self, path: str) -> str:
        """As ``Tree.text``."""
        return super().text(self._allowed(path))

    def names(self, folder: str) -> list[str]:
        """As ``Tree.names``; a folder that may not be entered cannot be told from one that is empty by whoever asks for its parts."""
        return super().names(self._allowed(folder))

    def has(self, path: str) -> bool:
        """As ``Tree.has``, which cannot look into a closed folder."""
        return not self.real(path).startswith(f"{DEBUGFS}/") and super().has(path)

    def _allowed(self, path: str) -> str:
        if self.real(path).startswith(DEBUGFS):
            raise PermissionError(path)
        return path


@cache
def left_out() -> frozenset[str]:
    """The reasons that the alert's expression leaves alone."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    (rule,) = [rule for group in groups for rule in group["rules"] if rule.get("alert") == "EdgeSensorDown"]
    match = re.fullmatch(r'max by \(cluster, device, sensor\) \(edge_sensor_up\{reason!~"([a-z_|]+)"\}\) == 0', rule["expr"])
    assert match is not None, rule["expr"]
    return frozenset(match[1].split("|"))


def firing(states: Iterable[State]) -> set[State]:
    """What the alert would fire on: sensors of which no source answered, but for the reasons that are left out."""
    heard = [state for state in states if state[1] not in left_out()]
    up = {sensor for sensor, reason in heard if not reason}
    return {(sensor, reason) for sensor, reason in heard if sensor not in up}


def states_of(page: str) -> list[State]:
    """The sensors of a page."""
    families = text_string_to_metric_families(page)
    return [(s.labels["sensor"], s.labels["reason"]) for family in families for s in family.samples if s.name == "edge_sensor_up"]


def gated(name: str) -> set[State]:
    """Zones whose ``temp`` says "try again" while they are gated, which no file can: there is none in the tree."""
    files = board(name).files
    zones = {
        path.rpartition("/")[0]: text.strip() for path, text in files.items() if re.fullmatch(rf"{THERMAL}/thermal_zone\d+/type", path)
    }
    return {(f"temperature/{kind}", "missing") for zone, kind in zones.items() if f"{zone}/temp" not in files}


def test_the_alert_leaves_out_what_is_harmless_and_nothing_else() -> None:
    assert left_out() == HARMLESS


@pytest.mark.parametrize("name", BOARDS)
def test_nothing_fires_on_a_healthy_board(name: str) -> None:
    assert firing(states_of((DATA / f"{name}.prom").read_text(encoding="utf-8"))) - gated(name) == set()


@pytest.mark.parametrize("path", sorted(DATA.glob("*.tegrastats.prom")), ids=lambda path: path.name.partition(".")[0])
def test_nothing_fires_on_a_line_of_a_healthy_board(path: Path) -> None:
    for page in pages_in(path.read_text(encoding="utf-8")):
        assert firing(states_of(page)) == set()


@pytest.mark.parametrize("name", BOARDS)
def test_nothing_fires_because_the_exporter_is_not_root(name: str) -> None:
    states = look(sources(WithoutRoot(board(name)))).states
    found = [(sensor, reason) for (sensor, _), reason in states.items()]
    assert firing(found) - gated(name) == set()
    files = board(name).files
    if any(path.startswith(f"{DEBUGFS}/") for path in files) and "sys/class/devfreq/bwmgr/cur_freq" not in files:
        assert ("emc_frequency", "not_permitted") in found


def test_a_fault_fires() -> None:
    tree = MemoryTree(board("orin-nx"))
    with tree.damaged("proc/meminfo", lambda text: text[:0]):
        states = look(sources(tree)).states
    assert ("memory", "missing") in firing((sensor, reason) for (sensor, _), reason in states.items())
