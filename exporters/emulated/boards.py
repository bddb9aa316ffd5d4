"""Loads constructed boards, which travel in the wheel and lie in a checkout under tests/exporters/boards, and writes them as trees."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any, Final

from exporters.device.disk import DISK_FILE

IN_THE_WHEEL: Final = "emulated/boards_data"
IN_A_CHECKOUT: Final = "../tests/exporters/boards/constructed"
"""Both seen from the package ``exporters``; pyproject.toml names each file that travels in the wheel."""

_SCHEMA: Final = 1
_BOARD_FILE: Final = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)\.toml")
"""``orin-nx.toml``; a further dot, as in ``orin-nx.tegrastats.toml``, is another kind of file."""

_ABOUT_RECORDINGS: Final = "edgeshift/"
_ZONE_TYPE: Final = re.compile(r"(.*/thermal_zone\d+)/type")
NO_POWER: Final = "-256000\n"
"""What a zone without power says in the drivers of R35."""

_DISK_KEYS: Final = ("total_bytes", "free_bytes", "available_bytes")
_BOARD_KEYS: Final = frozenset({"schema", "board", "title", "disk", "group"})
_GROUP_KEYS: Final = frozenset({"source", "note", "files", "links"})


class UnknownBoard(Exception):
    """There is no constructed board of this name."""


class WrongBoardFile(Exception):
    """A board's file is not as it should be; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class Board:
    """One constructed board: ``files`` are texts and ``links`` relative targets, both by their path from the root.

    ``disk`` has ``total_bytes``, ``free_bytes`` and ``available_bytes`` of the root file system; ``sources`` are the public
    addresses that paths and formats come from.
    """

    name: str
    title: str
    files: Mapping[str, str]
    links: Mapping[str, str]
    disk: Mapping[str, int]
    sources: tuple[str, ...]


def names() -> tuple[str, ...]:
    """All constructed boards, sorted."""
    return tuple(sorted(_texts()))


def load(name: str) -> Board:
    """One constructed board.

    Raises:
        UnknownBoard: there is none of this name.
        WrongBoardFile: its file is not as it should be.
    """
    found = _texts()
    if name not in found:
        raise UnknownBoard(f"There is no constructed board {name!r}: choose one of {', '.join(sorted(found))}")
    return parse(name, found[name].read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Board:
    """Read a board's TOML text; ``name`` is what its file is called, without ``.toml``.

    Raises:
        WrongBoardFile: it is no TOML, or a key is missing, unknown or wrong.
    """
    try:
        return _board(name, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise WrongBoardFile(f"{name}.toml is no TOML: {error}") from None
    except _Wrong as wrong:
        raise WrongBoardFile(f"{name}.toml: {wrong}") from None


def to_move(board: Board) -> Board:
    """The board as an emulator begins it.

    What a still tree says about itself (an earlier look at counters) is not true of a moving one. A zone without a ``temp`` file is
    one of R36 whose power is off: its kernel answers reads with "try again", which no file on a disk can do, so that it says
    what R35 says of it; without the file it would seem to be lost.
    """
    files = {path: text for path, text in board.files.items() if not path.startswith(_ABOUT_RECORDINGS)}
    gated = {f"{match[1]}/temp": NO_POWER for path in files if (match := _ZONE_TYPE.fullmatch(path))}
    return replace(board, files={**gated, **files})


def write(board: Board, root: Path) -> None:
    """Lay a board out as a tree under ``root``: its files, its links and ``edgeshift/disk.json``; what is there is replaced.

    Raises:
        OSError: something is in the way, or may not be written.
    """
    disk = json.dumps(dict(board.disk), indent=2) + "\n"
    for path, text in (*board.files.items(), (DISK_FILE, disk)):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)  # it may be a link to a file elsewhere
        place.write_bytes(text.encode())
    for path, target in board.links.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink():
            place.unlink()
        place.symlink_to(target)


class _Wrong(Exception):
    """What is wrong with a key."""


def _texts() -> dict[str, Traversable]:
    for place in (IN_THE_WHEEL, IN_A_CHECKOUT):
        folder = files("exporters").joinpath(*PurePosixPath(place).parts)
        if folder.is_dir():
            return {match[1]: file for file in folder.iterdir() if (match := _BOARD_FILE.fullmatch(file.name))}
    return {}


def _board(name: str, content: Mapping[str, Any]) -> Board:
    _only(content, _BOARD_KEYS, "")
    if content.get("schema") != _SCHEMA:
        raise _Wrong(f"schema is {content.get('schema')!r}, not {_SCHEMA}")
    if content.get("board") != name:
        raise _Wrong(f"board is {content.get('board')!r}, not {name!r} as the file is called")
    written: dict[str, str] = {}
    linked: dict[str, str] = {}
    sources: dict[str, None] = {}
    for label, group in _groups(content):
        source = _text(group.get("source"), f"{label}.source")
        if not source.startswith("https://"):
            raise _Wrong(f"{label}.source is {source!r}, which is no https address")
        sources[source] = None
        for kind, into in (("files", written), ("links", linked)):
            for path, value in _table(group.get(kind, {}), f"{label}.{kind}").items():
                key = f"{label}.{kind}.{path!r}"
                if path in written or path in linked:
                    raise _Wrong(f"{key} is there twice")
                into[_inside(path, key)] = _text(value, key)
    for path, target in linked.items():
        _inside(normpath(f"{PurePosixPath(path).parent}/{target}"), f"links.{path!r}")
    return Board(name, _text(content.get("title"), "title"), written, linked, _disk(content.get("disk")), tuple(sources))


def _groups(content: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    groups = content.get("group")
    if not isinstance(groups, list) or not groups:
        raise _Wrong("group is missing: a board has at least one [[group]] of files")
    for number, group in enumerate(groups, start=1):
        _only(_table(group, f"group {number}"), _GROUP_KEYS, f"group {number}.")
        yield f"group {number}", group


def _disk(value: object) -> dict[str, int]:
    disk = _table(value, "disk")
    _only(disk, frozenset(_DISK_KEYS), "disk.")
    for key in _DISK_KEYS:
        if not isinstance(disk.get(key), int) or isinstance(disk[key], bool):
            raise _Wrong(f"disk.{key} is {disk.get(key)!r}, not a number of bytes")
    if not 0 <= disk["available_bytes"] <= disk["free_bytes"] <= disk["total_bytes"]:
        raise _Wrong("disk: more is available than free, or more free than there is")
    return {key: disk[key] for key in _DISK_KEYS}


def _only(table: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise _Wrong(f"{where}{unknown[0]} is unknown; known are {', '.join(sorted(known))}")


def _table(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(f"{key} is no table")
    return value


def _text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise _Wrong(f"{key} is {value!r}, not a text")
    return value


def _inside(path: str, key: str) -> str:
    if path.startswith("/") or path != normpath(path) or path.split("/", maxsplit=1)[0] in ("..", "."):
        raise _Wrong(f"{key} leaves the tree, or is not written the short way")
    return path
