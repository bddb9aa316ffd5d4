"""The written past: OpenMetrics that parses, family by family, and goes over into what is scraped without a jump."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from exporters.contract import BY_NAME
from exporters.simulated.backfill import write_backfill
from exporters.simulated.page import device_page
from tests.builders.plant import UNIX_OFFSET_SECONDS, small_plant

ADDED = ("device", "cluster", "job", "instance")
LABELS = {
    device: dict(zip(ADDED, (device, "lab", "edge", f"{address}:9750"), strict=True))
    for device, address in (("edge-01", "127.77.9.1"), ("edge-02", "127.77.9.2"), ("edge-03", "127.77.9.3"))
}
Series = dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[float, float]]]


def written(path: Path) -> Series:
    found: Series = defaultdict(list)
    for family in openmetrics_families(path.read_text(encoding="utf-8")):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            found[sample.name, frozenset(sample.labels.items())].append((float(sample.timestamp), sample.value))
    return found


def test_the_past_is_every_five_seconds_and_only_of_the_devices_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "past.txt"
    samples = write_backfill(small_plant(), path, UNIX_OFFSET_SECONDS, LABELS)
    series = written(path)
    assert sum(len(points) for points in series.values()) == samples == 120 * (3 + 3 + 2 + 2 + 2)
    for (name, labels), points in series.items():
        assert {label for label, _ in labels} == {*ADDED, *BY_NAME[name].labels}
        assert dict(labels)["device"] in LABELS
        assert [at for at, _ in points] == [UNIX_OFFSET_SECONDS - 600.0 + 5.0 * step for step in range(120)]
    assert path.read_text(encoding="utf-8").endswith("# EOF\n")


def test_the_past_goes_over_into_the_scraped_present(tmp_path: Path) -> None:
    path, plant = tmp_path / "past.txt", small_plant()
    write_backfill(plant, path, UNIX_OFFSET_SECONDS, LABELS)
    page = device_page(plant, "edge-01", UNIX_OFFSET_SECONDS)
    now = {
        (sample.name, frozenset({**sample.labels, **LABELS["edge-01"]}.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    mine = {key: points for key, points in written(path).items() if dict(key[1])["device"] == "edge-01"}
    assert len(mine) == 5
    for key, points in mine.items():
        step = 0.8 * 5.0 if key[0].endswith("_total") else 0.0
        assert now[key] - points[-1][1] == pytest.approx(step, abs=0.05), key[0]


def test_the_past_is_the_plants_own_with_its_overloads(tmp_path: Path) -> None:
    path, plant = tmp_path / "past.txt", small_plant(history_seconds=3000.0)
    write_backfill(plant, path, UNIX_OFFSET_SECONDS, LABELS, step_seconds=30.0)
    cpu = {dict(labels)["device"]: points for (name, labels), points in written(path).items() if name == "edge_cpu_usage_ratio"}
    total = plant.inputs.curves.background[: plant.inputs.curves.history_ticks : 60, 1, 0] + 0.1
    assert np.allclose([value for _, value in cpu["edge-02"]], np.minimum(total, 1.0), atol=1e-6)
    assert max(value for _, value in cpu["edge-02"]) > 0.85


@pytest.mark.parametrize(
    ("labels", "step", "says"), [({"edge-99": {}}, 5.0, "edge-99"), (LABELS, 0.0, "step")], ids=["stranger", "no step"]
)
def test_an_impossible_past_is_refused(tmp_path: Path, labels: dict[str, dict[str, str]], step: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        write_backfill(small_plant(), tmp_path / "past.txt", UNIX_OFFSET_SECONDS, labels, step)
    assert not (tmp_path / "past.txt").exists()
