"""Recordings: the readers find everything again, and nothing that names the machine comes along."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporters.device.recorded import NOTE
from exporters.device.tree import Tree
from exporters.emulated.boards import load, write
from exporters.recording.allowed import reduced
from exporters.recording.gathering import DISK, EARLIER, STAT, gather
from exporters.recording.saving import save, told_by
from tests.builders.board_looks import Look, look, sources
from tests.builders.boards import UNALIKE, BoardsOnDisk

SECRETS = {
    "proc/device-tree/serial-number": "1423020012345\0",
    "sys/class/dmi/id/product_serial": "PF3X7Y9Z",
    "sys/class/dmi/id/product_uuid": "4c4c4544-0042-3510-8052-b4c04f4d3732",
    "sys/class/net/eth0/address": "48:b0:2d:aa:bb:cc",
    "proc/net/arp": "192.168.7.9 0x1 0x2 48:b0:2d:aa:bb:cc * eth0",
    "etc/hostname": "gate-camera-7",
    "proc/sys/kernel/hostname": "gate-camera-7",
    "proc/version": "Linux version 5.15 (builder@gate-camera-7)",
    "etc/machine-id": "0123456789abcdef0123456789abcdef",
}


def no_pause(seconds: float) -> None:
    """Nothing moves in a tree of a test."""


def put(root: Path, path: str, text: str) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="latin-1")


def recorded(root: Path, target: Path) -> Path:
    save(gather(root, no_pause), target, "2026-07-05", "0.1.0")
    return target


def all_text(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="latin-1") for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", UNALIKE)
def test_the_readers_say_of_a_recording_what_they_said_of_the_board(name: str, tmp_path: Path, boards_on_disk: BoardsOnDisk) -> None:
    board, target = boards_on_disk[name], tmp_path / "recording"
    recorded(board, target)
    before, after = _looked(board), _looked(target)
    assert len(before.samples) > 40
    assert after == before
    assert not [path for path in target.rglob("*") if path.is_symlink()]
    assert list(told_by(target)) == []


def _looked(root: Path) -> Look:
    return look(sources(Tree(root)))


def test_what_names_the_machine_is_never_copied(tmp_path: Path) -> None:
    root, target = tmp_path / "root", tmp_path / "recording"
    write(load("nano"), root)
    for path, text in SECRETS.items():
        put(root, path, text)
    recorded(root, target)
    text = all_text(target)
    for secret in ("1423020012345", "PF3X7Y9Z", "4c4c4544", "48:b0:2d", "192.168", "gate-camera", "0123456789abcdef"):
        assert secret not in text
    assert list(told_by(target)) == []


def test_what_hides_in_a_file_that_is_copied_is_removed_and_said(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root, "etc/nvpmodel.conf", "# flashed by 10.1.2.3, module 1423020012345\n< POWER_MODEL ID=0 NAME=MAXN >\n")
    recording = gather(root, no_pause)
    text = recording.files["etc/nvpmodel.conf"].decode()
    assert text == "# flashed by removed-IP-address, module removed-serial-number\n< POWER_MODEL ID=0 NAME=MAXN >\n"
    assert recording.removed == {"etc/nvpmodel.conf": ("IP address", "serial number")}


def test_of_packages_and_processes_only_what_is_needed_is_kept() -> None:
    packages = (
        "Package: vim\nStatus: install ok installed\nVersion: 9\n\nPackage: nvidia-jetpack\nStatus: install ok installed\n"
        "Maintainer: Some Body <some.body@example.com>\nVersion: 6.2-b77\nDescription: NVIDIA\n all of it\n\nPackage: zip\nVersion: 3\n"
    )
    core = "Package: nvidia-l4t-core\nStatus: install ok installed\nVersion: 36.4.3-2025\n\n"
    kept = "Package: nvidia-jetpack\nStatus: install ok installed\nVersion: 6.2-b77\n\n"
    assert reduced("var/lib/dpkg/status", packages) == kept
    assert reduced("var/lib/dpkg/status", packages + "\n" + core) == kept + core
    clients = "CLIENT PROCESS PID SIZE\nuser secret-project 4711 512K\ntotal                        512K\n"
    assert reduced("sys/kernel/debug/nvmap/iovmm/clients", clients) == "total                        512K\n"
    processors = "processor\t: 0\nCPU architecture: 8\nprocessor\t: 1\nCPU architecture: 8\n\nSerial\t\t: 0421619041234567\n"
    assert reduced("proc/cpuinfo", processors) == "CPU architecture: 8\n"


def test_two_looks_at_the_counters_lie_apart(tmp_path: Path) -> None:
    put(tmp_path, STAT, "cpu  1 0 0 1\ncpu0 1 0 0 1\n")
    waited: list[float] = []

    def move_on(seconds: float) -> None:
        waited.append(seconds)
        put(tmp_path, STAT, "cpu  2 0 0 9\ncpu0 2 0 0 9\n")

    files = gather(tmp_path, move_on).files
    assert waited == [1.0]
    assert (files[EARLIER], files[STAT]) == (b"cpu  1 0 0 1\ncpu0 1 0 0 1\n", b"cpu  2 0 0 9\ncpu0 2 0 0 9\n")


def test_the_disk_is_the_roots_unless_the_tree_tells_its_own(tmp_path: Path) -> None:
    told = json.loads(gather(tmp_path, no_pause).files[DISK])
    system = os.statvfs(tmp_path)
    assert told["total_bytes"] == system.f_blocks * system.f_frsize
    assert 0 <= told["available_bytes"] <= told["free_bytes"] <= told["total_bytes"]
    put(tmp_path, DISK, '{"total_bytes": 3, "free_bytes": 2, "available_bytes": 1}\n')
    assert json.loads(gather(tmp_path, no_pause).files[DISK]) == {"total_bytes": 3, "free_bytes": 2, "available_bytes": 1}


def _pipe(place: Path) -> None:
    os.mkfifo(place)


def _long(place: Path) -> None:
    place.write_bytes(b"1" * (64 * 1024 + 1))


def _circle(place: Path) -> None:
    place.symlink_to(place.name)


def _out(place: Path) -> None:
    place.symlink_to("/proc/version")


@pytest.mark.parametrize(
    ("damage", "reason"), [(_pipe, "no plain file"), (_long, "longer than 64 KiB"), (_circle, "its links lead in a circle"), (_out, None)],
    ids=["pipe", "too long", "links in a circle", "link to a file that is not below the root"],
)  # fmt: skip
def test_a_file_that_cannot_be_taken_is_left_out_with_its_reason(
    damage: Callable[[Path], None], reason: str | None, tmp_path: Path
) -> None:
    put(tmp_path, "proc/uptime", "5.0 5.0\n")
    damage(tmp_path / "proc/meminfo")
    recording = gather(tmp_path, no_pause)
    assert "proc/meminfo" not in recording.files and "proc/uptime" in recording.files
    assert recording.left_out.get("proc/meminfo") == reason


def test_an_absolute_link_is_taken_as_the_machines_own(tmp_path: Path) -> None:
    put(tmp_path, "etc/nvpmodel/nvpmodel_p3767.conf", "< POWER_MODEL ID=0 NAME=MAXN >\n")
    (tmp_path / "etc/nvpmodel.conf").symlink_to("/etc/nvpmodel/nvpmodel_p3767.conf")
    assert gather(tmp_path, no_pause).files["etc/nvpmodel.conf"] == b"< POWER_MODEL ID=0 NAME=MAXN >\n"


def test_a_recording_says_when_to_the_day_and_what_is_missing(tmp_path: Path) -> None:
    root, target = tmp_path / "root", tmp_path / "recording"
    put(root, "proc/uptime", "5.0 5.0\n")
    _long_at = root / "proc/meminfo"
    _long(_long_at)
    note = json.loads((recorded(root, target) / NOTE).read_text(encoding="utf-8"))
    assert note == {
        "schema": 1, "recorded_on": "2026-07-05", "exporter_version": "0.1.0", "files": 2, "removed": {},
        "left_out": {"proc/meminfo": "longer than 64 KiB"},
    }  # fmt: skip
