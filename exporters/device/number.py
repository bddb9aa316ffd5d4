"""Reads one whole number in its unit out of a kernel's text file, strictly, and labels out of others."""

from __future__ import annotations

import re
from typing import Final

from exporters.contract import BY_NAME
from exporters.device.sensor import MISSING, OUT_OF_RANGE, UNPARSABLE, SensorError

BLANKS: Final = " \t\r\n"
"""What the kernel may put around a word; str.strip() would take control characters with it."""

SLOWEST_HERTZ: Final = 1_000_000
"""No GPU and no memory runs below 1 MHz: a smaller number is in another unit, or garbage."""

FASTEST_HERTZ: Final = int(BY_NAME["edge_emc_frequency_hertz"].highest)
FULL_DUTY: Final = 255
MOST_RPM: Final = int(BY_NAME["edge_fan_speed_rpm"].highest)
MICROWATTS_PER_WATT: Final = 1e6
MOST_MICROWATTS: Final = int(BY_NAME["edge_power_watts"].highest * MICROWATTS_PER_WATT)
"""What can be true is written in the contract and nowhere else."""

LABEL_LETTERS: Final = 96
"""An Orin Nano names itself in 65."""

_WHOLE = re.compile(r"(?!-0)-?[0-9]{1,15}")
"""No kernel prints a minus before a zero."""

_ALL_BITS: Final = frozenset({2**31 - 1, 2**32 - 1})
"""What drivers say where they have no number: a word with all its bits set. No sensor stands at exactly that."""

FULL_REGISTERS: Final = frozenset({2**15 - 1, 2**16 - 1})
"""A 16-bit register at its end, or a bus that nobody drives (its pull-ups read as ones), handed on without being converted. What
is measured moves on from such a number; what is counted may pass it, so ``whole`` lets it through."""

_NUMBER = re.compile(r"0x[0-9a-f]+|nan|inf(?:inity)?|[0-9][0-9_.]*(?:e[+-]?[0-9]+)?", re.IGNORECASE)
"""Where a name should stand, a number is damage."""

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _+./:@()&,#-]*")


def whole(text: str, lowest: int, highest: int) -> int:
    """Read a file that holds one whole number.

    Raises:
        SensorError: it is empty, anything but digits with an optional minus, or outside ``lowest`` to ``highest``, or the word for none.
    """
    word = text.strip(BLANKS)
    if not word:
        raise SensorError(MISSING)
    if not _WHOLE.fullmatch(word):
        raise SensorError(UNPARSABLE)
    number = int(word)
    if not lowest <= number <= highest or number in _ALL_BITS:
        raise SensorError(OUT_OF_RANGE)
    return number


def measured(text: str, lowest: int, highest: int) -> int:
    """Read a file that holds one whole number which a chip has measured: a voltage, a current, a power, a speed.

    Raises:
        SensorError: as for ``whole``, or it is one of FULL_REGISTERS.
    """
    number = whole(text, lowest, highest)
    if number in FULL_REGISTERS:
        raise SensorError(OUT_OF_RANGE)
    return number


def parse_hertz(text: str) -> float:
    """Read a clock in hertz, as devfreq's ``cur_freq`` and the clock framework's ``clk_rate`` give it.

    Source: https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-class-devfreq

    Raises:
        SensorError: it is no whole number, or no clock of a GPU or a memory.
    """
    return float(whole(text, SLOWEST_HERTZ, FASTEST_HERTZ))


def parse_duty(text: str) -> float:
    """Read a ``pwm1`` or ``target_pwm`` file, 0 to 255, as a ratio.

    Raises:
        SensorError: it is no whole number from 0 to 255.
    """
    return whole(text, 0, FULL_DUTY) / FULL_DUTY


def parse_rpm(text: str) -> float:
    """Read a tachometer's file, in revolutions per minute; 0 is a fan that stands.

    Raises:
        SensorError: it is no whole number, or faster than any fan.
    """
    return float(measured(text, 0, MOST_RPM))


def parse_microwatts(text: str) -> float:
    """Read ``powerK_input`` of the kernel's hardware monitoring interface, in µW, as W.

    Raises:
        SensorError: it is no whole number that can be a power.
    """
    return measured(text, 0, MOST_MICROWATTS) / MICROWATTS_PER_WATT


def printable(text: str) -> str:
    """A label of at most LABEL_LETTERS letters, or "" where the text is nothing that a person would have written."""
    word = text.rstrip("\0").strip(BLANKS)
    return word if len(word) <= LABEL_LETTERS and _LABEL.fullmatch(word) and not _NUMBER.fullmatch(word) else ""
