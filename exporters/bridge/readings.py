"""What is believed now: numbers that are passed on until their sender has been silent for three of its intervals."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from exporters.contract import ENVIRONMENT_CLASSES

Labels = tuple[str, ...]


@dataclass(slots=True)
class Cell:
    """One number, and until when (on the clock that never jumps) it is believed."""

    value: float
    until: float


class Readings:
    """The newest of each kind for each device; high and low trust side by side, so that nobody unknown can replace what is known.

    ``labels`` begin with cluster, device and trust, and go on with those of the contract.
    """

    def __init__(self) -> None:
        self._cells: dict[str, dict[Labels, Cell]] = {}

    def put(self, name: str, labels: Labels, value: float, until: float) -> None:
        """Take a number in place of the one before."""
        cells = self._cells.setdefault(name, {})
        cell = cells.get(labels)
        if cell is None:
            cells[labels] = Cell(value, until)
        else:
            cell.value, cell.until = value, until

    def put_environment(self, bridge: Labels, camera: str, seen: tuple[str, float | None], until: float) -> None:
        """Take the class that a camera sees with its confidence; where that is not said, the one before is not believed any longer."""
        environment, confidence = seen
        for known in ENVIRONMENT_CLASSES:
            self.put("ai_environment_state", (*bridge, camera, known), float(known == environment), until)
        if confidence is None:
            self._cells.get("ai_environment_confidence_ratio", {}).pop((*bridge, camera), None)
        else:
            self.put("ai_environment_confidence_ratio", (*bridge, camera), confidence, until)

    def labels(self) -> Collection[Collection[Labels]]:
        """The labels of all that is held, by metric."""
        return self._cells.values()

    def believed(self, name: str, monotonic: float) -> list[tuple[Labels, float]]:
        """All numbers of one metric that are believed now."""
        return [(labels, cell.value) for labels, cell in self._cells.get(name, {}).items() if cell.until >= monotonic]

    def keep(self, devices: Collection[Labels]) -> None:
        """Forget everything of devices that are not among these (cluster, device)."""
        for cells in self._cells.values():
            for labels in [labels for labels in cells if labels[:2] not in devices]:
                del cells[labels]

    def sweep(self, monotonic: float) -> None:
        """Forget what is not believed any longer."""
        for cells in self._cells.values():
            for labels in [labels for labels, cell in cells.items() if cell.until < monotonic]:
                del cells[labels]
