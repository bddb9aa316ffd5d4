"""Emulated boards in the lab's catalogue: devices of their own, each with its address, and no place for any AI program."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from decision_engine.catalog.fit import Unfit, fits
from decision_engine.catalog.store import YamlCatalogStore
from decision_engine.cli import app
from decision_engine.evaluation.fleet import fleet_document
from decision_engine.lab.addresses import usual_addresses
from decision_engine.lab.emulated import BOARDS, CLUSTER, emulated_edges, with_emulated
from decision_engine.lab.stage import Stage, this_machine, write_files
from exporters.emulated.boards import load, names
from exporters.emulated.layout import layout_of
from exporters.simulated.stories import default_story, loopback

STORY = default_story(3, 60.0, 1, lent_device=True)
USAGE = 2
MACHINES = len(STORY.devices)


def stage(directory: Path, count: int) -> Stage:
    return Stage(directory, usual_addresses(), STORY, emulated_edges(count, MACHINES + 1))


def test_without_the_option_the_catalogue_is_what_it_was(tmp_path: Path) -> None:
    plain = stage(tmp_path, 0)
    write_files(plain)
    written = yaml.safe_load(plain.catalog_path.read_text(encoding="utf-8"))
    assert written == fleet_document(STORY, plain.addresses.device_port, this_machine(plain.host_address))


def test_each_board_is_a_device_with_an_address_that_nobody_else_has(tmp_path: Path) -> None:
    lab = stage(tmp_path, 9)
    write_files(lab)
    catalog, _ = YamlCatalogStore(lab.catalog_path).load()
    boards = [device for device in catalog.devices.values() if device.cluster == CLUSTER]
    assert [device.id for device in boards] == [f"emu-{number:02d}" for number in range(1, 10)]
    assert len({device.address for device in catalog.devices.values()}) == len(catalog.devices)
    assert boards[0].address.startswith(loopback(MACHINES + 1))
    assert (boards[0].kind, boards[0].cores, boards[7].kind) == ("orin-nx", 8.0, "orin-nx")
    targets = (tmp_path / "targets.json").read_text(encoding="utf-8")
    assert all(device.address in targets for device in boards)


def test_no_ai_program_fits_an_emulated_board(tmp_path: Path) -> None:
    lab = stage(tmp_path, 2)
    write_files(lab)
    catalog, _ = YamlCatalogStore(lab.catalog_path).load()
    (version,) = catalog.versions.values()
    assert all(fits(version, catalog.devices[id_]) == Unfit("other_architecture") for id_ in ("emu-01", "emu-02"))


def test_no_emulated_edges_leave_the_document_alone() -> None:
    document = fleet_document(STORY, 9750)
    assert with_emulated(document, (), 9750) is document


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_of_the_lab_is_constructed_and_tells_its_gpu_load(board: str) -> None:
    assert board in names()
    assert layout_of(load(board).files).gpu_loads


def test_virtual_time_has_no_real_exporters() -> None:
    told = CliRunner().invoke(app, ["lab", "--virtual", "--emulated", "1"])
    assert told.exit_code == USAGE
    assert "--emulated starts real processes" in " ".join(told.output.split())
