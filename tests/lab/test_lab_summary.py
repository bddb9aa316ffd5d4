"""The lab's last words: each figure in a sentence, what was not measured as a dash."""

from __future__ import annotations

import pytest

from decision_engine.lab.summary import final_summary
from tests.builders.lab_screen import SIZES, Size, text_of

RESULT = {
    "decisions": 14, "moves": 2, "moves_before_overload": 1, "lead_seconds_median": 12.4, "overload_seconds": 0.0,
    "overload_seconds_do_nothing": 37.2, "camera_gap_seconds_max": 0.4, "returned_home": True, "real_processes_started": 2,
    "cycle_seconds_p95": 0.042, "errors": 0,
}  # fmt: skip


def test_moves_that_did_not_end_are_counted_apart() -> None:
    lines = [
        line.strip()
        for line in text_of(
            final_summary({**RESULT, "moves": 0, "moves_under_way": 1, "moves_undone": 2, "moves_before_overload": 1}), (100, 30)
        )
    ]
    assert any(line.startswith("0 ") and "moves were made" in line for line in lines)
    assert any(line.startswith("1 ") and "more was still under way when the lab ended" in line for line in lines)
    assert any(line.startswith("2 ") and "more were undone" in line for line in lines)
    assert any(line.startswith("1 ") and "of all these was begun before" in line for line in lines)
    assert not any("under way" in line or "undone" in line for line in text_of(final_summary({**RESULT, "moves_under_way": 0}), (100, 30)))


@pytest.mark.parametrize("size", SIZES)
def test_the_summary_says_each_figure_in_a_sentence(size: Size) -> None:
    lines = [line.strip() for line in text_of(final_summary(RESULT), size)]
    for begins, holds in [
        ("14 ", "decisions"), ("2 ", "moves were made"), ("1 ", "12.4 s ahead"), ("0 s ", "37 s"), ("0.4 s ", "without a result"),
        ("yes ", "back at home"), ("2 ", "as a process on this machine"), ("42 ms ", "p95"), ("0 ", "errors"),
    ]:  # fmt: skip
        assert any(line.startswith(begins) and holds in line for line in lines), (begins, holds)


def test_what_a_run_did_not_measure_is_a_dash_in_its_summary() -> None:
    lines = text_of(final_summary(dict.fromkeys(RESULT)), (100, 30))[2:]
    assert [line.strip()[0] for line in lines] == ["—"] * 9
    assert text_of(final_summary({}), (100, 30))[2:] == lines


def test_errors_are_counted_and_said() -> None:
    lines = text_of(final_summary({**RESULT, "errors": ["prometheus ended with 2"], "returned_home": 3}), (100, 30))
    assert "✗ prometheus ended with 2" in lines and any(line.strip().startswith("1 ") and line.strip().endswith("error") for line in lines)
    assert any(line.strip().startswith("3 ") and "workloads returned home" in line for line in lines)
