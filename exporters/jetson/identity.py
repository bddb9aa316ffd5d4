"""Whether this is a Jetson, which one, and in its own words; never its serial number and never an address.

Device tree: ``compatible`` names board, module and chip (``nvidia,p3768-0000+p3767-0005``, ``nvidia,tegra234``), as in
https://www.kernel.org/doc/Documentation/devicetree/bindings/arm/tegra.yaml; module numbers also in the guides' bring-up pages,
https://docs.nvidia.com/jetson/archives/r36.5/DeveloperGuide/HR/JetsonModuleAdaptationAndBringUp/JetsonOrinNxNanoSeries.html
"""

from __future__ import annotations

import re
from typing import Final

from exporters.device.part import label
from exporters.device.sensor import SensorError
from exporters.device.tree import Tree

DEVICE_TREE: Final = "proc/device-tree"
RELEASE: Final = "etc/nv_tegra_release"
_MODEL: Final = f"{DEVICE_TREE}/model"
_COMPATIBLE: Final = f"{DEVICE_TREE}/compatible"
_PRODUCT: Final = "sys/class/dmi/id/product_name"

_CHIP_FAMILY: Final = "sys/devices/soc0/family"
_TEGRA_GPU = re.compile(r"[0-9a-f]+\.(?:gm20b|gp10b|gv11b|ga10b)|gpu-gpc-[0-9]+")
_JETSON_WORDS = re.compile(r"jetson|nvidia orin|quill|p2771|p3448|p3450", re.IGNORECASE)
_OTHER_PLACES: Final = (RELEASE, "etc/nvpmodel.conf", "sys/bus/i2c/drivers/ina3221x", "var/lib/nvpmodel", "sys/module/nvgpu")

_MODULES: Final = (
    (re.compile(r"p3767-000[01]"), "orin-nx"),
    (re.compile(r"p3767-000[345]"), "orin-nano"),
    (re.compile(r"p3701-"), "agx-orin"),
    (re.compile(r"p3668-"), "xavier-nx"),
    (re.compile(r"p2888-|p2972-"), "agx-xavier"),
    (re.compile(r"p3310-|p3489-|p2771-|p3636-|tegra186"), "tx2"),
    (re.compile(r"p3448-|p3450-|p3542-|jetson-nano"), "nano"),
    (re.compile(r"p3834-|tegra264"), "thor"),
)
"""Module part numbers in ``compatible``; Orin NX and Orin Nano, and Nano and TX1, share a chip, which therefore tells nothing."""

_WORDS: Final = (
    ("orin nx", "orin-nx"),
    ("orin nano", "orin-nano"),
    ("agx orin", "agx-orin"),
    ("xavier nx", "xavier-nx"),
    ("agx xavier", "agx-xavier"),
    ("jetson-agx", "agx-xavier"),
    ("thor", "thor"),
    ("tx2", "tx2"),
    ("quill", "tx2"),
    ("jetson nano", "nano"),
)


def is_jetson(tree: Tree) -> bool:
    """Whether anything at all says so: no single file decides."""
    return (
        any(tree.has(path) for path in _OTHER_PLACES)
        or any(_TEGRA_GPU.fullmatch(name) for name in tree.names("sys/class/devfreq"))
        or label(tree, _CHIP_FAMILY) == "Tegra"
        or "nvidia,tegra" in compatible(tree)
        or _JETSON_WORDS.search(model_words(tree)) is not None
    )


def board_name(compatible_words: str, model: str) -> str:
    """The board's short name by its module's part number, else by the maker's words; "" where neither tells."""
    for part, board in _MODULES:
        if part.search(compatible_words):
            return board
    words = model.lower()
    return next((board for word, board in _WORDS if word in words), "")


def compatible(tree: Tree) -> str:
    """The device tree's ``compatible`` strings, one to a line; "" where they cannot be read."""
    try:
        return tree.text(_COMPATIBLE).replace("\0", "\n")
    except (OSError, ValueError, SensorError):
        return ""


def model_words(tree: Tree) -> str:
    """What the machine calls itself, by its device tree or its firmware."""
    return label(tree, _MODEL) or label(tree, _PRODUCT)
