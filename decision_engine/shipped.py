"""Files that travel with the program (Prometheus configuration, rules): read from the wheel, or from the checkout's own folder."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

IN_THE_WHEEL = "shipped"
"""Folder of the package ``decision_engine`` into which the wheel puts them; pyproject.toml names each one."""


class NotShippedError(Exception):
    """A file that this program should have brought along is neither in the wheel nor in the checkout."""


def shipped(path: str) -> Traversable:
    """Find a file or folder by its place in the repository, such as ``prometheus/rules/alerts.yml``.

    A ``Traversable`` is read with ``read_text`` or ``read_bytes`` and listed with ``iterdir``; where a program needs a
    path on disk, use ``importlib.resources.as_file``.

    Raises:
        NotShippedError: no such file was shipped, or the path is absolute or leaves the folder.
    """
    return find(path, files("decision_engine"))


def find(path: str, package: Traversable) -> Traversable:
    """Look into ``package / "shipped"`` first, then beside the package, where a checkout has its folders.

    Raises:
        NotShippedError: as for ``shipped``.
    """
    wanted = PurePosixPath(path)
    if wanted.is_absolute() or ".." in wanted.parts or not wanted.parts:
        raise NotShippedError(f"{path!r} is not the place of a shipped file: name it from the repository's root, without «..»")
    for root in (package / IN_THE_WHEEL, package / ".."):
        found = root.joinpath(*wanted.parts)
        if found.is_file() or found.is_dir():
            return found
    raise NotShippedError(f"{path} did not come with this installation of edgeshift: install its wheel again, or run it from a checkout")
