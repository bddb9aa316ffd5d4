"""From a TOML file to settings: every mistake at once, each in a sentence with its key, and never half a configuration."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from exporters.bridge.classes import BARE_NUMBERS, VERSION, ClassMap
from exporters.bridge.consistency import check
from exporters.bridge.reading import Mistakes, Table, contents
from exporters.bridge.settings import (
    DEFAULT_INTERVAL_SECONDS,
    DEFAULT_LISTEN,
    DEFAULT_MOST_AGE_SECONDS,
    DEFAULT_RESULT_PATH,
    DEFAULT_ZONE,
    NAME_FIELDS,
    Ai,
    Destination,
    Limits,
    Network,
    Others,
    Service,
    Settings,
    Source,
    Token,
    zone_named,
)
from exporters.contract import ENVIRONMENT_CLASSES

LONGEST_INTERVAL_SECONDS: Final = 300.0
SHORTEST_INTERVAL_SECONDS: Final = 1.0
LEAST_AGE_SECONDS: Final = 60.0
"""Times of some senders have no seconds."""
LONGEST_AGE_SECONDS: Final = 315_360_000.0
"""Ten years: for tests and for replaying what was recorded."""
OTHERS: Final[dict[str, Others]] = {"refuse": "refuse", "result": "result", "environment": "environment"}
_LONGEST_SERVICE_SECONDS: Final = 60.0
_SMALLEST_LIMIT: Final = 1
_LARGEST_FILE_BYTES: Final = 16 * 1024 * 1024
"""Ten thousand sources take a tenth of it."""
_LARGEST_LIMIT: Final = 10_000_000


class ConfigurationError(Exception):
    """A configuration cannot be used; ``sentences`` says all that is wrong with it."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


def load(path: Path) -> Settings:
    """Read a configuration and the token files that it names; relative paths begin at its folder.

    Raises:
        ConfigurationError: anything in it is wrong.
    """
    try:
        values = tomllib.loads(contents(path, _LARGEST_FILE_BYTES).decode("utf-8"))
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}."]) from error
    except RecursionError:
        raise ConfigurationError([f"{path} is not TOML that can be read: it is nested too deeply."]) from None
    except ValueError as error:  # among them TOMLDecodeError, UnicodeDecodeError, and a number of thousands of digits
        raise ConfigurationError([f"{path} is not TOML: {str(error).removesuffix('.')}."]) from error
    return parse(values, path.parent)


def parse(values: dict[str, Any], folder: Path) -> Settings:
    """Settings from a parsed file.

    Raises:
        ConfigurationError: anything in it is wrong.
    """
    mistakes = Mistakes()
    table = Table(values, "", mistakes)
    listen = table.endpoint("listen", DEFAULT_LISTEN) or DEFAULT_LISTEN
    state_file = table.text("state_file")
    settings = Settings(
        listen=listen,
        zone=_zone(table),
        advertise=table.endpoint("advertise", None),
        result_path=_path(table),
        interval_seconds=table.number("interval_seconds", DEFAULT_INTERVAL_SECONDS, SHORTEST_INTERVAL_SECONDS, LONGEST_INTERVAL_SECONDS),
        most_age_seconds=table.number("most_age_seconds", DEFAULT_MOST_AGE_SECONDS, LEAST_AGE_SECONDS, LONGEST_AGE_SECONDS),
        allow=_networks(table),
        tokens_only=table.flag("tokens_only", False),
        allow_unmapped=table.flag("allow_unmapped", False),
        state_file=folder / state_file if state_file else None,
        page_token=table.secret("page_token_file", folder) if table.has("page_token_file") else "",
        tokens=tuple(_token(one, folder) for one in table.tables("token")),
        sources=tuple(_source(one) for one in table.tables("source")),
        ais=tuple(_ai(one) for one in table.tables("ai")),
        limits=_limits(Table(table.take("limits") or {}, "limits", mistakes)),
        service=_service(Table(table.take("service"), "service", mistakes), folder) if table.has("service") else None,
    )
    table.end()
    check(settings, mistakes)
    if mistakes.sentences:
        raise ConfigurationError(mistakes.sentences)
    return settings


