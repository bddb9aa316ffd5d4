"""Whether the kernel itself disowns what a monitoring chip's channel reads: it is faulty, or switched off.

``tempN_fault`` and ``fanN_fault`` 1: an open or short-circuited input, whose number means nothing. ``inN_enable``, ``tempN_enable``,
``fanN_enable``, ``powerN_enable`` 0: the input is not measured. ``pwmN_enable`` 0: nobody controls the fan, so that ``pwmN`` is not
its duty; the interface says that the fan runs at full speed then, but the driver pwm-fan switches it off, so no duty can be told.
Sources: https://www.kernel.org/doc/html/latest/hwmon/sysfs-interface.html and https://www.kernel.org/doc/html/latest/hwmon/pwm-fan.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from exporters.device.chips import Chip
from exporters.device.number import whole
from exporters.device.sensor import FAILED, SWITCHED_OFF, SensorError
from exporters.device.tree import Tree

_WORDS: Final = (("enable", 0, SWITCHED_OFF), ("fault", 1, FAILED))
_MOST: Final = 255
"""Some drivers number a dozen ways to control a fan."""

_OTHER_MEANING: Final = frozenset({("amdgpu", "fan1_enable")})
"""0 here means that the card controls its fan by itself, as it usually does, while its speed is measured: ``amdgpu_pm.c``."""


class Guard(NamedTuple):
    """A file beside a number, the word in it that disowns the number, and the reason that is said then."""

    path: str
    disowning: int
    reason: str


def guards(chip: Chip, places: Iterable[str], name: str = "") -> tuple[Guard, ...]:
    """What must be asked before the numbers of a chip of this name are believed; ``places`` are such as ``temp1``, ``pwm2``."""
    return tuple(
        Guard(f"{chip.folder}/{place}_{word}", disowning, reason)
        for place in places
        for word, disowning, reason in _WORDS
        if f"{place}_{word}" in chip.files and (name, f"{place}_{word}") not in _OTHER_MEANING
    )


def heed(tree: Tree, asked: Iterable[Guard]) -> None:
    """Ask them all.

    Raises:
        SensorError: the number is disowned, or one of the files holds no small whole number.
        OSError: one of them cannot be read.
    """
    for guard in asked:
        if whole(tree.text(guard.path), 0, _MOST) == guard.disowning:
            raise SensorError(guard.reason)
