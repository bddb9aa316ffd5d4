"""What the process actuator must be told: where it keeps its records, which devices it serves, and each package's command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from actuators.api import Action

PLACEHOLDERS = ("workload", "placement", "camera", "environment_class", "version", "ready_file")
"""What a command may name in braces, as in ``--camera {camera}``."""


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """Settings of one process actuator.

    ``state_directory`` holds one directory per placement and must be on a local file system (locks); ``devices`` are
    the device ids that this machine stands for; ``commands`` gives each package its argv, in which ``{workload}``,
    ``{placement}``, ``{camera}``, ``{environment_class}``, ``{version}`` and ``{ready_file}`` are replaced.
    ``environment`` is given to every program on top of a short list of inherited names. A program has
    ``stop_grace_seconds`` between SIGTERM and SIGKILL. With ``owner_pid`` the programs are told to end with that
    process. ``output_limit_bytes`` bounds the kept output of one program.
    """

    state_directory: Path
    devices: tuple[str, ...]
    commands: Mapping[str, tuple[str, ...]]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_grace_seconds: float = 5.0
    owner_pid: int | None = None
    output_limit_bytes: int = 1_048_576


def command_for(template: tuple[str, ...], action: Action, ready_file: Path) -> tuple[str, ...]:
    """Fill the placeholders of a command; braces that name no placeholder stay as they are."""
    values = _values(action, ready_file)
    return tuple(_fill(part, values) for part in template)


def environment_for(settings: ProcessSettings, action: Action, ready_file: Path) -> dict[str, str]:
    """The variables that one program gets: those of the settings, and who it is."""
    values = _values(action, ready_file)
    named = {
        "EDGESHIFT_WORKLOAD": values["workload"],
        "EDGESHIFT_PLACEMENT": values["placement"],
        "EDGESHIFT_CLASS": values["environment_class"],
        "EDGESHIFT_VERSION": values["version"],
        "EDGESHIFT_CAMERA": values["camera"],
        "EDGESHIFT_READY_FILE": values["ready_file"],
    }
    owner = {} if settings.owner_pid is None else {"EDGESHIFT_OWNER_PID": str(settings.owner_pid)}
    return {**settings.environment, **owner, **named}


def _values(action: Action, ready_file: Path) -> dict[str, str]:
    camera = action.workload.split("/")[1]
    found = (action.workload, action.placement, camera, action.environment_class, action.version, str(ready_file))
    return dict(zip(PLACEHOLDERS, found, strict=True))


def _fill(part: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        part = part.replace("{" + name + "}", value)
    return part
