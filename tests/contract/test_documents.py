"""Documents tell the truth about the repository: folders, commands and links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.builders.contract import ROOT, named

LISTED_INSIDE = ("exporters", "actuators", "decision_engine", "forecasting", "prometheus")
"""Of these the folders one level down are listed as well; tests/ only mirrors them."""

UNSEEN = {"__pycache__", "build", "dist", "edgeshift-lab", "node_modules"}
SHOWN_THOUGH_HIDDEN = {".ci"}
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def is_seen(folder: Path) -> bool:
    """Whether a folder belongs to the project: not hidden, not made by a tool, and with a file somewhere in it."""
    parts = folder.relative_to(ROOT).parts
    if any(part in UNSEEN or part.endswith(".egg-info") or (part.startswith(".") and part not in SHOWN_THOUGH_HIDDEN) for part in parts):
        return False
    return any(path.is_file() and "__pycache__" not in path.parts for path in folder.rglob("*"))


def folders() -> set[str]:
    """Name the project's folders, and those inside the rooms of the product."""
    places = [*ROOT.iterdir(), *(place for room in LISTED_INSIDE for place in (ROOT / room).iterdir())]
    return {named(place) for place in places if place.is_dir() and is_seen(place)}


def listed() -> list[str]:
    """Name the folders of the list in docs/architecture.md, in its order."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    block = page.partition("## Folders")[2].partition("```text\n")[2].partition("```")[0]
    return [line.split()[0].rstrip("/") for line in block.splitlines() if line.strip()]


def targets() -> set[str]:
    """Name the targets of the Makefile that explain themselves."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):.*## \S", makefile, flags=re.MULTILINE))


def commands(page: str) -> set[str]:
    """Name the make targets that a document tells people to run."""
    code = "\n".join(re.findall(r"```(?:sh|bash|console)\n(.*?)```", page, flags=re.DOTALL) + re.findall(r"`([^`\n]+)`", page))
    return set(re.findall(r"(?:^|[\s;&])make ([a-z][a-z-]*)", code))


def test_the_folder_list_is_what_is_there() -> None:
    assert sorted(listed()) == sorted(folders())


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_in_documents_exist(document: Path) -> None:
    assert commands(document.read_text(encoding="utf-8")) - targets() == set()


def test_the_readme_names_every_command() -> None:
    assert commands((ROOT / "README.md").read_text(encoding="utf-8")) >= targets()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_in_documents_lead_somewhere(document: Path) -> None:
    page = document.read_text(encoding="utf-8")
    inside = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", page) if "://" not in link and not link.startswith("#")]
    assert [link for link in inside if not (document.parent / link).exists()] == []


def test_every_target_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    inner = {"setup", "python"}
    assert set(re.findall(r"^([a-z-]+):(?!=)", makefile, flags=re.MULTILINE)) - inner == targets()


@pytest.mark.parametrize(
    ("page", "found"),
    [("```sh\nmake lab  # make it so\n```", {"lab"}), ("run `make test-cluster`", {"test-cluster"}), ("we make things", set())],
)
def test_the_search_finds_commands(page: str, found: set[str]) -> None:
    assert commands(page) - {"it"} == found
