"""Reads what is shipped under deploy/: manifests, units and the Containerfile, as tests ask for them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tests.builders.contract import ROOT

DEPLOY: Final = ROOT / "deploy"
KUBERNETES: Final = DEPLOY / "kubernetes"
SYSTEMD: Final = DEPLOY / "systemd"
CONTAINERFILE: Final = DEPLOY / "container/Containerfile"

Manifest = dict[str, Any]


def documents(path: Path) -> list[Manifest]:
    """All YAML documents of one file."""
    return deepcopy(_documents(path))


@cache
def _documents(path: Path) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document is not None]


def manifest(kind: str, name: str) -> Manifest:
    """The one manifest of this kind and name."""
    found = [one for path in sorted(KUBERNETES.rglob("*.yaml")) for one in documents(path) if one.get("kind") == kind]
    (wanted,) = [one for one in found if one["metadata"]["name"] == name]
    return wanted


def pod(kind: str, name: str) -> Manifest:
    """The pod that a workload makes."""
    spec: Manifest = manifest(kind, name)["spec"]["template"]["spec"]
    return spec


def unit(name: str) -> dict[str, list[str]]:
    """The settings of a unit's [Service], each with all its values; a comment is none."""
    settings: dict[str, list[str]] = defaultdict(list)
    section = ""
    for line in (SYSTEMD / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            settings[key].append(value)
    return settings


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of the Containerfile; ``stage`` counts the FROMs before it, the ARGs above the first have 0."""

    stage: int
    word: str
    rest: str

    def words(self) -> list[str]:
        """The words of the exec form; raises ValueError where a shell would be needed."""
        found = json.loads(self.rest[self.rest.index("[") :])
        if not isinstance(found, list):
            raise ValueError(self.rest)
        return [str(word) for word in found]


def instructions() -> list[Instruction]:
    """The Containerfile's, in order, with continued lines joined."""
    lines = [line for line in CONTAINERFILE.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found: list[Instruction] = []
    stage = 0
    for line in filter(None, joined.splitlines()):
        word, _, rest = line.partition(" ")
        stage += word == "FROM"
        found.append(Instruction(stage, word, rest))
    return found


def final(word: str) -> list[Instruction]:
    """The last stage's instructions of one kind: what the image is in the end."""
    every = instructions()
    return [one for one in every if one.stage == every[-1].stage and one.word == word]
