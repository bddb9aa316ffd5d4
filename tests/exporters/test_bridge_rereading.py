"""Files of settings are read without waiting for ever: no pipes, no devices, and a file that hangs holds up nobody."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporters.bridge.loading import ConfigurationError, load
from exporters.bridge.reading import contents
from exporters.bridge.rereading import Rereading
from exporters.bridge.settings import Settings
from exporters.bridge.wall import Wall
from tests.builders.bridge import RESULT, World, result, settings, with_token

DAY_SECONDS = 86_400.0


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert contents(tmp_path / "link", 4) == b"1234"
    with pytest.raises(OSError, match="longer than 3 bytes"):
        contents(tmp_path / "file", 3)


@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "."])
def test_what_is_no_file_is_not_read(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        contents(tmp_path / name, 10)
    with pytest.raises(ConfigurationError, match="cannot be read: it is no regular file"):
        load(tmp_path / name)
    token = {**with_token(tmp_path), "token_file": name}
    with pytest.raises(ConfigurationError, match=r"token\[1\].token_file: the file cannot be read: it is no regular file"):
        settings(tmp_path, token=[token])


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000 + "]" * 20_000, "interval_seconds = " + "1" * 5000])
def test_toml_that_is_too_much_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "bridge.toml").write_text(text)
    with pytest.raises(ConfigurationError):
        load(tmp_path / "bridge.toml")


def rereading(read: Callable[[], Settings], story: Callable[[Rereading, list[str]], Any]) -> None:
    """Run a story while the configuration is read again on request."""

    async def live() -> None:
        said: list[str] = []
        one = Rereading(read, lambda settings: f"taken {settings.result_path}", said.append)
        one.patience_seconds = 0.05
        running = asyncio.create_task(one.run())
        await story(one, said)
        running.cancel()

    asyncio.run(live())


async def until(done: Callable[[], bool]) -> None:
    """Wait, but not for ever."""
    for _ in range(1000):
        if done():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


def test_a_reading_that_hangs_is_said_once_and_the_next_one_waits_for_its_end() -> None:
    go_on = threading.Event()
    calls: list[int] = []

    def read() -> Settings:
        calls.append(1)
        if len(calls) == 1:
            go_on.wait(5)
        return Settings()

    async def story(one: Rereading, said: list[str]) -> None:
        one.ask()
        await until(lambda: len(said) == 1)
        assert "could not be read within 0.05 s" in said[0]
        one.ask()
        await until(lambda: len(said) == 2)
        assert "has not ended yet" in said[1] and len(calls) == 1
        go_on.set()
        await until(lambda: not one._reading)
        one.ask()
        await until(lambda: len(said) == 3)
        assert said[2] == "taken /result"

    rereading(read, story)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(ConfigurationError(["a: b."]), ["file is wrong", "a: b."]), (ZeroDivisionError(), ["a defect (ZeroDivisionError)"])],
)
def test_what_is_wrong_is_said_and_the_next_one_is_read(trouble: Exception, words: list[str]) -> None:
    troubles = [trouble]

    def read() -> Settings:
        if troubles:
            raise troubles.pop()
        return Settings()

    async def story(one: Rereading, said: list[str]) -> None:
        one.ask()
        await until(lambda: len(said) == len(words))
        assert all(word in sentence for word, sentence in zip(words, said, strict=True))
        one.ask()
        await until(lambda: said[-1] == "taken /result")

    rereading(read, story)


class Times:
    """Two clocks that a test moves."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1_795_000_000.0, 50.0

    def pass_by(self, seconds: float, jump: float = 0.0) -> None:
        self.monotonic += seconds
        self.wall += seconds + jump


def test_a_clock_that_is_set_back_is_noticed_with_how_far() -> None:
    times, back = Times(), []
    wall = Wall(lambda: times.wall, lambda: times.monotonic, lambda now, seconds: back.append((now, round(seconds))))
    for seconds, jump in ((10.0, 0.0), (10.0, 400 * DAY_SECONDS), (1000.0, 0.0), (0.0, -0.5), (5.0, -400 * DAY_SECONDS), (10.0, 0.0)):
        times.pass_by(seconds, jump)
        assert wall() == times.wall
    assert [seconds for _, seconds in back] == [400 * DAY_SECONDS]


def test_after_the_clock_went_back_the_newest_that_comes_is_the_newest() -> None:
    world, began = World(), 1_795_000_000.0
    ahead = began + 400 * DAY_SECONDS
    entry = world.take(RESULT, result()).entry
    assert entry is not None
    totals = world.desk.totals
    world.desk.apply({**entry, "at": ahead, "seen": ahead, "p": 0.5})
    totals.last_seen[("farm", "edge-07", "high", "/usage")] = ahead
    totals.settle(began + 5, 400 * DAY_SECONDS)
    times = ("ai_event_last_timestamp_seconds", "ai_last_result_timestamp_seconds")
    seen = world.value("edge_bridge_last_seen_timestamp_seconds", path="/usage")
    assert [world.value(name) for name in times] + [seen] == [began] * 3
    world.desk.apply({**entry, "at": began + 10, "seen": began + 10, "p": 0.75})
    assert [world.value(name) for name in times] == [began + 10] * 2
    assert world.value("ai_event_confidence_ratio", event="fire") == 0.75
