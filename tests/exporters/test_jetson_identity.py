"""Who a board says it is, and that no single file decides whether it is a Jetson at all."""

from __future__ import annotations

import pytest

from exporters.emulated.boards import names
from exporters.jetson.identity import board_name, is_jetson
from exporters.jetson.release import identity_readings, parse_release
from tests.builders.boards import MemoryTree, removed
from tests.builders.boards import board as built
from tests.builders.jetson_tree import SmallTree

RELEASE = "# R35 (release), REVISION: 3.1, GCID: 32827747, BOARD: t186ref, EABI: aarch64, DATE: Sun Mar 19 15:19:21 UTC 2023\n"


def board(files: dict[str, str | Exception]) -> tuple[str, ...]:
    """Labels of ``edge_board_info``."""
    (reading,) = identity_readings(SmallTree(files))
    (sample,) = reading.read()
    return sample.labels


@pytest.mark.parametrize(
    ("compatible", "model", "name"),
    [
        ("nvidia,p3449-0000-b00+p3448-0000-b00\nnvidia,tegra210", "", "nano"),
        ("nvidia,quill\nnvidia,tegra186", "quill", "tx2"),
        ("nvidia,p3509-0000+p3668-0001\nnvidia,tegra194", "", "xavier-nx"),
        ("nvidia,p2972-0000\nnvidia,tegra194", "", "agx-xavier"),
        ("nvidia,p3768-0000+p3767-0005\nnvidia,tegra234", "", "orin-nano"),
        ("nvidia,p3768-0000+p3767-0000\nnvidia,tegra234", "", "orin-nx"),
        ("nvidia,p3737-0000+p3701-0005\nnvidia,tegra234", "", "agx-orin"),
        ("nvidia,p4071-0000+p3834-0008\nnvidia,tegra264", "", "thor"),
        ("", "NVIDIA Orin NX Developer Kit", "orin-nx"),
        ("", "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super", "orin-nano"),
        ("", "Jetson-AGX", "agx-xavier"),
        ("", "NVIDIA Jetson AGX Thor Developer Kit", "thor"),
        ("nvidia,tegra234", "", ""),
        ("raspberrypi,5-model-b", "Raspberry Pi 5 Model B", ""),
    ],
)
def test_short_names(compatible: str, model: str, name: str) -> None:
    assert board_name(compatible, model) == name


@pytest.mark.parametrize(
    ("text", "l4t"),
    [
        (RELEASE, "35.3.1"),
        ("# R32 (release), REVISION: 7.4, GCID: 33514132, BOARD: t210ref, EABI: aarch64\n", "32.7.4"),
        ("# R38 (release), REVISION: 2.0, GCID: 41844464, BOARD: generic, EABI: aarch64\n# KERNEL_VARIANT: oot\n", "38.2.0"),
        ("# R36 (release), REVISION: 4.4\n", "36.4.4"),
        ("# R35 (release), REVISION: 3", ""),
        ("", ""),
        ("R35.3.1\n", ""),
        ("# R35 (release), REVISION: , GCID: 1\n", ""),
        ("# R35 (release), REVISION: 3.1garbage\n", ""),
    ],
)
def test_release_lines(text: str, l4t: str) -> None:
    assert parse_release(text) == l4t


def test_a_whole_board() -> None:
    files: dict[str, str | Exception] = {
        "etc/nv_tegra_release": RELEASE,
        "proc/device-tree/model": "NVIDIA Orin NX Developer Kit\0",
        "proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0000\0nvidia,tegra234\0",
        "proc/device-tree/serial-number": "1423021012345\0",
    }
    assert board(files) == ("orin-nx", "NVIDIA Orin NX Developer Kit", "35.3.1", "5.1.1", "aarch64")
    assert board({**files, "proc/device-tree/model": PermissionError()})[0] == "orin-nx"


def test_installed_packages_know_better_than_the_table() -> None:
    packages = (
        "Package: bash\nVersion: 5.0\n\nPackage: nvidia-jetpack\nStatus: install ok installed\nArchitecture: arm64\nVersion: 5.1.2-b104\n\n"
    )
    files: dict[str, str | Exception] = {"etc/nv_tegra_release": RELEASE, "var/lib/dpkg/status": packages}
    assert board(files)[3] == "5.1.2"
    core = {"etc/nv_tegra_release": "", "var/lib/dpkg/status": "Package: nvidia-l4t-core\nVersion: 36.4.3-20250107174145\n"}
    assert board({**core})[2:4] == ("36.4.3", "6.2")


def test_a_pc_has_a_model_and_no_board() -> None:
    flags = "processor\t: 0\nflags\t\t: fpu lm sse2\n"
    assert board({"sys/class/dmi/id/product_name": "OptiPlex 7090\n", "proc/cpuinfo": flags}) == ("", "OptiPlex 7090", "", "", "x86_64")


def test_of_an_unknown_machine_nothing_is_said() -> None:
    assert identity_readings(SmallTree({})) == []


@pytest.mark.parametrize("name", names())
def test_no_single_file_decides_what_is_a_jetson(name: str) -> None:
    tree = MemoryTree(built(name))
    assert is_jetson(tree)
    for path in ("etc/nv_tegra_release", "sys/firmware/devicetree/base/model", "sys/firmware/devicetree/base/compatible"):
        with tree.damaged(path, removed):
            assert is_jetson(tree), path


def test_another_arm_board_is_no_jetson() -> None:
    assert not is_jetson(SmallTree({"proc/device-tree/model": "Raspberry Pi 5 Model B\0", "sys/bus/platform/drivers/tegra-i2c/bind": ""}))
