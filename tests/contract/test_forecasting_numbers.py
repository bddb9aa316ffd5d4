"""The numbers of docs/forecasting.md are those of the code."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "forecasting.md"
ROW = re.compile(r"^\| [^|]+ \| (−?[\d.]+) \| `(\w+)\.([\w.]+)` \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text(encoding="utf-8"))


def test_the_page_has_the_table() -> None:
    assert len(ROWS) >= 20


@pytest.mark.parametrize(("told", "module", "name"), ROWS, ids=[f"{module}.{name}" for _, module, name in ROWS])
def test_each_number_is_the_codes(told: str, module: str, name: str) -> None:
    found = import_module(f"forecasting.{module}")
    first, _, rest = name.partition(".")
    value = getattr(found, first)
    if rest:
        value = getattr(value(), rest)
    digits = len(told.partition(".")[2])
    assert round(value, digits) == float(told.replace("−", "-"))
