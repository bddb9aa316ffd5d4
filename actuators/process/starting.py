"""Starts one placement: writes the order down first, then launches it, and never launches one order twice."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

from actuators.api import Action, Outcome, Receipt
from actuators.process import launch
from actuators.process.record import Record, Spec
from actuators.process.settings import ProcessSettings, command_for, environment_for

INHERITED_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
"""What programs get of the engine's own environment: enough to run, and none of its credentials."""

LAUNCH_TIMEOUT_SECONDS = 5.0
"""A launcher needs about 0.03 s; one that takes this long sits on a machine in trouble."""


def start(action: Action, record: Record, settings: ProcessSettings, now: float) -> Receipt:
    """Start what does not run; a program that has died is started again only by a new order.

    Raises:
        OSError: the disk refused to take the order; nothing was started.
    """
    if record.alive():
        if record.remembered("stopping") is None:
            return Receipt(action.id, Outcome.ALREADY)
        return Receipt(action.id, Outcome.FAILED, f"{action.placement} is still stopping; start it again once it is gone.")
    before = record.spec()
    if before is not None and before.order == action.id and record.launched():
        return Receipt(action.id, Outcome.ALREADY, f"{action.placement} was started by this order and has ended since.")
    if record.exists() and not record.remove():
        return Receipt(action.id, Outcome.ALREADY)
    spec = _spec(action, record, settings, now)
    record.create(spec)
    return _launch(action, record, spec)


def _spec(action: Action, record: Record, settings: ProcessSettings, now: float) -> Spec:
    return Spec(
        launch=uuid.uuid4().hex,
        order=action.id,
        environment_class=action.environment_class,
        version=action.version,
        argv=command_for(settings.commands[action.workload.split("/")[0]], action, record.ready_file),
        environment=environment_for(settings, action, record.ready_file),
        working_directory=str(Path.cwd()),
        at=now,
    )


def _launch(action: Action, record: Record, spec: Spec) -> Receipt:
    """Run the launcher to its end, which is the program's beginning."""
    environment = {name: os.environ[name] for name in INHERITED_ENVIRONMENT if name in os.environ}
    command = (sys.executable, "-I", "-S", launch.__file__, str(record.directory), spec.launch)
    try:
        done = subprocess.run(
            command,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LAUNCH_TIMEOUT_SECONDS,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return Receipt(action.id, Outcome.FAILED, f"The launcher of {action.placement} did not answer within {LAUNCH_TIMEOUT_SECONDS:g} s.")
    if done.returncode == launch.LAUNCHED:
        return Receipt(action.id, Outcome.ACCEPTED)
    said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return Receipt(action.id, Outcome.FAILED, f"The launcher of {action.placement} ended with code {done.returncode}. {said}".strip())
