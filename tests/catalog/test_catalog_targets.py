"""The targets for Prometheus name each device once, with the two labels that only the catalogue gives."""

from __future__ import annotations

import json
from pathlib import Path

from decision_engine.catalog.reading import catalog_from
from decision_engine.catalog.targets import scrape_targets, write_targets
from tests.builders.catalogue import fleet

CATALOG = catalog_from(fleet(), "fleet.yaml")


def test_one_group_per_device_in_stable_order() -> None:
    turned = fleet()
    turned["devices"].reverse()
    groups = scrape_targets(catalog_from(turned, "fleet.yaml"))
    assert groups == scrape_targets(CATALOG)
    assert groups[0] == {"targets": ["10.0.0.1:9750"], "labels": {"device": "edge-01", "cluster": "edges"}}
    assert [group["labels"]["device"] for group in groups] == ["edge-01", "edge-02", "edge-03"]


def test_the_file_is_what_the_service_would_say_and_strangers_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "targets.json"
    write_targets(CATALOG, path)
    assert json.loads(path.read_text(encoding="utf-8")) == scrape_targets(CATALOG)
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_says_the_same_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "targets.json"
    write_targets(CATALOG, path)
    before = path.stat().st_ino
    write_targets(CATALOG, path)
    assert path.stat().st_ino == before
