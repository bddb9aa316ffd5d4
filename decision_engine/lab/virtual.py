"""The lab in virtual time: the same story and the same middle, without sockets, processes or waiting."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console

from decision_engine.evaluation.fleet import fleet_document
from decision_engine.evaluation.plant_source import PlantSource
from decision_engine.evaluation.sight import CameraWatch, TwinWatch, plant_results
from decision_engine.evaluation.tally import Tally
from decision_engine.evaluation.virtual import STORY_BEGAN_UNIX_SECONDS, VirtualWorld, live_through
from decision_engine.lab.addresses import usual_addresses
from decision_engine.lab.narrate import Narrator
from decision_engine.lab.stage import Stage, settings_document
from decision_engine.lab.summary import final_summary
from decision_engine.lab.tempo import LAB_LIMITS
from decision_engine.service.events import events_of
from decision_engine.wiring import build_virtual_engine
from exporters.simulated.blueprint import PlantBlueprint
from exporters.simulated.plant import Plant
from exporters.simulated.stories import default_story
from exporters.simulated.tales import TALES

if TYPE_CHECKING:
    from decision_engine.lab.run import LabRequest

JOURNAL_FILE = "journal.sqlite"
"""Where ``build_virtual_engine`` puts it, beside the catalogue."""


async def run_virtual(request: LabRequest, directory: Path) -> dict[str, Any]:
    """Live through the story as fast as the machine can think; the result has the form of a live run's."""
    blueprint = _blueprint(request)
    plant = Plant(blueprint)
    source = PlantSource(plant, STORY_BEGAN_UNIX_SECONDS, LAB_LIMITS.times)
    # Settings and catalogue want addresses; in virtual time nobody listens there.
    stage = Stage(directory, usual_addresses(), blueprint)
    _write_files(stage)
    engine = build_virtual_engine(source, plant, STORY_BEGAN_UNIX_SECONDS, stage.catalog_path, LAB_LIMITS)
    world = VirtualWorld(plant, plant.twin(), source, engine)
    tally, twin = Tally(frozenset(), STORY_BEGAN_UNIX_SECONDS), TwinWatch()
    cameras = CameraWatch({workload.camera: 1.0 / workload.frames_per_second for workload in blueprint.workloads})
    narrator = Narrator(STORY_BEGAN_UNIX_SECONDS)
    async for report in live_through(world, blueprint.duration_seconds):
        twin.look(world.twin)
        for camera, at in plant_results(plant).items():
            cameras.saw(camera, at)
        for event, body in events_of(report):
            tally.take(event, body)
            if not request.json:
                for line in narrator.lines(event, body):
                    print(line, file=sys.stderr)
    await engine.close(STORY_BEGAN_UNIX_SECONDS + blueprint.duration_seconds)
    gaps = [gap for gap in plant.score().longest_gap_seconds.values() if gap is not None]
    result = tally.result(plant.score(), world.twin.score(), max(gaps, default=None), twin.first_crossing)
    if not request.json:
        Console(stderr=request.headless).print(final_summary(result))
    return result


def _blueprint(request: LabRequest) -> PlantBlueprint:
    """The world of the story that was asked for."""
    if request.story:
        return TALES[request.story](request.seed)
    return default_story(request.devices, request.duration_seconds, request.seed, lent_device=False)


def _write_files(stage: Stage) -> None:
    """The catalogue, and settings by which `edgeshift explain` finds the journal."""
    settings = settings_document(stage)
    settings |= {"journal_url": f"sqlite:///{JOURNAL_FILE}", "actuators": {"simulated": settings["actuators"]["simulated"]}}
    for path, document in (
        (stage.catalog_path, fleet_document(stage.blueprint, stage.addresses.device_port)),
        (stage.config_path, settings),
    ):
        path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
