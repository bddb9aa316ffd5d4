"""The clock on the wall, which people and servers set: it notices when it is set back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_JUMP_SECONDS: Final = 1.0
"""A clock that is kept in step goes back by less, if at all."""


class Wall:
    """Unix seconds; ``went_back`` is told now, and by how many seconds, when the clock is set back."""

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float], went_back: Callable[[float, float], None]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._went_back = went_back
        self._ahead = wall() - monotonic()

    def __call__(self) -> float:
        """Read it."""
        now = self._wall()
        ahead = now - self._monotonic()
        back, self._ahead = self._ahead - ahead, ahead
        if back > _JUMP_SECONDS:
            self._went_back(now, back)
        return now
