"""A table of many small rows in one test, which names every row that fails: hundreds of tests take longer to be told than to run."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from inspect import Signature
from typing import Any

import pytest

SHOWN_CHARACTERS = 80
_NAMED_ROW = type(pytest.param())

Check = Callable[..., None]


def in_one_test(names: str | Sequence[str], rows: Iterable[Any]) -> Callable[[Check], Callable[[], None]]:
    """As ``pytest.mark.parametrize``, for a function that takes nothing but the row: every row is held, whatever became of others.

    A row is called as its ``pytest.param(…, id=…)`` says, else by its values.
    """
    one = isinstance(names, str)
    table = [_values_and_name(row, one) for row in rows]

    def made(check: Check) -> Callable[[], None]:
        @wraps(check)
        def test() -> None:
            __tracebackhide__ = True
            failed = [f"{name}: {why}" for values, name in table if (why := _why_it_fails(check, values))]
            if failed:
                pytest.fail("\n".join((f"{len(failed)} of {len(table)} rows fail:", *failed)), pytrace=False)

        test.__signature__ = Signature()  # type: ignore[attr-defined]  # pytest would take the row's parts for fixtures
        return test

    return made


def _values_and_name(row: Any, one: bool) -> tuple[tuple[Any, ...], str]:
    if isinstance(row, _NAMED_ROW):
        if row.marks:
            raise ValueError(f"the row {row} has marks, which only a test of its own can have")
        return tuple(row.values), str(row.id or _name(row.values))
    values = (row,) if one else tuple(row)
    return values, _name(values)


def _name(values: Iterable[Any]) -> str:
    return ", ".join(str(getattr(value, "__name__", None) or repr(value))[:SHOWN_CHARACTERS] for value in values)


def _why_it_fails(check: Check, values: tuple[Any, ...]) -> str:
    """The error with its place; "" where there is none."""
    try:
        check(*values)
    except (Exception, pytest.fail.Exception) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in line {place.lineno} of {place.filename}: {error}"
    return ""
