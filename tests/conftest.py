"""Marks what has real parts, puts it last when everything runs in one go, and lets no slow machine fail a property."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long a case takes says how busy the machine is, and nothing about what is tested. The cases stay random.
# The quick run, which comes with every change, has few; the thorough one (--hypothesis-profile) has hypothesis' own number.
for profile, cases in (("quick", 25), ("thorough", 100)):
    settings.register_profile(profile, max_examples=cases, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quick")

# Imports and syntax trees make a million objects that stay: at Python's own rhythm the search for garbage goes through them all the time.
gc.set_threshold(10_000, 10, 10)

ROOM_WITH_REAL_PARTS = Path(__file__).parent / "real"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests/real behind everything else and mark it; within both groups the order stays."""
    for item in items:
        if item.path.is_relative_to(ROOM_WITH_REAL_PARTS):
            item.add_marker(pytest.mark.real)
    items.sort(key=lambda item: item.get_closest_marker("real") is not None)


def pytest_collection_finish() -> None:
    """Have no search for garbage look through what all the imports made, which stays to the end anyway."""
    gc.freeze()
