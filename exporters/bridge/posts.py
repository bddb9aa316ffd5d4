"""One post as it arrived: its path, its bytes, who claims to send it from where, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from exporters.bridge.replies import Style

USAGE: Final = "/usage"
SAVE: Final = "/save_edgeData"
WEATHER: Final = "/optimize_by_weather"
VERSION: Final = "/optimize_by_version"
OBSERVATIONS: Final = "/observations"
EDGE_XML: Final = "/edgeconfig.xml"
EDGE_ENV: Final = "/edgeconfig.env"
METRICS: Final = "/metrics"
HEALTH: Final = "/healthz"
SOURCES: Final = "/sources"
OTHER: Final = "other"
"""How every path that is none of ours is counted: anybody can ask for any."""

PAGES: Final = (EDGE_XML, EDGE_ENV, METRICS, HEALTH, SOURCES)
OURS: Final = (OBSERVATIONS, METRICS, SOURCES)
"""No older system asks for these: refusals have HTTP's own status."""
POSTED: Final = (USAGE, SAVE, WEATHER, VERSION, OBSERVATIONS)


def style_of(path: str, result_path: str) -> Style:
    """How a refusal on this path is answered."""
    if path == result_path:
        return Style.RESULT
    return Style.OURS if path in OURS else Style.CODE


@dataclass(frozen=True, slots=True)
class Post:
    """``path`` is one of ours or "other"; ``wall`` is Unix seconds, ``monotonic`` seconds on a clock that never jumps."""

    path: str
    style: Style
    body: bytes
    authorization: str
    address: str
    wall: float
    monotonic: float
