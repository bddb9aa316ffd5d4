"""Says why an order cannot be carried out, and gives each placement a directory name that cannot lead anywhere else."""

from __future__ import annotations

import re
from urllib.parse import quote

from actuators.api import Action, placement_id, split_placement
from actuators.process.settings import ProcessSettings

PART = re.compile(r"[^\W_][\w.\-]*")
"""One part of an id: begins with a letter or digit, so that it can be neither a hidden file nor a command's option."""

VERSION = re.compile(r"([^\W_][\w.+:~\-]*)?")
"""An environment class or a version; both may be empty."""

NAME_LIMIT_BYTES = 200
"""File systems end names at 255 bytes; the rest is left for the prefix of a directory being made or removed."""


def directory_name(placement: str) -> str:
    """One directory name per placement, without slashes, never beginning with a dot when the placement is valid."""
    return quote(placement, safe="@#")


def why_bad_placement(placement: str) -> str:
    """Why this is no placement's name, as a sentence; "" when it is one."""
    try:
        workload, device, generation = split_placement(placement)
    except ValueError as error:
        return f"The placement {error}."
    parts = workload.split("/")
    if len(parts) != 3 or not all(PART.fullmatch(part) for part in parts):
        return f"The placement {placement!r} names no workload of the form package/camera/purpose."
    if not PART.fullmatch(device):
        return f"The placement {placement!r} names no possible device id."
    if placement_id(workload, device, generation) != placement:
        return f"The placement {placement!r} must write its generation as a plain number, as in #{generation}."
    if (length := len(directory_name(placement))) > NAME_LIMIT_BYTES:
        return f"The placement's name is {length} bytes long when encoded; at most {NAME_LIMIT_BYTES} are possible."
    return ""


def why_unclear(action: Action) -> str:
    """Why nobody can say which placement an order means, as a sentence; "" when it is clear."""
    if bad := why_bad_placement(action.placement):
        return bad
    workload, device, _ = split_placement(action.placement)
    if workload != action.workload or device != action.device:
        return f"The order is for {action.workload} on {action.device}, but its placement is {action.placement!r}."
    return ""


def why_impossible(action: Action, settings: ProcessSettings) -> str:
    """Why this machine cannot carry out a start, as a sentence; "" when it can."""
    if unclear := why_unclear(action):
        return unclear
    if stranger := why_not_served(action.placement, settings):
        return stranger
    if not (VERSION.fullmatch(action.environment_class) and VERSION.fullmatch(action.version)):
        return f"The class {action.environment_class!r} or version {action.version!r} holds characters that no id has."
    package = action.workload.split("/")[0]
    if not settings.commands.get(package):
        return f"The package {package!r} has no command on this machine; add it to the process actuator's commands."
    return ""


def why_not_served(placement: str, settings: ProcessSettings) -> str:
    """Why a placement's device is not this machine, as a sentence; "" when it is.

    Raises:
        ValueError: the placement is no placement's name.
    """
    device = split_placement(placement)[1]
    if device in settings.devices:
        return ""
    return f"The device {device!r} is not served by this machine; it serves {', '.join(settings.devices) or 'none'}."
