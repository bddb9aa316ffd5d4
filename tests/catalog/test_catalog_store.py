"""The store changes one entry at a time, whole or not at all, and writes down who and why."""

from __future__ import annotations

import fcntl
import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from decision_engine.catalog.document import parse_document
from decision_engine.catalog.store import CatalogError, Change, Put, Remove, YamlCatalogStore
from tests.builders.catalogue import TEXT, device, write_fleet

NOW = 1_700_000_000.0
NEW_DEVICE = Put("devices", device("edge-09", 9))


def store_in(directory: Path, text: str = TEXT) -> YamlCatalogStore:
    """A store on a file with comments."""
    return YamlCatalogStore(write_fleet(directory, text), clock=lambda: NOW)


def lines_of(store: YamlCatalogStore) -> list[dict[str, Any]]:
    """What was written down."""
    return [json.loads(line) for line in store.changes_path.read_text(encoding="utf-8").splitlines()]


def test_a_new_device_is_there_and_the_version_another(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    _, before = store.load()
    version = store.apply(NEW_DEVICE, "kim", "one more gate")
    catalog, after = store.load()
    assert catalog.devices["edge-09"].address == "10.0.0.9:9750"
    assert version == after != before


def test_an_entry_of_the_same_key_is_replaced_where_it_stood(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.apply(Put("devices", device("edge-01", 7)), "kim", "moved")
    catalog, _ = store.load()
    assert list(catalog.devices) == ["edge-01", "edge-02"]
    assert catalog.devices["edge-01"].address == "10.0.0.7:9750"


@pytest.mark.parametrize(
    ("section", "key"),
    [
        pytest.param("workloads", "detector/cam-01/main", id="workload"),
        pytest.param("versions", "detector/01/1.10", id="version"),
        pytest.param("devices", "edge-02", id="device"),
    ],
)
def test_an_entry_is_taken_out_by_its_key(tmp_path: Path, section: str, key: str) -> None:
    store = store_in(tmp_path)
    count = len(getattr(store.load()[0], section))
    store.apply(Remove(section, key), "kim", "gone")
    assert len(getattr(store.load()[0], section)) == count - 1


def test_comments_of_other_sections_stay(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.apply(NEW_DEVICE, "kim", "one more gate")
    text = (tmp_path / "fleet.yaml").read_text(encoding="utf-8")
    kept = ("# our fleet", "# where", "# the gate", "# the machines", "# what they see", "# the only one", "# the end")
    assert [comment for comment in kept if comment not in text] == []
    assert "# by the door" not in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("sites", "{schema: 1, clusters: [], devices: []}", id="flow-style"),
        pytest.param("sites", "schema: 1\nsites: &empty []\nclusters: *empty\n", id="anchor"),
        pytest.param("sites", "schema: 1", id="no-newline-at-the-end"),
        pytest.param("sites", "schema: 1\nsites:\n# nothing yet\nclusters: []\n", id="empty-section"),
        pytest.param(
            "sites", "schema: 1\nsites:\n  - id: a\n    name: >\n      long\n      name\n\n# next\nclusters: []\n", id="folded-text"
        ),
        pytest.param("sites", "schema: 1\r\nsites:\r\n- id: a\r\nclusters: []\r\n", id="windows-lines"),
    ],
)
def test_every_style_of_file_can_be_changed(tmp_path: Path, name: str, text: str) -> None:
    store = store_in(tmp_path, text)
    wanted = [*(parse_document(text, "f").get(name) or []), {"id": "new"}]
    store.apply(Put(name, {"id": "new"}), "kim", "new")
    assert parse_document((tmp_path / "fleet.yaml").read_text(encoding="utf-8"), "f")[name] == wanted


def test_who_why_and_what_are_written_down(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    _, before = store.load()
    version = store.apply(Put("cameras", {"id": "cam-01", "home": "edge-02"}), "kim", "edge-01 leaves")
    assert lines_of(store) == [
        {
            "at": NOW, "who": "kim", "why": "edge-01 leaves", "change": "put", "section": "cameras", "id": "cam-01",
            "before": {"id": "cam-01", "home": "edge-01"}, "after": {"id": "cam-01", "home": "edge-02"},
            "version_before": before, "version": version,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(Put("devices", device("edge-09", 9, cluster="x")), 'devices[2].cluster: "x" is not a cluster', id="wrong-entry"),
        pytest.param(Put("devices", device("edge-09", 1)), '"10.0.0.1:9750" stands already', id="address-taken"),
        pytest.param(Remove("devices", "edge-01"), 'cameras[0].home: "edge-01" is not a device', id="still-used"),
        pytest.param(Remove("devices", "edge-77"), 'devices: "edge-77" is not there', id="not-there"),
        pytest.param(Put("device", {"id": "x"}), 'did you mean "devices"?', id="no-section"),
        pytest.param(Put("sites", {"id": "x", "name": object()}), "may hold text", id="no-plain-value"),
    ],
)
def test_a_wrong_change_changes_nothing(tmp_path: Path, change: Change, said: str) -> None:
    store = store_in(tmp_path)
    with pytest.raises(CatalogError) as caught:
        store.apply(change, "kim", "try")
    assert any(said in line for line in caught.value.errors), caught.value.errors
    assert (tmp_path / "fleet.yaml").read_text(encoding="utf-8") == TEXT
    assert not store.changes_path.exists()


def test_nobody_and_no_reason_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        store_in(tmp_path).apply(NEW_DEVICE, " ", "")
    assert [line.partition(":")[0] for line in caught.value.errors] == ["who", "why"]


def test_mode_is_kept_and_the_old_content_stays_beside(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    path = tmp_path / "fleet.yaml"
    path.chmod(0o640)
    store.apply(NEW_DEVICE, "kim", "one more")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (tmp_path / "fleet.yaml.bak").read_text(encoding="utf-8") == TEXT
    assert [found.name for found in tmp_path.iterdir() if found.name.endswith(".tmp")] == []


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    store_in(real)
    link = tmp_path / "fleet.yaml"
    link.symlink_to(real / "fleet.yaml")
    YamlCatalogStore(link).apply(NEW_DEVICE, "kim", "one more")
    assert link.is_symlink()
    assert "edge-09" in (real / "fleet.yaml").read_text(encoding="utf-8")


def test_while_another_changes_nobody_else_does(tmp_path: Path) -> None:
    store = YamlCatalogStore(write_fleet(tmp_path), lock_within_seconds=0.0)
    with (tmp_path / "fleet.yaml.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CatalogError, match="is being changed by another process"):
            store.apply(NEW_DEVICE, "kim", "one more")
    store.apply(NEW_DEVICE, "kim", "now it goes")


def test_changes_at_the_same_time_all_arrive(tmp_path: Path) -> None:
    path = write_fleet(tmp_path)
    names = [f"site-{number}" for number in range(6)]
    errors: list[BaseException] = []

    def put(name: str) -> None:
        try:
            YamlCatalogStore(path, lock_within_seconds=20.0).apply(Put("sites", {"id": name}), name, "race")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=put, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = YamlCatalogStore(path)
    assert errors == []
    assert set(names) < set(store.load()[0].sites)
    assert {line["who"] for line in lines_of(store)} == set(names)


def test_a_file_that_cannot_be_replaced_is_told_and_taken_back(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    (tmp_path / "fleet.yaml.bak").mkdir()
    (tmp_path / "fleet.yaml.bak" / "fleet.yaml").mkdir()
    with pytest.raises(CatalogError, match="cannot be changed"):
        store.apply(NEW_DEVICE, "kim", "one more")
    assert [line.get("outcome", "") for line in lines_of(store)] == ["", "not written"]
    assert (tmp_path / "fleet.yaml").read_text(encoding="utf-8") == TEXT


def test_what_is_edited_by_hand_is_seen_and_what_is_not_is_not_read_again(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    catalog, version = store.load()
    assert store.load()[0] is catalog
    write_fleet(tmp_path, TEXT.replace("10.0.0.1:9750", "10.0.0.9:9750"))
    assert store.load()[0].devices["edge-01"].address == "10.0.0.9:9750"
    assert store.load()[1] != version
    write_fleet(tmp_path, TEXT.replace("cluster: edges", "cluster: nowhere"))
    with pytest.raises(CatalogError):
        store.load()
    write_fleet(tmp_path, TEXT)
    assert store.load()[1] == version


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"fleet\.yaml cannot be read: No such file"):
        YamlCatalogStore(tmp_path / "fleet.yaml").load()
