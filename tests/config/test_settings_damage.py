"""Settings that somebody damaged, in the hand or on purpose, are refused by short sentences and soon."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from decision_engine.catalog.mistakes import number_text
from decision_engine.catalog.reading import CatalogError, catalog_from
from decision_engine.config import ConfigError, load_settings
from decision_engine.config.limits import RULES
from tests.builders.catalogue import fleet
from tests.builders.configuration import settings_with, write_settings
from tests.builders.tables import in_one_test

HUGE = 10**400
MANY_AND_SOON_SECONDS = [(4_000, 2.0), pytest.param(20_000, 10.0, marks=pytest.mark.thorough)]
"""Ten times what it takes; looking for near misses, or comparing every mistake with every other, takes far longer."""


def errors_of(directory: Path, document: dict[str, Any] | str) -> list[str]:
    """Every mistake in a document."""
    try:
        load_settings(write_settings(directory, document))
    except ConfigError as error:
        return list(error.errors)
    return []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        pytest.param("times.scrape_seconds", HUGE, "must be at most 3600 s, not 1000", id="scrape-digits"),
        pytest.param("budget.fleet_moves", HUGE, "must be at most 100000, not 1000", id="moves-digits"),
        pytest.param("recorder.cycles", HUGE, "must be at most 1000000, not 1000", id="cycles-digits"),
        pytest.param("times.grid_steps", [1, HUGE], "must end at 1000 or before, not at 1000", id="steps-digits"),
        pytest.param("times.grid_steps", [HUGE, 1], "must rise from at least 1", id="steps-falling-digits"),
        pytest.param("times.history_hours", 1e12, "must be at most 8784 h, not 1000000000000; no forecast", id="history"),
        pytest.param("times.grid_seconds", 1e-9, "must be at least 0.1 s, not 1e-09", id="grid"),
        pytest.param("times.scrape_seconds", 1e300, "must be at most 3600 s, not 1e+300; a fleet", id="scrape"),
        pytest.param("times.cycle_seconds", 1e-300, "must be at least 0.1 s, not 1e-300", id="cycle"),
        pytest.param("times.fresh_scrapes", 1e300, "must be at most 100, not 1e+300; a sample", id="fresh"),
        pytest.param("prometheus.timeout_seconds", 1e308, "must be at most 3600, not 1e+308", id="timeout"),
        pytest.param("service.max_body_bytes", HUGE, "must be at most 67108864, not 1000", id="body"),
        pytest.param("catalog", "/x\0y", "must be a path, and no path holds a null character", id="null"),
        pytest.param("state_directory", "~no-such-user-here/x", "begins with the home of a user", id="no-home"),
        pytest.param("schema", "1", 'must be 1, not "1"; write it without quotes', id="schema-quoted"),
        pytest.param("schema", "one", 'must be 1, not "one"', id="schema-word"),
        pytest.param("times.grid_seconds", "30", 'must be a number, not "30"; write it without quotes', id="number-quoted"),
        pytest.param("autonomy.SC-1", ["auto"], "must be one of off, observe, auto, not a list", id="autonomy-list"),
    ],
)
def test_an_absurd_value_is_one_line(tmp_path: Path, path: str, value: Any, said: str) -> None:
    (line,) = errors_of(tmp_path, settings_with(path, value))
    assert line.startswith(f"{path}: {said}")
    assert "\n" not in line
    assert len(line) < 200


@in_one_test(("section", "name"), [(section, name) for section, rules in RULES.items() for name in rules])
def test_every_number_has_both_ends_and_a_reason(section: str, name: str) -> None:
    rule = RULES[section][name]
    assert rule(-1.0).startswith("must be")
    assert rule(1e300).startswith("must be")
    assert "; " in rule(1e300)
    assert rule(HUGE).startswith("must be")


@pytest.mark.parametrize(
    ("hours", "grid_seconds", "cells"),
    [
        pytest.param(91.0, 30.0, None, id="fits"),
        pytest.param(92.0, 30.0, 11_040, id="too-long"),
        pytest.param(2.0, 0.1, 72_000, id="too-fine"),
    ],
)
def test_a_history_of_too_many_points_is_one_line(tmp_path: Path, hours: float, grid_seconds: float, cells: int | None) -> None:
    document = settings_with("times", {"history_hours": hours, "grid_seconds": grid_seconds})
    said = [f"times.history_hours: {hours:g} h in steps of grid_seconds {grid_seconds:g} s are {cells} points, "]
    said = [f"{said[0]}and at most 11000 are kept; shorten it or widen grid_seconds"] if cells else []
    assert errors_of(tmp_path, document) == said


def test_odd_keys_stay_on_their_line(tmp_path: Path) -> None:
    lines = errors_of(tmp_path, settings_with("a\nb\x1b", 1) | {"k" * 900: 1})
    assert [line.partition(": ")[0] for line in lines] == ["a\\nb\\u001b", f"{'k' * 60}…"]


@pytest.mark.parametrize(("many", "soon_seconds"), MANY_AND_SOON_SECONDS)
@pytest.mark.parametrize("where", ["{}", "autonomy:\n  {}"])
def test_many_unknown_keys_are_counted_and_soon(tmp_path: Path, where: str, many: int, soon_seconds: float) -> None:
    right = "schema: 1\nprometheus: {url: 'http://h:1'}\ncatalog: f\nstate_directory: s\n"
    keys = where.replace("{}", "\n  ".join(f"key_{number}: auto" for number in range(many)))
    began = time.monotonic()
    lines = errors_of(tmp_path, right + (keys if where != "{}" else keys.replace("\n  ", "\n")))
    assert time.monotonic() - began < soon_seconds
    assert len(lines) == 101
    assert "key_0: is not" in lines[0]
    assert lines[100] == f"and {many - 100} more mistakes; mend these first"


@pytest.mark.parametrize(("many", "soon_seconds"), MANY_AND_SOON_SECONDS)
def test_many_wrong_entries_of_the_catalogue_are_counted_and_soon(many: int, soon_seconds: float) -> None:
    wrong = [{"id": f"site-{number}", "plce": 1} for number in range(many)]
    began = time.monotonic()
    with pytest.raises(CatalogError) as caught:
        catalog_from({**fleet(), "sites": [*fleet()["sites"], *wrong]}, "fleet.yaml")
    assert time.monotonic() - began < soon_seconds
    assert caught.value.errors[0].startswith("sites[1].plce: is not known")
    assert caught.value.errors[100] == f"and {many - 100} more mistakes; mend these first"


@pytest.mark.parametrize(
    ("value", "text"), [(604_800.0, "604800"), (0.1, "0.1"), (1e300, "1e+300"), (7, "7"), (-2.5, "-2.5"), (10**70, f"1{'0' * 59}…")]
)
def test_numbers_are_written_as_people_do(value: float, text: str) -> None:
    assert number_text(value) == text
