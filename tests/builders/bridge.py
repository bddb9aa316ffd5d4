"""Builders for the bridge: configurations, posts to a desk without sockets, and payloads as the field spells them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from exporters.bridge.desk import Desk, Taken
from exporters.bridge.loading import parse
from exporters.bridge.meter import Meter
from exporters.bridge.observations import Clocks
from exporters.bridge.page import Page
from exporters.bridge.posts import Post, style_of
from exporters.bridge.settings import Settings

NOW = 1_795_000_000.0
KOREA = timezone(timedelta(hours=9))
RESULT = "/result"
TOKEN = "t0ken-of-gate-number-3"
FIRE = {"ainame": "FireAI", "package": "fire", "events": {"1": "fire", "2": "smoke"}, "results": ["0"]}
WEATHER_AI = {"ainame": "WeatherAI", "package": "weather", "others": "environment"}
EDGE_07: Mapping[str, Any] = {
    "device": "edge-07",
    "cluster": "farm",
    "camera": "cam-07",
    "username": "edge-07",
    "nid": ["0x01", "0xn1"],
    "eid": "0x01",
    "confirmed": True,
}


def source(**changed: Any) -> dict[str, Any]:
    """The table of edge-07's senders, with changes; None takes a key away."""
    return {key: value for key, value in {**EDGE_07, **changed}.items() if value is not None}


def settings(folder: Path | None = None, **tables: Any) -> Settings:
    """Settings with edge-07 and two AIs, with changes."""
    return parse({"source": [source()], "ai": [FIRE, WEATHER_AI], **tables}, folder or Path("/nowhere"))


def with_token(folder: Path, secret: str = TOKEN, **changed: Any) -> dict[str, Any]:
    """A [[token]] table, with its file."""
    (folder / "token").write_text(secret + "\n")
    return {"name": "gate-3", "token_file": "token", **changed}


@dataclass
class World:
    """A desk whose clock the test moves."""

    settings: Settings = field(default_factory=settings)
    now: float = NOW

    def __post_init__(self) -> None:
        self.desk = Desk(self.settings, Clocks(lambda: self.now, lambda: self.now - NOW))

    def take(self, path: str, body: object, token: str = "", address: str = "10.0.0.7") -> Taken:
        """Post a body (bytes as they are, anything else as JSON), and keep its event as the application does."""
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        style = style_of(path, self.settings.result_path)
        authorization = f"Bearer {token}" if token else ""
        taken = self.desk.take(Post(path, style, data, authorization, address, self.now, self.now - NOW))
        if taken.entry is not None:
            self.desk.apply(taken.entry)
        self.desk.totals.posts[(path, taken.reply.code)] += 1
        return taken

    def post(self, path: str, body: object, token: str = "", address: str = "10.0.0.7") -> str:
        """The code of the reply."""
        return self.take(path, body, token, address).reply.code

    @property
    def page(self) -> str:
        """What Prometheus would read now."""
        return b"".join(Page(self.desk, Meter(), self.now - NOW).pieces()).decode()

    def value(self, name: str, **labels: str) -> float | None:
        """The one sample of a name whose labels include these; None where there is none."""
        found = [value for _, value in samples(self.page, name, labels)]
        if len(found) > 1:
            raise AssertionError(f"{name} {labels} is not one series: {found}")
        return found[0] if found else None

    def refusals(self) -> list[str]:
        """The reasons of what was refused, newest first."""
        return [str(one["reason"]) for one in self.desk.refusals.listed()]


def samples(page: str, name: str, labels: Mapping[str, str]) -> Iterator[tuple[Mapping[str, str], float]]:
    """The samples of a page with this name and at least these labels."""
    for sample in _parsed(page):
        if sample.name == name and labels.items() <= sample.labels.items():
            yield sample.labels, float(sample.value)


@lru_cache(maxsize=4)
def _parsed(page: str) -> tuple[Sample, ...]:
    """Every sample of a page; a test asks the same page for several."""
    return tuple(sample for family in text_string_to_metric_families(page) for sample in family.samples)


def local(form: str, at: float) -> str:
    """A Unix time as a sender in Korea writes it."""
    return datetime.fromtimestamp(at, KOREA).strftime(form)


def usage(**changed: Any) -> dict[str, Any]:
    """C-03."""
    return _changed({"code": "0000", "message": "처리성공", "username": "edge-07", "cpu": 12.3, "memory": 41.0}, changed)


def weather_v1(at: float = NOW, **changed: Any) -> dict[str, Any]:
    """C-04, made at this Unix time."""
    date, clock = local("%Y%m%d %H%M%S", at).split()
    return _changed({"nid": "0x01", "date": date, "time": clock, "result": "4"}, changed)


def weather(at: float = NOW, **changed: Any) -> dict[str, Any]:
    """C-05, made at this Unix time."""
    return _changed({"nid": "0xn1", "created_at": local("%Y-%m-%dT%H:%M:%S+09:00", at), "res_class": "04", "res_confidence": 0.7}, changed)


def result(at: float = NOW, **changed: Any) -> dict[str, Any]:
    """C-07, from an AI that looked for fire at this Unix time; it says it to the second."""
    body = {
        "eid": "0x01",
        "sid": "0xs01",
        "time": local("%Y%m%d%H%M%S", at),
        "version": "0.01v",
        "ainame": "FireAI",
        "class": 1,
        "class_prob": 0.7,
    }
    return _changed(body, changed)


def trigger(**changed: Any) -> dict[str, Any]:
    """C-15."""
    return _changed({"aid": "0xs1", "filename": "weatherai", "version": "02", "ai_class": "01"}, changed)


def _changed(body: dict[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """With changes; the text "-" takes a field away."""
    return {key: value for key, value in {**body, **{key.rstrip("_"): value for key, value in changed.items()}}.items() if value != "-"}
