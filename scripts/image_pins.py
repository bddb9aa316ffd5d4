"""Prints the part of requirements.lock that the device image installs: the base dependency and the extra bridge, with all they need."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
EXTRA: Final = "bridge"
HEADER: Final = "# Made from requirements.lock by scripts/image_pins.py; make image writes it anew.\n"


def device_pins(lock: str, project: str) -> str:
    """The pins of ``lock`` that the base dependencies and the extra of ``project`` (a pyproject.toml) need.

    Each pin of the lock names in its comment ``via`` who asked for it; following that from the top is the closure.

    Raises:
        ValueError: the lock does not pin what the project asks for.
    """
    table = tomllib.loads(project)["project"]
    wanted = {_name(line) for line in (*table["dependencies"], *table["optional-dependencies"][EXTRA])}
    entries = {_name(entry): entry for entry in re.split(r"(?m)^(?=[A-Za-z0-9])", lock)[1:]}
    if missing := wanted - entries.keys():
        raise ValueError(f"requirements.lock does not pin {', '.join(sorted(missing))}; run make lock.")
    while more := {name for name, entry in entries.items() if name not in wanted and _asked_by(entry) & wanted}:
        wanted |= more
    return HEADER + "".join(_without_comments(entries[name]) for name in sorted(wanted))


def _name(line: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def _asked_by(entry: str) -> set[str]:
    return set(re.findall(r"(?m)^ +#(?: via)? +([a-z0-9-]+)$", entry))


def _without_comments(entry: str) -> str:
    return "".join(f"{line}\n" for line in entry.splitlines() if line.strip() and not line.lstrip().startswith("#"))


if __name__ == "__main__":
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "pyproject.toml")]
    sys.stdout.write(device_pins(*texts))
