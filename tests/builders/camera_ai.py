"""Keeps the camera AI's numbers on one thread in tests, as its own process does."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any


def one_thread() -> AbstractContextManager[object]:
    """Limit the numeric libraries: small matrices on many threads take ten times as long when the cores are busy."""
    threadpoolctl: Any = import_module("threadpoolctl")  # it ships no types
    limits: AbstractContextManager[object] = threadpoolctl.threadpool_limits(limits=1)
    return limits
