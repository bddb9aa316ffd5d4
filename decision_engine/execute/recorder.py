"""Keeps the last cycles whole, so that a decision can be replayed byte for byte; it never stops the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from decision_engine.core.memory import CycleRecord
from decision_engine.core.snapshot import Snapshot
from decision_engine.execute.cycle_file import CycleUnreadable, RecordedCycle, pack, unpack
from decision_engine.execute.sealed import TEMPORARY_SUFFIX, write_whole

SUFFIX = ".bin"
NUMBER_DIGITS = 12
"""Enough for sixty thousand years of five-second cycles, so that names sort as numbers do."""


@dataclass(frozen=True, slots=True)
class SnapshotCodec:
    """How a snapshot becomes bytes and back; handed in, since ``observe`` and ``execute`` do not know each other."""

    encode: Callable[[Snapshot], bytes]
    decode: Callable[[bytes], Snapshot]


@dataclass(frozen=True, slots=True)
class Ring:
    """How much is kept. Cycles that concluded something are recorded, and every ``every_cycles``-th besides."""

    keep_cycles: int = 2000
    keep_bytes: int = 500_000_000
    every_cycles: int = 60


class Recorder:
    """A ring of files ``<cycle number>.bin`` in one folder, which belongs to the recorder alone. Blocking; one thread at a time."""

    def __init__(self, directory: Path, ring: Ring, codec: SnapshotCodec) -> None:
        self._directory, self._ring, self._codec = directory, ring, codec
        self._sizes: dict[int, int] | None = None
        self.written = 0
        self.failed = 0

    def wants(self, number: int, record: CycleRecord) -> bool:
        """Whether this cycle belongs into the ring."""
        return not record.empty or number % self._ring.every_cycles == 0

    def record(self, cycle: RecordedCycle) -> str:
        """Keep one cycle and drop the oldest beyond the ring's bounds.

        Answers "" or, as one sentence, why it was not kept; whatever goes wrong is counted in ``failed``, never raised.
        """
        try:
            data = pack(cycle, self._codec.encode)
            if len(data) > self._ring.keep_bytes:
                raise ValueError(f"it takes {len(data)} bytes, more than the ring's {self._ring.keep_bytes}")
            sizes = self._known()
            if cycle.number <= (newest := max(sizes, default=0)):
                raise ValueError(f"numbers must rise, and cycle {newest} is there already")
            write_whole(self._path(cycle.number), data, durable=False)
            sizes[cycle.number] = len(data)
            self._drop_oldest(sizes)
        except Exception as error:  # a recorder that fails must cost a recording, not a decision
            self.failed += 1
            self._sizes = None
            return f"cycle {cycle.number} was not recorded in {self._directory}: {_cause(error)}"
        self.written += 1
        return ""

    def cycles(self) -> tuple[int, ...]:
        """Numbers of the cycles on disk, oldest first, readable or not; none where the folder cannot be read."""
        try:
            return tuple(sorted(self._on_disk()))
        except OSError:
            return ()

    def next_number(self) -> int:
        """The number after the newest cycle on disk; 1 for an empty ring. Numbers must rise over restarts."""
        return max(self.cycles(), default=0) + 1

    def load(self, number: int) -> RecordedCycle:
        """Read one cycle back.

        Raises:
            CycleUnreadable: it is gone, torn, damaged or from another version; the text is a sentence.
        """
        try:
            return unpack(self._path(number).read_bytes(), self._codec.decode)
        except FileNotFoundError:
            raise CycleUnreadable(f"cycle {number} is not recorded in {self._directory}, or no longer") from None
        except (OSError, CycleUnreadable) as error:
            raise CycleUnreadable(f"cycle {number} in {self._directory} is ignored: {_cause(error)}") from error

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:0{NUMBER_DIGITS}d}{SUFFIX}"

    def _known(self) -> dict[int, int]:
        """Sizes by number; the folder is listed once, and again after a failure."""
        if self._sizes is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            for left in self._directory.glob(f"*{SUFFIX}{TEMPORARY_SUFFIX}"):
                left.unlink(missing_ok=True)
            self._sizes = self._on_disk()
        return self._sizes

    def _on_disk(self) -> dict[int, int]:
        named = ((path.name.removesuffix(SUFFIX), path) for path in self._directory.glob(f"*{SUFFIX}"))
        return {int(stem): path.stat().st_size for stem, path in named if stem.isdecimal() and len(stem) == NUMBER_DIGITS}

    def _drop_oldest(self, sizes: dict[int, int]) -> None:
        total = sum(sizes.values())
        for number in sorted(sizes):
            if len(sizes) <= self._ring.keep_cycles and total <= self._ring.keep_bytes:
                return
            self._path(number).unlink(missing_ok=True)
            total -= sizes.pop(number)


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
