"""Which Jetson Linux (L4T) and JetPack run, and on which processor architecture.

The first line of /etc/nv_tegra_release reads ``# R35 (release), REVISION: 3.1, GCID: …, EABI: aarch64, …``. JetPack by L4T:
https://developer.nvidia.com/embedded/jetson-linux-archive and https://developer.nvidia.com/embedded/jetpack-archive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from exporters.device.part import Reading, label
from exporters.device.sensor import SensorError
from exporters.device.source import Sample, one
from exporters.device.tree import Tree
from exporters.jetson.identity import RELEASE, board_name, compatible, is_jetson, model_words
from exporters.jetson.packages import CORE, JETPACK, MOST_BYTES, PACKAGES, stanzas, version

_RELEASE_LINE = re.compile(r"# R([0-9]{2,3}) \(release\), REVISION: ([0-9]{1,2}(?:\.[0-9]{1,2}){0,2})(?:,|\n)")
_ARCHITECTURE = re.compile(r"EABI: ([a-z0-9_]{1,16}),")
_ARM_64: Final = "aarch64"

JETPACKS: Final = {
    "32.1.0": "4.2", "32.2.0": "4.2.1", "32.3.1": "4.3", "32.4.3": "4.4", "32.4.4": "4.4.1",
    "32.5.0": "4.5", "32.5.1": "4.5.1", "32.6.1": "4.6", "32.7.1": "4.6.1", "32.7.2": "4.6.2", "32.7.3": "4.6.3", "32.7.4": "4.6.4",
    "32.7.5": "4.6.5", "32.7.6": "4.6.6", "35.1.0": "5.0.2", "35.2.1": "5.1", "35.3.1": "5.1.1", "35.4.1": "5.1.2", "35.5.0": "5.1.3",
    "35.6.0": "5.1.4", "35.6.1": "5.1.5", "36.3.0": "6.0", "36.4.0": "6.1", "36.4.3": "6.2", "36.4.4": "6.2.1", "36.5.0": "6.2.2",
    "38.2.0": "7.0", "38.4.0": "7.1", "39.2.0": "7.2", "39.2.1": "7.2.1",
}  # fmt: skip
"""Of releases between these, and of those about which accounts differ (32.2.1, 36.4.7, 38.2.1), JetPack is not told."""


def parse_release(text: str) -> str:
    """Read L4T's version from /etc/nv_tegra_release, always with three numbers (``35.3.1``); "" where the line is another."""
    match = _RELEASE_LINE.match(text)
    return _three_numbers(f"{match[1]}.{match[2]}") if match else ""


def identity_readings(tree: Tree) -> list[Reading]:
    """Who this is; of a machine that says nothing of itself there is nothing to say.

    All of it is read here, when the sensors are looked for, and not at each look: the package list has megabytes.
    """
    released = _text(tree, RELEASE)
    l4t = parse_release(released)
    installed = _installed(tree, (JETPACK,) if l4t else (JETPACK, CORE)) if is_jetson(tree) else {}
    l4t = l4t or _three_numbers(installed.get(CORE, ""))
    model = model_words(tree)
    labels = (
        board_name(compatible(tree), model),
        model,
        l4t,
        installed.get(JETPACK) or JETPACKS.get(l4t, ""),
        _architecture(tree, released),
    )
    return [Reading("board", partial(_info, labels))] if any(labels) else []


def _info(labels: tuple[str, ...]) -> Iterable[Sample]:
    return one("edge_board_info", 1.0, labels)


def _installed(tree: Tree, names: Sequence[str]) -> dict[str, str]:
    """The version of each of these packages, "" or absent where it is not known."""
    try:
        return {name: version(stanza) for name, stanza in stanzas(tree.pieces(PACKAGES, MOST_BYTES), names).items()}
    except (OSError, SensorError):
        return {}


def _three_numbers(version: str) -> str:
    if not version:
        return ""
    numbers = [*version.split("."), "0"]
    return ".".join(numbers[:3])


def _architecture(tree: Tree, released: str) -> str:
    """Of the tree, not of the interpreter: a recorded board is read on any machine."""
    said = label(tree, "proc/sys/kernel/arch")  # since Linux 6.1
    if said:
        return said
    match = _ARCHITECTURE.search(released)
    if match:
        return match[1]
    processors = _text(tree, "proc/cpuinfo")
    if "CPU architecture: 8" in processors:
        return _ARM_64
    return "x86_64" if re.search(r"^flags\s*:.*\blm\b", processors, re.MULTILINE) else ""


def _text(tree: Tree, path: str) -> str:
    try:
        return tree.text(path)
    except (OSError, ValueError, SensorError):
        return ""
