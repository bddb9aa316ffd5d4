"""The command line of the camera AI; what is not given comes from the environment that its actuator made."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from decision_engine.lab.camera_ai.schedule import Schedule, camera_seed, parse_schedule, steady
from decision_engine.lab.camera_ai.weather import WEATHERS

DEFAULT_FRAMES_PER_SECOND = 4.0
MOST_FRAMES_PER_SECOND = 60.0
AUTO = "auto"

EXAMPLE = "example: python -m decision_engine.lab.camera_ai --workload yolo/cam-01/main --environment-class 01 --scene-schedule 01:60,02:60"


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line and the environment together say."""

    workload: str
    camera: str
    environment_class: str
    frames_per_second: float
    schedule: Schedule
    seed: int
    ready_file: Path | None


def read_arguments(argv: Sequence[str], environment: Mapping[str, str] = os.environ) -> Arguments:
    """Read the command line.

    Raises:
        SystemExit: it cannot be understood; the reason has been printed, the exit code is 2 (0 for --help).
    """
    parser = _parser(environment)
    given = parser.parse_args(argv)
    camera = given.camera or _camera_of(given.workload)
    if not camera:
        parser.error("The workload is missing or not of the form package/camera/purpose; give --workload or --camera.")
    if given.environment_class not in WEATHERS:
        parser.error(f"The environment class {given.environment_class!r} has no variant; there are {', '.join(WEATHERS)}.")
    if not 0.0 < given.frames_per_second <= MOST_FRAMES_PER_SECOND:
        parser.error(f"The rate of {given.frames_per_second:g} frames per second is not above 0 and at most {MOST_FRAMES_PER_SECOND:g}.")
    if given.seed is not None and given.seed < 0:
        parser.error(f"The seed {given.seed} is below 0.")
    try:
        schedule = _schedule(given.scene, given.scene_schedule, given.environment_class)
    except ValueError as error:
        parser.error(str(error))
    ready = environment.get("EDGESHIFT_READY_FILE", "")
    return Arguments(
        workload=given.workload,
        camera=camera,
        environment_class=given.environment_class,
        frames_per_second=given.frames_per_second,
        schedule=schedule,
        seed=camera_seed(camera) if given.seed is None else given.seed,
        ready_file=Path(ready) if ready else None,
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="camera_ai", description=__doc__, epilog=EXAMPLE)
    parser.add_argument("--workload", default=environment.get("EDGESHIFT_WORKLOAD", ""), help="package/camera/purpose")
    parser.add_argument("--camera", default=environment.get("EDGESHIFT_CAMERA", ""), help="camera id; its street and traffic depend on it")
    parser.add_argument(
        "--environment-class",
        default=environment.get("EDGESHIFT_CLASS", ""),
        help=f"the weather that this variant is trained for: {', '.join(WEATHERS)}",
    )
    parser.add_argument(
        "--frames-per-second", type=float, default=DEFAULT_FRAMES_PER_SECOND, help="pictures analysed each second (%(default)g)"
    )
    parser.add_argument(
        "--scene", choices=(AUTO, *WEATHERS), default=AUTO, help="the weather that the camera sees; auto: the one that the variant is for"
    )
    parser.add_argument("--scene-schedule", default="", help="weathers in turn with their seconds, as in 01:60,02:60; replaces --scene")
    parser.add_argument("--seed", type=int, default=None, help="the camera's street and traffic; by default from the camera's id")
    return parser


def _schedule(scene: str, text: str, environment_class: str) -> Schedule:
    if text:
        return parse_schedule(text)
    return steady(environment_class if scene == AUTO else scene)


def _camera_of(workload: str) -> str:
    parts = workload.split("/")
    return parts[1] if len(parts) == 3 else ""
