"""Why a sensor gave no sample: one error with a short reason code, and where known errors get theirs."""

from __future__ import annotations

from typing import Final

MISSING: Final = "missing"
UNREADABLE: Final = "unreadable"
NOT_PERMITTED: Final = "not_permitted"
"""Only the administrator may read it (debugfs, as a rule), and the exporter needs no administrator for anything else."""
UNPARSABLE: Final = "unparsable"
OUT_OF_RANGE: Final = "out_of_range"
WARMING_UP: Final = "warming_up"
NOT_LISTENING: Final = "not_listening"
TIMED_OUT: Final = "timed_out"
STALE: Final = "stale"
NO_CHANGE: Final = "no_change"
"""Counters that should move stand still, as in a recorded tree: a load cannot be told from them."""
SWITCHED_OFF: Final = "switched_off"
"""The part has no power now (a GPU that sleeps, a zone that is gated): nothing is wrong, and there is nothing to say."""
NO_SENSOR: Final = "no_sensor"
"""The part has a name here and nothing that measures it: a Jetson's power chip has alarms, and no thermometer."""
ELSEWHERE: Final = "elsewhere"
"""It is told in a place that this process does not see: a Thor's GPU load to NVML, which comes with the host's driver."""
FAILED: Final = "failed"

HARMLESS: Final = frozenset({SWITCHED_OFF, NOT_PERMITTED, NO_SENSOR, ELSEWHERE})
"""A healthy device may say these for ever: they are left out of the alert EdgeSensorDown."""


class SensorError(Exception):
    """A sensor has no believable value; ``reason`` is a short code for a label and never holds what was read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def reason_of(error: Exception) -> str:
    """The code for an error met while reading a sensor."""
    if isinstance(error, SensorError):
        return error.reason
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return MISSING
    if isinstance(error, OSError):
        return NOT_PERMITTED if isinstance(error, PermissionError) else UNREADABLE
    return UNPARSABLE if isinstance(error, ValueError) else FAILED
