"""What the bridge is told: where it listens, who its senders are, what their AIs' classes mean, and how much it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone, tzinfo
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from exporters.bridge.classes import ClassMap
from exporters.device.server import Endpoint

DEFAULT_LISTEN: Final = Endpoint("127.0.0.1", 6432)
DEFAULT_ZONE: Final = "Asia/Seoul"
DEFAULT_INTERVAL_SECONDS: Final = 10.0
DEFAULT_RESULT_PATH: Final = "/result"
DEFAULT_MOST_AGE_SECONDS: Final = 3600.0
"""A device that was cut off for a while sends what it kept; what is older than this says nothing of now."""
ALIAS: Final = "alias"
"""A name under this key of the configuration stands for its source in any field."""
NAME_FIELDS: Final = ("username", "nid", "eid", ALIAS)
UNMAPPED_CLUSTER: Final = "unmapped"
"""Where a device is said to be that nobody has mapped; a missing label would take the value of the bridge's own target."""

_KOREA: Final = timezone(timedelta(hours=9))
"""No summer time since 1988: the default zone needs no database of zones, which small containers do not have."""

NO_MAP: Final = ClassMap()

Network = IPv4Network | IPv6Network
Others = Literal["refuse", "result", "environment"]


def zone_named(name: str) -> tzinfo:
    """The zone of the database with this name, or an offset such as ``+09:00``.

    Raises:
        ValueError: there is none.
    """
    try:
        return _offset(name) if name[:1] in ("+", "-") else ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        if name == DEFAULT_ZONE:
            return _KOREA
        raise ValueError("there is no such zone") from error


def _offset(written: str) -> timezone:
    hours, colon, minutes = written[1:].partition(":")
    if not colon or len(minutes) != len("00"):
        raise ValueError(written)
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if written[0] == "-" else offset)


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom a sender speaks for: ids of the catalogue; ``camera`` is "" where it has none."""

    device: str
    cluster: str
    camera: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token by its name; ``device`` is "" where it proves who sends, and the payload says for which device."""

    name: str
    secret: str = field(repr=False)
    device: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One sender, or all of one device's: ``names`` by field (``username``, ``nid``, ``eid``, ``alias`` for any of them).

    ``confirmed`` is of these names in these fields alone, or of the device's id where there are none.
    ``usage`` is False where the device's own exporter says its load; ``package`` is what its C-03 posts come from.
    """

    destination: Destination
    names: tuple[tuple[str, str], ...] = ()
    confirmed: bool = False
    usage: bool = True
    package: str = ""
    classes: ClassMap = NO_MAP


@dataclass(frozen=True, slots=True)
class Ai:
    """What the classes of one ``ainame`` mean: class to event name, class to environment, plain results, and all others.

    ``devices`` and ``sids`` narrow where it is known; empty means everywhere. ``variant_class`` and ``version`` label its events.
    """

    ainame: str
    package: str
    events: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, str] = field(default_factory=dict)
    results: tuple[str, ...] = ()
    others: Others = "refuse"
    sids: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    variant_class: str = ""
    version: str = ""
    classes_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken; each default is some times what a fleet of a thousand devices needs.

    ``requests_per_second`` is of all unknown senders together, ``series`` of the whole page, ``series_of_low_trust`` of what
    publishers with trust low hand in.
    """

    body_bytes: int = 65_536
    requests_per_second: float = 3_000.0
    requests_per_second_of_one_address: float = 1_500.0
    requests_per_second_of_one: float = 200.0
    unmapped_senders: int = 500
    versions_of_one: int = 8
    connections: int = 800
    request_seconds: float = 10.0
    event_series: int = 10_000
    series: int = 45_000
    series_of_low_trust: int = 10_000


@dataclass(frozen=True, slots=True)
class Service:
    """Where C-15 is handed on to: an http(s) address without a path, its token, and how long it may take."""

    url: str
    token: str = field(repr=False, default="")
    seconds: float = 5.0
    tokens_only: bool = True


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it. ``advertise`` is None where senders are told the address where it listens.

    What says that it is older than ``most_age_seconds`` is refused; ``page_token`` opens /metrics and /sources ("": they are open).
    """

    listen: Endpoint = DEFAULT_LISTEN
    zone: tzinfo = _KOREA
    advertise: Endpoint | None = None
    result_path: str = DEFAULT_RESULT_PATH
    interval_seconds: float = DEFAULT_INTERVAL_SECONDS
    most_age_seconds: float = DEFAULT_MOST_AGE_SECONDS
    allow: tuple[Network, ...] = ()
    tokens_only: bool = False
    allow_unmapped: bool = True
    state_file: Path | None = None
    page_token: str = field(repr=False, default="")
    tokens: tuple[Token, ...] = ()
    sources: tuple[Source, ...] = ()
    ais: tuple[Ai, ...] = ()
    limits: Limits = Limits()
    service: Service | None = None

    @property
    def told(self) -> Endpoint | None:
        """The address that senders are told: ``advertise``, else where it listens; None where that is everywhere."""
        if self.advertise is not None:
            return self.advertise
        try:
            return None if ip_address(self.listen.host).is_unspecified else self.listen
        except ValueError:
            return self.listen
