"""Emulated boards as further edges of the lab: a moving tree of files and a real exporter that reads it, each a child process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decision_engine.evaluation.fleet import SITE
from decision_engine.lab.children import Child, LabError, python_child
from exporters.emulated.boards import load
from exporters.emulated.layout import layout_of
from exporters.emulated.writing import TRUTH
from exporters.simulated.stories import loopback

if TYPE_CHECKING:
    from decision_engine.lab.stage import Stage

BOARDS = ("orin-nx", "agx-orin", "xavier-nx", "orin-nano", "agx-xavier", "tx2", "nano")
"""In the order in which they are taken, all with a GPU load under /sys; a Thor's is told by NVML, which no file can emulate."""
CLUSTER = "emulated"
NO_BUILD = "emulated"
"""As an architecture: no AI program is built for it, so the planner sends none to a board that could not run it."""
READY_WITHIN_SECONDS = 30.0
POLL_SECONDS = 0.1
RESTART_AFTER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class EmulatedEdge:
    """One emulated board: its id in the catalogue, what it is, and its own loopback address."""

    id: str
    board: str
    host: str


def emulated_edges(count: int, first_host: int) -> tuple[EmulatedEdge, ...]:
    """``emu-01`` and so on, with loopback addresses from the ``first_host``-th on."""
    return tuple(
        EmulatedEdge(f"emu-{number + 1:02d}", BOARDS[number % len(BOARDS)], loopback(first_host + number)) for number in range(count)
    )


def with_emulated(document: dict[str, Any], edges: Sequence[EmulatedEdge], port: int) -> dict[str, Any]:
    """A catalogue with the emulated edges in it; the same one where there are none."""
    if not edges:
        return document
    clusters = [*document["clusters"], {"id": CLUSTER, "actuator": "process", "site": SITE}]
    return {**document, "clusters": clusters, "devices": [*document["devices"], *(_device(edge, port) for edge in edges)]}


def _device(edge: EmulatedEdge, port: int) -> dict[str, Any]:
    layout = layout_of(load(edge.board).files)
    return {
        "id": edge.id, "cluster": CLUSTER, "site": SITE, "address": f"{edge.host}:{port}", "cores": float(len(layout.silicon.cores)),
        "memory_bytes": float(layout.memory_bytes), "role": "edge", "architecture": NO_BUILD, "kind": edge.board, "gpu": True,
    }  # fmt: skip


class EmulatedBoards:
    """The child processes of all emulated edges."""

    def __init__(self, stage: Stage) -> None:
        self._directory = stage.directory
        self._pairs = [(edge, _emulator(edge, stage), _exporter(edge, stage)) for edge in stage.emulated]

    async def start(self) -> None:
        """Bring all boards up.

        Raises:
            LabError: a board does not move, or its exporter does not answer; AddressTaken where its address was the trouble.
        """
        for _, emulator, _ in self._pairs:
            await emulator.start()
        for edge, emulator, exporter in self._pairs:
            await self._moves(edge, emulator)
            await exporter.start()
        for _, _, exporter in self._pairs:
            await exporter.ready(READY_WITHIN_SECONDS)

    async def watch(self, trouble: Callable[[str], None]) -> None:
        """For ever: start again what dies, and tell it. An emulator goes on where it was."""
        while True:
            for _, *children in self._pairs:
                for child in children:
                    if not child.alive:
                        trouble(f"{child.name} died; the lab starts it again ({child.last_words()})")
                        await asyncio.sleep(RESTART_AFTER_SECONDS)
                        await child.start()
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """End all of them."""
        await asyncio.gather(*(child.stop() for _, *children in self._pairs for child in reversed(children)))

    async def _moves(self, edge: EmulatedEdge, emulator: Child) -> None:
        for _ in range(int(READY_WITHIN_SECONDS / POLL_SECONDS)):
            if (_root(edge, self._directory) / TRUTH).exists():
                return
            if not emulator.alive:
                break
            await asyncio.sleep(POLL_SECONDS)
        raise LabError(f"the emulated board {edge.id} does not move: {emulator.last_words()}")


def _emulator(edge: EmulatedEdge, stage: Stage) -> Child:
    words = [
        "exporter",
        "emulate",
        "--board",
        edge.board,
        "--root",
        str(_root(edge, stage.directory)),
        "--seed",
        edge.id.rpartition("-")[2],
    ]
    return python_child(f"{edge.id}-emulator", words, stage.directory)


def _exporter(edge: EmulatedEdge, stage: Stage) -> Child:
    address = f"{edge.host}:{stage.addresses.device_port}"
    socket = stage.directory / f"{edge.id}.sock"
    words = ["exporter", "--root", str(_root(edge, stage.directory)), "--listen", address, "--socket", str(socket), "--device", edge.id]
    return python_child(f"{edge.id}-exporter", words, stage.directory, f"http://{address}/healthz")


def _root(edge: EmulatedEdge, directory: Path) -> Path:
    return directory / "emulated" / edge.id
