"""Decides what kind of machine a tree is, before anything else is known of it, and within a time limit: any file can hang."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from exporters.device.disk import is_machine
from exporters.device.relay import Relay
from exporters.device.sensor import SensorError
from exporters.device.source import USUAL_LIMIT_SECONDS, Report, Source
from exporters.device.tree import Tree
from exporters.jetson.gpu import gpu_usage
from exporters.jetson.identity import is_jetson
from exporters.jetson.tegrastats_feed import RECORDED_PATH


@dataclass(frozen=True, slots=True)
class Kind:
    """What a tree is: a machine that runs or a copy, a Jetson or not, one whose files tell the GPU's load, one with tegrastats' lines.

    As it is built by itself it is what to believe of a tree that does not answer: nothing is spared that may be there, and
    what hangs is said to hang.
    """

    is_machine: bool = True
    is_jetson: bool = True
    tells_gpu_load: bool = True
    has_lines: bool = False


def kind_of(tree: Tree, limit_seconds: float = USUAL_LIMIT_SECONDS) -> Kind:
    """Ask each question once; whoever does not answer within ``limit_seconds`` is left behind."""
    questions: dict[str, Callable[[Tree], bool]] = {
        "is_machine": is_machine,
        "is_jetson": is_jetson,
        "tells_gpu_load": _tells_gpu_load,
        "has_lines": lambda tree: tree.has(RECORDED_PATH),
    }
    found: dict[str, bool] = {}

    def ask(name: str) -> Report:
        found[name] = questions[name](tree)
        return Report()

    relay = Relay([Source(name, partial(ask, name), limit_seconds) for name in questions])
    relay.look()
    relay.close()
    return Kind(**dict(found))


def _tells_gpu_load(tree: Tree) -> bool:
    try:
        gpu_usage(tree)
    except (SensorError, OSError, ValueError):
        return False
    return True