def _zone(table: Table) -> Any:
    name = table.text("zone", DEFAULT_ZONE)
    try:
        return zone_named(name)
    except ValueError:
        table.wrong("zone", "is no known time zone; write one such as Asia/Seoul, or an offset such as +09:00.")
        return zone_named(DEFAULT_ZONE)


def _path(table: Table) -> str:
    path = table.text("result_path", DEFAULT_RESULT_PATH)
    if not path.startswith("/") or path == "/" or set(path) & set(" ?#%"):
        table.wrong("result_path", "must be a path such as /result.")
    return path.rstrip("/")


def _networks(table: Table) -> tuple[Network, ...]:
    found: list[Network] = []
    for text in table.texts("allow"):
        try:
            found.append(ip_network(text, strict=False))
        except ValueError:
            table.wrong("allow", "must be addresses or networks such as 192.168.0.0/24.")
    return tuple(found)


def _token(table: Table, folder: Path) -> Token:
    token = Token(table.id("name"), table.secret("token_file", folder), table.id("device", needed=False))
    table.end()
    return token


def _source(table: Table) -> Source:
    names = tuple((field, name) for field in NAME_FIELDS for name in table.texts(field))
    source = Source(
        destination=Destination(table.id("device"), table.id("cluster"), table.id("camera", needed=False)),
        names=names,
        confirmed=table.flag("confirmed", False),
        usage=table.flag("usage", True),
        package=table.id("package", needed=False),
        classes=ClassMap(_environments(table, "class_map"), table.flag("classes_confirmed", False)),
    )
    table.end()
    return source


def _ai(table: Table) -> Ai:
    if not table.has("ainame"):
        table.wrong("ainame", "is missing; write it as the sender does, such as FireAI.")
    others = table.text("others", "refuse")
    if others not in OTHERS:
        table.wrong("others", "must be refuse, result or environment.")
    labels = {name: table.text(name) for name in ("class", "version")}
    for name, label in labels.items():
        if label and not VERSION.fullmatch(label):
            table.wrong(name, "must be 1 to 32 letters, digits and . _ + -.")
    ai = Ai(
        ainame=table.text("ainame"),
        package=table.id("package"),
        events=table.words("events"),
        environments=_environments(table, "environments"),
        results=tuple(word.strip().lower() for word in table.texts("results")),
        others=OTHERS.get(others, "refuse"),
        sids=table.texts("sid"),
        devices=table.texts("devices"),
        variant_class=labels["class"],
        version=labels["version"],
        classes_confirmed=table.flag("classes_confirmed", False),
    )
    table.end()
    return ai


def _environments(table: Table, name: str) -> dict[str, str]:
    found = dict(table.words(name))
    for word, environment in found.items():
        if environment not in ENVIRONMENT_CLASSES:
            known = ", ".join(ENVIRONMENT_CLASSES)
            hint = f", such as {BARE_NUMBERS[environment]}" if environment in BARE_NUMBERS else ""
            table.wrong(f"{name}.{word}", f"must be one of {known}{hint}.")
    return found


def _limits(table: Table) -> Limits:
    found: dict[str, Any] = {}
    for field in fields(Limits):
        default = field.default
        if isinstance(default, int):
            found[field.name] = table.count(field.name, default, _SMALLEST_LIMIT, _LARGEST_LIMIT)
        elif isinstance(default, float):
            found[field.name] = table.number(field.name, default, _SMALLEST_LIMIT, _LARGEST_LIMIT)
    table.end()
    return Limits(**found)


def _service(table: Table, folder: Path) -> Service:
    url = table.text("url")
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.path.strip("/") or parts.query or parts.fragment)
        named = parts.username is not None or parts.password is not None or (parts.port or 0) < 0
    except ValueError:
        fits, named = False, False
    if not fits:
        table.wrong("url", "must be the service's address, such as http://127.0.0.1:8780, without a path.")
    elif named:
        table.wrong("url", "must not hold a user or password; put the service's token into token_file.")
    service = Service(
        url=url.rstrip("/"),
        token=table.secret("token_file", folder),
        seconds=table.number("seconds", 5.0, 0.1, _LONGEST_SERVICE_SECONDS),
        tokens_only=table.flag("tokens_only", True),
    )
    table.end()
    return service
