"""What must be true of one entry of the catalogue by itself: ids, addresses, classes and amounts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from decision_engine.catalog.mistakes import shown
from decision_engine.catalog.model import Camera, Cluster, Device, Package, Site, Version, Workload

ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
"""So that `/`, `@` and `#`, of which the names of workloads and placements are made, can never be part of an id."""
ID_LIMIT: Final = 63
"""Characters that a Kubernetes label value and a DNS label may have."""
CLASS: Final = re.compile(r"[0-9]{2}")
VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+:~-]*")
SECRET_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
CREDENTIALS_IN_URL: Final = re.compile(r"://[^/]*@")
HIGHEST_PORT: Final = 65535
LATITUDE_LIMIT_DEGREES: Final = 90.0
LONGITUDE_LIMIT_DEGREES: Final = 180.0

Found = Iterator[tuple[str, str]]
"""Pairs of a field and the sentence about it."""


def why_bad_id(text: str) -> str:
    """Why this cannot be an id; "" when it can."""
    if not ID.fullmatch(text):
        return f"{shown(text)} is not an id: small letters, digits, dot, underscore and dash, beginning with a letter or digit"
    return f"{shown(text)} is longer than {ID_LIMIT} characters" if len(text) > ID_LIMIT else ""


def why_bad_address(text: str) -> str:
    """Why this is not ``host:port``; "" when it is."""
    if "://" in text:
        return f"{shown(text)} must be host:port, without a scheme such as http://"
    host, colon, port = text.rpartition(":")
    if not (colon and HOST.fullmatch(host) and port.isascii() and port.isdecimal() and 0 < int(port) <= HIGHEST_PORT):
        return f"{shown(text)} is not host:port with a port from 1 to {HIGHEST_PORT}, such as 10.0.0.7:9750"
    return ""


def mistakes_in(row: Any) -> Found:
    """Every mistake in one entry that can be seen without the others."""
    yield from _RULES[type(row)](row)


def _id_only(row: Site | Cluster) -> Found:
    yield from _found("id", why_bad_id(row.id))
    if isinstance(row, Cluster):
        yield from _found("actuator", why_bad_id(row.actuator))


def _device(row: Device) -> Found:
    yield from _found("id", why_bad_id(row.id))
    yield from _found("address", why_bad_address(row.address))
    yield from _aliases(row.aliases)
    yield from _above_zero("cores", row.cores, "cores")
    yield from _above_zero("memory_bytes", row.memory_bytes, "bytes")
    if row.lent_cores is not None and not 0 < row.lent_cores <= row.cores:
        yield "lent_cores", f"must be above 0 and at most the device's {row.cores:g} cores, not {row.lent_cores:g}"
    if (row.latitude is None) != (row.longitude is None):
        yield "latitude", "must be given together with longitude, or both left out"
    for name, value, limit in (("latitude", row.latitude, LATITUDE_LIMIT_DEGREES), ("longitude", row.longitude, LONGITUDE_LIMIT_DEGREES)):
        if value is not None and abs(value) > limit:
            yield name, f"must be from -{limit:g} to {limit:g} degrees, not {value:g}"


def _camera(row: Camera) -> Found:
    yield from _found("id", why_bad_id(row.id))
    if row.url_secret and not SECRET_REFERENCE.fullmatch(row.url_secret):
        yield "url_secret", "must be the name under which the camera's URL is kept as a secret, never the URL itself"


def _package(row: Package) -> Found:
    yield from _found("id", why_bad_id(row.id))
    yield from _above_zero("result_interval_seconds", row.result_interval_seconds, "s")
    yield from _aliases(row.aliases)


def _version(row: Version) -> Found:
    yield from _class(row.environment_class)
    if not VERSION.fullmatch(row.version):
        yield "version", f"{shown(row.version)} is not a version, such as 02 or 1.4.0"
    if not row.artefact or any(letter.isspace() for letter in row.artefact):
        yield "artefact", "must name an image or a model, without spaces"
    elif CREDENTIALS_IN_URL.search(row.artefact):
        yield "artefact", "must not hold a user or password; the device's own pull secret is for that"
    if not row.architectures:
        yield "architectures", "must name at least one, such as arm64"
    for name, value in (("cpu_cores", row.cpu_cores), ("memory_bytes", row.memory_bytes), ("gpu_ratio", row.gpu_ratio)):
        if value is not None and value < 0:
            yield name, f"must be at least 0, not {value:g}; leave it out where it is not known"
    if row.gpu_ratio is not None and row.gpu_ratio > 1:
        yield "gpu_ratio", f"must be a ratio from 0 to 1, not {row.gpu_ratio:g}"


def _workload(row: Workload) -> Found:
    yield from _class(row.environment_class)


def _class(text: str) -> Found:
    if not CLASS.fullmatch(text):
        yield "environment_class", f'{shown(text)} is not a class: two digits in quotes, such as "01"'


def _aliases(aliases: tuple[str, ...]) -> Found:
    for index, alias in enumerate(aliases):
        if not alias or alias != alias.strip() or not alias.isprintable():
            yield f"aliases[{index}]", f"{shown(alias)} is not an alias: it needs visible characters, without spaces around them"


def _above_zero(name: str, value: float, unit: str) -> Found:
    if value <= 0:
        yield name, f"must be above 0 {unit}, not {value:g}"


def _found(name: str, why: str) -> Found:
    if why:
        yield name, why


_RULES: Final[dict[type, Callable[[Any], Found]]] = {
    Site: _id_only,
    Cluster: _id_only,
    Device: _device,
    Camera: _camera,
    Package: _package,
    Version: _version,
    Workload: _workload,
}
