"""Marks what has real parts, and puts it last when everything runs in one go."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOM_WITH_REAL_PARTS = Path(__file__).parent / "real"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests/real behind everything else and mark it; within both groups the order stays."""
    for item in items:
        if item.path.is_relative_to(ROOM_WITH_REAL_PARTS):
            item.add_marker(pytest.mark.real)
    items.sort(key=lambda item: item.get_closest_marker("real") is not None)
