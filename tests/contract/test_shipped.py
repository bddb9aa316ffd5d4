"""Shipped files are found in a wheel and in a checkout, and nothing outside is."""

from __future__ import annotations

import tomllib
from pathlib import Path, PurePosixPath

import pytest

from decision_engine.shipped import NotShippedError, find, shipped
from exporters.emulated.boards import IN_THE_WHEEL, names
from tests.builders.contract import ROOT

FORCED: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"][
    "force-include"
]

FOR_THE_ENGINE = sorted(path for path in FORCED if path.startswith("prometheus/"))
BOARDS = sorted(path for path in FORCED if path not in FOR_THE_ENGINE)


def write(path: Path, text: str) -> None:
    """Write a file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("path", FOR_THE_ENGINE)
def test_what_the_wheel_brings_is_found_in_a_checkout_too(path: str) -> None:
    found = shipped(path)
    assert found.is_file() or any(found.iterdir())


@pytest.mark.parametrize("path", FOR_THE_ENGINE)
def test_the_wheel_puts_each_file_where_it_is_looked_for(path: str) -> None:
    assert FORCED[path] == f"decision_engine/shipped/{path}"


def test_every_constructed_board_travels_in_the_wheel() -> None:
    assert {PurePosixPath(path).stem for path in BOARDS} == set(names())
    for path in BOARDS:
        assert (ROOT / path).is_file()
        assert FORCED[path] == f"exporters/{IN_THE_WHEEL}/{PurePosixPath(path).name}"


def test_the_wheels_own_file_goes_before_the_checkouts(tmp_path: Path) -> None:
    write(tmp_path / "package/shipped/prometheus/rules/a.yml", "from the wheel")
    write(tmp_path / "prometheus/rules/a.yml", "from the checkout")
    assert find("prometheus/rules/a.yml", tmp_path / "package").read_text(encoding="utf-8") == "from the wheel"


def test_a_checkout_needs_no_wheel(tmp_path: Path) -> None:
    write(tmp_path / "prometheus/rules/a.yml", "from the checkout")
    (tmp_path / "package").mkdir()
    assert find("prometheus/rules/a.yml", tmp_path / "package").read_text(encoding="utf-8") == "from the checkout"


@pytest.mark.parametrize("path", ["prometheus/none.yml", "/etc/hostname", "../other", "prometheus/../../x", ""])
def test_anything_else_is_one_clear_error(tmp_path: Path, path: str) -> None:
    with pytest.raises(NotShippedError, match=r"did not come with this installation|not the place of a shipped file"):
        find(path, tmp_path)
