"""A tree of files in memory, made of what a case is about, that can be changed while it is read and counts who reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from exporters.device.source import Report, Source
from exporters.device.tree import Tree

Key = tuple[str, tuple[str, ...]]


class SmallTree(Tree):
    """``files`` by path; an exception in place of a text is raised when the file is read."""

    def __init__(self, files: Mapping[str, str | Exception]) -> None:
        super().__init__(Path("/nonexistent"))
        self.files = dict(files)
        self.reads: Counter[str] = Counter()

    def text(self, path: str) -> str:
        """As ``Tree.text``."""
        self.reads[path] += 1
        if path not in self.files:
            raise FileNotFoundError(path)
        text = self.files[path]
        if isinstance(text, Exception):
            raise text
        return text

    def pieces(self, path: str, most_bytes: int) -> Iterator[bytes]:
        """As ``Tree.pieces``."""
        yield self.text(path).encode()[:most_bytes]

    def names(self, folder: str) -> list[str]:
        """As ``Tree.names``; a folder whose own path is in ``files`` as an exception may not be listed."""
        refused = self.files.get(folder)
        if isinstance(refused, Exception):
            raise refused
        return sorted({path.removeprefix(f"{folder}/").split("/")[0] for path in self.files if path.startswith(f"{folder}/")})

    def has(self, path: str) -> bool:
        """As ``Tree.has``."""
        return path in self.files or bool(self.names(path))


def under(folder: str, files: Mapping[str, str | Exception]) -> dict[str, str | Exception]:
    """The same files in a folder."""
    return {f"{folder}/{name}": text for name, text in files.items()}


def ina3221(number: int, labels: Iterable[str]) -> dict[str, str | Exception]:
    """A monitor with up to three rails of 5 V and 1 A, 2 A, 3 A, in the layout of R35 and later."""
    files: dict[str, str | Exception] = {"name": "ina3221\n", "in7_label": "sum of shunt voltages\n", "in7_input": "99\n"}
    for channel, said in enumerate(labels, 1):
        files |= {f"in{channel}_label": f"{said}\n", f"in{channel}_input": "5000\n", f"curr{channel}_input": f"{channel}000\n"}
        files |= {f"in{channel + 3}_input": "7\n"}
    return under(f"sys/class/hwmon/hwmon{number}", files)


def said(source: Source) -> tuple[dict[Key, float], dict[str, str]]:
    """One look: numbers, and the reason of each sensor ("" where it answered); nothing may be said twice."""
    report: Report = source.look()
    numbers = {(sample.name, sample.labels): sample.value for sample in report.samples}
    assert len(numbers) == len(report.samples)
    return numbers, {state.sensor: state.reason for state in report.sensors}
