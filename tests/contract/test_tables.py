"""A table in one test is as strict as a test for each row: every row is held, and every one that fails is named."""

from __future__ import annotations

import pytest

from tests.builders.tables import in_one_test


def test_every_row_is_held_and_each_that_fails_is_named() -> None:
    held: list[int] = []

    @in_one_test("number", [1, pytest.param(2, id="an even one"), 3, 4])
    def check(number: int) -> None:
        held.append(number)
        assert number % 2, f"{number} is even"

    with pytest.raises(
        pytest.fail.Exception, match=r"(?s)^2 of 4 rows fail:\nan even one: AssertionError in line \d+ .* 2 is even.*\n4: .*"
    ):
        check()
    assert held == [1, 2, 3, 4]


def test_whatever_is_raised_is_a_failure_of_its_row() -> None:
    @in_one_test(("kind", "error"), [("ours", ValueError("no number")), ("pytest's", pytest.fail.Exception("DID NOT RAISE"))])
    def check(kind: str, error: BaseException) -> None:
        raise error

    with pytest.raises(
        pytest.fail.Exception, match=r"(?s)'ours', .*: ValueError in .*: no number\n\"pytest's\", .*: Failed in .*: DID NOT RAISE"
    ):
        check()


def test_rows_that_all_hold_are_a_test_that_passes() -> None:
    @in_one_test("number", [1, 3])
    def check(number: int) -> None:
        assert number % 2

    check()


def test_a_row_with_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="has marks"):
        in_one_test("number", [pytest.param(1, marks=pytest.mark.thorough)])
