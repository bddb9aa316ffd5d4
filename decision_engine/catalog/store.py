"""Where the catalogue is kept: read whole or refused whole, changed one entry at a time, with who and why."""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from decision_engine.catalog.change import Change, Changed, Put, Remove, changed, rewritten
from decision_engine.catalog.document import DocumentError, parse_document, read_text
from decision_engine.catalog.model import Catalog
from decision_engine.catalog.reading import CatalogError, catalog_from, digest
from decision_engine.catalog.writing import append_line, write_atomically

LOCK_WITHIN_SECONDS: Final = 30.0
"""A change takes milliseconds in a small fleet and some 15 s at ten thousand devices, for which YAML is the wrong store."""
LOCK_POLL_SECONDS: Final = 0.05


class CatalogStore(Protocol):
    """A place that keeps the catalogue."""

    def load(self) -> tuple[Catalog, str]:
        """The catalogue and its version, a short digest of what it says.

        Raises:
            CatalogError: it cannot be used.
        """
        ...

    def apply(self, change: Change, who: str, why: str) -> str:
        """Change one entry and give the new version; nothing is changed unless the whole is right afterwards.

        Raises:
            CatalogError: the change is refused, or cannot be written.
        """
        ...


class YamlCatalogStore:
    """The catalogue in one YAML file, ``fleet.yaml``.

    A change rewrites the text of its section, whose comments are lost; other sections keep theirs where the file allows it
    (see ``rewritten``). The content before the last change stays beside it as ``fleet.yaml.bak``, and
    ``fleet.changes.jsonl`` gets one line per change: at, who, why, entry before and after, versions. The line is written
    first; where the file then cannot be replaced, a second line with ``"outcome": "not written"`` takes it back.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, lock_within_seconds: float = LOCK_WITHIN_SECONDS) -> None:
        """Name the file; nothing is read yet. ``clock`` gives Unix seconds for the line of a change."""
        self._path = path
        self._clock = clock
        self._lock_within_seconds = lock_within_seconds
        self._last: tuple[str, Catalog, str] | None = None

    @property
    def changes_path(self) -> Path:
        """Where who and why are written down."""
        return self._path.with_name(f"{self._path.stem}.changes.jsonl")

    def load(self) -> tuple[Catalog, str]:
        """The catalogue and its version; a text that is the same as last time is not parsed again, so ask as often as you like.

        Raises:
            CatalogError: the file cannot be read or anything in it is wrong; one line per mistake.
        """
        text = self._text()
        if self._last is None or self._last[0] != text:
            catalog = catalog_from(self._document(text), self._path.name)
            self._last = (text, catalog, digest(catalog))
        return self._last[1], self._last[2]

    def apply(self, change: Change, who: str, why: str) -> str:
        """Change one entry and give the new version.

        Raises:
            CatalogError: nobody or no reason is named, the file or what it would become is wrong, another change is
                under way, or the file cannot be written; nothing has changed then.
        """
        missing = [word for word, text in (("who", who), ("why", why)) if not text.strip()]
        if missing:
            raise CatalogError(tuple(f"{word}: must say {word} changes the catalogue" for word in missing))
        try:
            with self._locked():
                return self._apply(change, who, why)
        except OSError as error:
            raise CatalogError((f"{self._path} cannot be changed: {error.strerror or error}",)) from error

    def _apply(self, change: Change, who: str, why: str) -> str:
        text = self._text()
        document = self._document(text)
        old = catalog_from(document, self._path.name)
        done = changed(document, change)
        new = catalog_from(done.document, self._path.name)
        version = digest(new)
        line = {"at": self._clock(), "who": who, "why": why, **_described(change, done), "version_before": digest(old), "version": version}
        append_line(self.changes_path, json.dumps(line, ensure_ascii=False))
        try:
            shutil.copy2(self._path, self._path.with_name(f"{self._path.name}.bak"))
            write_atomically(self._path, rewritten(text, done.document, change.section))
        except OSError:
            append_line(self.changes_path, json.dumps({"at": self._clock(), "version": version, "outcome": "not written"}))
            raise
        return version

    def _text(self) -> str:
        try:
            return read_text(self._path)
        except DocumentError as error:
            raise CatalogError(error.errors) from error

    def _document(self, text: str) -> dict[str, Any]:
        try:
            return parse_document(text, self._path.name)
        except DocumentError as error:
            raise CatalogError(error.errors) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock file ``fleet.yaml.lock``; the kernel lets it go should this process die."""
        with self._path.with_name(f"{self._path.name}.lock").open("w", encoding="utf-8") as file:
            until = time.monotonic() + self._lock_within_seconds
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() >= until:
                        raise CatalogError((f"{self._path} is being changed by another process; try again",)) from error
                    time.sleep(LOCK_POLL_SECONDS)
            yield


def _described(change: Change, done: Changed) -> dict[str, Any]:
    verb = "put" if isinstance(change, Put) else "remove"
    return {"change": verb, "section": change.section, "id": done.key, "before": done.before, "after": done.after}


__all__ = ["CatalogError", "CatalogStore", "Change", "Put", "Remove", "YamlCatalogStore"]
