"""Files of a board that never answer, seen through the relay: the source that reads them is given up, and only that one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from exporters.device.collector import join
from exporters.device.relay import Patience, Relay
from exporters.device.sensor import TIMED_OUT
from tests.builders.board_looks import sources
from tests.builders.board_verdict import whole
from tests.builders.boards import MemoryTree, board

LIMIT_SECONDS: Final = 0.5
"""A look takes about two milliseconds; a busy machine may take a hundred times longer."""

_PATIENCE: Final = Patience(total_seconds=10.0, shared_seconds=0.0, least_seconds=LIMIT_SECONDS)
_MOST_SECONDS: Final = 30.0
"""After this a hanging file answers by itself, so that a failing test ends."""


@contextmanager
def hanging(tree: MemoryTree, path: str) -> Iterator[None]:
    """Let reads of this file wait until the end."""
    over = threading.Event()

    def wait(text: str) -> str:
        over.wait(_MOST_SECONDS)
        return text

    with tree.damaged(path, wait):
        yield
        over.set()


def problems_while_hanging(name: str, path: str) -> list[str]:
    """What is wrong while this file of a board hangs from the second look on; nothing where all is well."""
    of, tree = whole(name), MemoryTree(board(name))
    relay = Relay([replace(source, limit_seconds=LIMIT_SECONDS) for source in sources(tree)], patience=_PATIENCE)
    owned = {answer.source.name: {(sample.name, sample.labels) for sample in answer.report.samples} for answer in relay.look()}
    with hanging(tree, path):
        answers = relay.look()
        said = join(answers)
    relay.close()
    stuck = {answer.source.name for answer in answers if answer.seconds is None}
    if not stuck:
        return []  # it is read once only, and was
    found = [] if len(stuck) <= len(of.readers[path]) else [f"{path}: {sorted(stuck)} hang together"]
    lost = {key for name in stuck for key in owned[name]}
    numbers = {(metric, labels): value for metric, samples in said.items() for labels, value in samples.items()}
    found += [f"{path}: lost {key}" for key, value in of.says.samples.items() if key not in lost and numbers.get(key) != value]
    found += [f"{path}: still says {key}" for key in lost if key in numbers]
    reasons = {(sensor, source): reason for sensor, source, reason in said["edge_sensor_up"]}
    found += [
        f"{path}: {sensor} of {source} is {reasons.get((sensor, source))!r}"
        for (sensor, source), reason in of.says.states.items()
        if source in stuck and reasons.get((sensor, source)) != TIMED_OUT
    ]
    return found
