"""The lock pins every declared dependency, with hashes and without addresses, for each Python that is supported."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.builders.contract import ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ("3.11", "3.12", "3.13")
MACHINES = ("x86_64", "aarch64")


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned package: its version, when it applies, and how many files of it are allowed."""

    name: str
    version: str
    marker: Marker | None
    hashes: int


def pins() -> list[Pin]:
    """Read the lock."""
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", LOCK)[1:]
    found = []
    for entry in entries:
        head = re.match(r"([A-Za-z0-9._-]+)==(\S+?)(?:\s*;\s*(.+?))?\s*\\?$", entry.splitlines()[0])
        assert head, f"not a pin: {entry.splitlines()[0]}"
        marker = Marker(head[3]) if head[3] else None
        found.append(Pin(canonicalize_name(head[1]), head[2], marker, entry.count("--hash=sha256:")))
    return found


PINS = pins()


def declared() -> list[Requirement]:
    """List what pyproject.toml asks for: to run, with every extra, to build and to develop."""
    project = PROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    lines = [*project["dependencies"], *extras, *PROJECT["build-system"]["requires"], *PROJECT["dependency-groups"]["dev"]]
    return [requirement for requirement in map(Requirement, lines) if requirement.name != project["name"]]


def environment(python: str, machine: str) -> dict[str, str]:
    """Describe a machine as markers see it."""
    return {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": machine,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }


def applying(name: str, where: dict[str, str]) -> list[Pin]:
    """List a package's pins on one machine."""
    wanted = canonicalize_name(name)
    return [pin for pin in PINS if pin.name == wanted and (pin.marker is None or pin.marker.evaluate(where))]


def test_the_lock_holds_no_address() -> None:
    assert "://" not in LOCK


def test_every_pin_has_hashes() -> None:
    assert len(PINS) > len(declared())
    assert [pin.name for pin in PINS if pin.hashes == 0] == []


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_declared_dependency_is_pinned_once_and_fits(python: str, machine: str) -> None:
    where = environment(python, machine)
    for requirement in declared():
        found = applying(requirement.name, where)
        assert len(found) == 1, f"{requirement.name} has {len(found)} pins on Python {python}, {machine}"
        assert requirement.specifier.contains(found[0].version), f"{found[0].name}=={found[0].version} is not {requirement}"


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
def test_no_package_is_pinned_twice_on_one_machine(python: str, machine: str) -> None:
    where = environment(python, machine)
    assert {pin.name for pin in PINS if len(applying(pin.name, where)) > 1} == set()


def test_the_supported_pythons_are_those_of_the_project() -> None:
    classifiers = PROJECT["project"]["classifiers"]
    assert {line.rsplit(" ", 1)[-1] for line in classifiers if re.search(r":: 3\.\d+$", line)} == set(PYTHONS)
    assert PROJECT["project"]["requires-python"] == f">={PYTHONS[0]}"
