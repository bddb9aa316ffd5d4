"""Whether the parts of a configuration agree: names that lead to two devices, classes that mean two things, too much to promise."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from typing import Final

from exporters.bridge.identity import identifies_nothing
from exporters.bridge.posts import PAGES, POSTED
from exporters.bridge.reading import LONGEST_ID, Mistakes
from exporters.bridge.refusals import shown
from exporters.bridge.room import SAMPLES_OF_EVENT
from exporters.bridge.settings import ALIAS, NAME_FIELDS, Ai, Settings
from exporters.workload.collector import CATALOG_ID

_OWN_PATHS: Final = (*POSTED, *PAGES)


def check(settings: Settings, mistakes: Mistakes) -> None:
    """Note all that contradicts itself; what a single key alone can tell has been noted before."""
    _check_names(settings, mistakes)
    _check_devices(settings, mistakes)
    _check_tokens(settings, mistakes)
    for number, ai in enumerate(settings.ais, start=1):
        _check_ai(ai, f"ai[{number}]", settings, mistakes)
    _check_repeated_ais(settings, mistakes)
    if settings.result_path in _OWN_PATHS:
        mistakes.add("result_path", f"{settings.result_path} is another path of the bridge; choose one of its own.")
    _check_room(settings, mistakes)


def is_loopback(host: str) -> bool:
    """Whether only this machine can post there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def promised_events(settings: Settings) -> int:
    """How many event series exist from the start."""
    devices = {source.destination.device for source in settings.sources if source.destination.camera}
    return sum(len(set(ai.events.values())) * len(devices & set(ai.devices) if ai.devices else devices) for ai in settings.ais)


def _check_room(settings: Settings, mistakes: Mistakes) -> None:
    """Events are never left out of a page, so there must be room for all of them."""
    limits = settings.limits
    if (series := promised_events(settings)) > (most := min(limits.event_series, limits.series // SAMPLES_OF_EVENT)):
        mistakes.add(
            "ai",
            f"events of all AIs on all devices would make {series} series, and limits.event_series and limits.series leave room for {most};"
            " say with devices = [...] where each AI runs.",
        )


def _check_names(settings: Settings, mistakes: Mistakes) -> None:
    """A name leads to one device, whatever its field, and so does a device's id; only an ``alias`` is a name in all fields."""
    seen: dict[tuple[str, str], int] = {}
    devices: dict[str, str] = {source.destination.device: source.destination.device for source in settings.sources}
    for number, source in enumerate(settings.sources, start=1):
        for field, name in source.names:
            key = f"source[{number}].{field}"
            if identifies_nothing(name):
                mistakes.add(key, f"{shown(name)} identifies nothing: many devices send it; use a token or another name.")
            device = devices.setdefault(name, source.destination.device)
            first = next((seen[taken] for taken in _overlapping(field, name) if taken in seen), number)
            seen.setdefault((field, name), number)
            if first != number:
                mistakes.add(key, f"{shown(name)} is mapped already by source[{first}].")
            elif device != source.destination.device:
                mistakes.add(key, f"{shown(name)} leads to device {shown(device)} already; give the two different names.")


def _overlapping(field: str, name: str) -> tuple[tuple[str, str], ...]:
    """Names that are the same as this one to somebody who looks for it."""
    return tuple((other, name) for other in NAME_FIELDS if ALIAS in (field, other) or field == other)


def _check_devices(settings: Settings, mistakes: Mistakes) -> None:
    clusters: dict[str, tuple[str, int]] = {}
    for number, source in enumerate(settings.sources, start=1):
        destination = source.destination
        cluster, first = clusters.setdefault(destination.device, (destination.cluster, number))
        if cluster != destination.cluster:
            mistakes.add(f"source[{number}].cluster", f"device {shown(destination.device)} is in another cluster in source[{first}].")
        if source.package and not destination.camera:
            mistakes.add(f"source[{number}].package", "needs a camera beside it: a workload is a package analysing a camera.")


def _check_tokens(settings: Settings, mistakes: Mistakes) -> None:
    devices = {source.destination.device for source in settings.sources}
    names = Counter(token.name for token in settings.tokens)
    secrets = Counter(token.secret for token in settings.tokens)
    for number, token in enumerate(settings.tokens, start=1):
        if token.device and token.device not in devices:
            mistakes.add(f"token[{number}].device", f"{shown(token.device)} is the device of no [[source]]; add one with its cluster.")
        if names[token.name] > 1:
            mistakes.add(f"token[{number}].name", "is the name of another token too.")
        if token.secret and secrets[token.secret] > 1:
            mistakes.add(f"token[{number}].token_file", "holds the same token as another file.")
    if settings.page_token and secrets[settings.page_token]:
        mistakes.add("page_token_file", "holds the same token as a [[token]]; who reads pages needs one that cannot post.")
    if settings.tokens_only and not settings.tokens:
        mistakes.add("tokens_only", "is true, but there is no [[token]]: nobody could post.")


def _check_ai(ai: Ai, key: str, settings: Settings, mistakes: Mistakes) -> None:
    if not (ai.events or ai.environments or ai.results) and ai.others == "refuse":
        mistakes.add(key, "says of no class what it means; set events, environments, results or others.")
    words = Counter([*ai.events, *ai.environments, *set(ai.results)])
    for word, times in words.items():
        if times > 1:
            mistakes.add(key, f"class {shown(word)} means two things; leave it in one of events, environments and results.")
    for word, event in ai.events.items():
        if not CATALOG_ID.fullmatch(event) or len(event) > LONGEST_ID:
            mistakes.add(f"{key}.events.{word}", "must be an event's name in small letters, digits, '.', '_' and '-', such as fire.")
    devices = {source.destination.device for source in settings.sources}
    for device in ai.devices:
        if device not in devices:
            mistakes.add(f"{key}.devices", f"{shown(device)} is the device of no [[source]].")


def _check_repeated_ais(settings: Settings, mistakes: Mistakes) -> None:
    seen: dict[tuple[str, str], int] = {}
    for number, ai in enumerate(settings.ais, start=1):
        for sid in ai.sids or ("",):
            first = seen.setdefault((ai.ainame, sid), number)
            if first != number:
                mistakes.add(f"ai[{number}].ainame", f"{shown(ai.ainame)} is described already by ai[{first}] for the same sid.")
