"""A catalogue is read whole, or every mistake in it is told at once with its path."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_engine.catalog.reading import SECTIONS, CatalogError, catalog_from, digest
from decision_engine.catalog.rules import why_bad_address, why_bad_id
from tests.builders.catalogue import changed_fleet, device, fleet
from tests.builders.tables import in_one_test


def errors_of(document: dict[str, Any]) -> list[str]:
    """Every mistake in a document."""
    try:
        catalog_from(document, "fleet.yaml")
    except CatalogError as error:
        return list(error.errors)
    return []


def test_a_right_catalogue_has_every_table() -> None:
    catalog = catalog_from(fleet(), "fleet.yaml")
    assert {section: len(getattr(catalog, section)) for section in SECTIONS} == {
        "sites": 1, "clusters": 1, "devices": 3, "cameras": 2, "packages": 1, "versions": 1, "workloads": 2,
    }  # fmt: skip
    assert catalog.devices["edge-01"].aliases == ("0x01",)
    assert catalog.versions["detector", "01", "1.10"].artefact == "registry.example/detector:1.10"
    assert catalog.workloads["detector/cam-02/main"].pin


def test_sections_may_be_empty_or_left_out() -> None:
    assert catalog_from({"schema": 1, "sites": None, "devices": []}, "fleet.yaml").devices == {}


CASES = [
    pytest.param("sites", 0, {"id": "North"}, 'sites[0].id: "North" is not an id', id="capital"),
    pytest.param("packages", 0, {"id": "a/b"}, 'packages[0].id: "a/b" is not an id', id="slash"),
    pytest.param("cameras", 0, {"id": "a@b"}, 'cameras[0].id: "a@b" is not an id', id="at"),
    pytest.param("devices", 2, {"id": "a#b"}, 'devices[2].id: "a#b" is not an id', id="hash"),
    pytest.param("devices", 2, {"id": "a\n"}, 'devices[2].id: "a\\n" is not an id', id="newline"),
    pytest.param("devices", 2, {"id": "a" * 64}, "is longer than 63 characters", id="long"),
    pytest.param("devices", 2, {"cluster": "x"}, 'devices[2].cluster: "x" is not a cluster', id="cluster"),
    pytest.param("devices", 2, {"site": "x"}, 'devices[2].site: "x" is not a site', id="site"),
    pytest.param("clusters", 0, {"site": "x"}, 'clusters[0].site: "x" is not a site', id="cluster-site"),
    pytest.param("cameras", 0, {"home": "x"}, 'cameras[0].home: "x" is not a device', id="camera-home"),
    pytest.param("cameras", 0, {"home": ""}, 'cameras[0].home: "" is not a device', id="no-home"),
    pytest.param("cameras", 1, {"reachable_from": ["edge-02", "x"]}, 'cameras[1].reachable_from[1]: "x" is not a device', id="reachable"),
    pytest.param("packages", 0, {"precise_for": "x"}, 'packages[0].precise_for: "x" is not a package', id="precise-for"),
    pytest.param("versions", 0, {"package": "x"}, 'versions[0].package: "x" is not a package', id="version-package"),
    pytest.param("workloads", 0, {"package": "x"}, 'workloads[0].package: "x" is not a package', id="workload-package"),
    pytest.param("workloads", 0, {"camera": "x"}, 'workloads[0].camera: "x" is not a camera', id="workload-camera"),
    pytest.param("workloads", 0, {"home": "x"}, 'workloads[0].home: "x" is not a device', id="workload-home"),
    pytest.param("workloads", 0, {"version": "2"}, '"2" is not a version of detector for class 01', id="pinned-version"),
    pytest.param("workloads", 1, {"home": "edge-03"}, 'workloads[1].home: "edge-03" is not in reachable_from', id="unreachable-home"),
    pytest.param("devices", 2, {"address": "10.0.0.9"}, "is not host:port", id="no-port"),
    pytest.param("devices", 2, {"address": "http://10.0.0.9:1"}, "without a scheme", id="scheme"),
    pytest.param("devices", 2, {"address": "10.0.0.1:9750"}, '"10.0.0.1:9750" stands already at devices[0].address', id="address-twice"),
    pytest.param("devices", 2, {"node": "node-2"}, '"node-2" stands already at devices[1].node', id="node-twice"),
    pytest.param("devices", 2, {"id": "edge-01"}, '"edge-01" stands already at devices[0].id', id="id-twice"),
    pytest.param("devices", 2, {"aliases": ["0x01"]}, 'aliases[0]: "0x01" stands already at devices[0].aliases[0]', id="alias-twice"),
    pytest.param("devices", 2, {"aliases": ["edge-02"]}, '"edge-02" stands already at devices[1].id', id="alias-is-an-id"),
    pytest.param("devices", 2, {"aliases": [" x"]}, 'devices[2].aliases[0]: " x" is not an alias', id="alias-with-space"),
    pytest.param("devices", 2, {"cores": 0}, "devices[2].cores: must be above 0 cores, not 0", id="cores"),
    pytest.param("devices", 2, {"cores": float("inf")}, "devices[2].cores: must be a finite number", id="infinite"),
    pytest.param("devices", 2, {"memory_bytes": "16"}, 'devices[2].memory_bytes: must be a number, not "16"', id="number-as-text"),
    pytest.param("devices", 2, {"gpu": 1}, "devices[2].gpu: must be true or false, not 1", id="flag"),
    pytest.param("devices", 2, {"lent_cores": 9}, "at most the device's 8 cores, not 9", id="lent"),
    pytest.param("devices", 2, {"latitude": 37.5}, "devices[2].latitude: must be given together with longitude", id="half-a-place"),
    pytest.param("devices", 2, {"latitude": 91, "longitude": 0}, "from -90 to 90 degrees, not 91", id="latitude"),
    pytest.param("devices", 2, {"role": "edg"}, "did you mean \"edge\"?", id="role"),
    pytest.param("devices", 2, {"memory_gib": 16}, 'devices[2].memory_gib: is not known; did you mean "memory_bytes"?', id="unknown-key"),
    pytest.param("devices", 2, {"cluster": ...}, "devices[2].cluster: is missing", id="missing"),
    pytest.param("versions", 0, {"environment_class": 1}, 'must be text, not 1; write it in quotes, as in "01"', id="bare-class"),
    pytest.param("versions", 0, {"environment_class": "1"}, '"1" is not a class: two digits in quotes', id="one-digit"),
    pytest.param("versions", 0, {"version": 1.1}, "versions[0].version: must be text, not 1.1; write it in quotes", id="bare-version"),
    pytest.param("versions", 0, {"version": "1/2"}, "is not a version", id="slash-in-version"),
    pytest.param("versions", 0, {"gpu_ratio": 25}, "versions[0].gpu_ratio: must be a ratio from 0 to 1, not 25", id="percent"),
    pytest.param("versions", 0, {"cpu_cores": -1}, "versions[0].cpu_cores: must be at least 0", id="negative-cost"),
    pytest.param("versions", 0, {"artefact": "http://u:p@x/y"}, "artefact: must not hold a user or password", id="artefact-password"),
    pytest.param("versions", 0, {"architectures": []}, "versions[0].architectures: must name at least one", id="architectures"),
    pytest.param("workloads", 0, {"purpose": "mian"}, "did you mean \"main\"?", id="purpose"),
    pytest.param("workloads", 1, {"camera": "cam-01"}, '"detector/cam-01/main" stands already at workloads[0]', id="twice"),
]  # fmt: skip


@in_one_test(("section", "index", "fields", "said"), CASES)
def test_one_mistake_is_told_with_its_path(section: str, index: int, fields: dict[str, Any], said: str) -> None:
    errors = errors_of(changed_fleet(section, index, **fields))
    assert any(said in line for line in errors), errors
    assert all("\n" not in line for line in errors)


@pytest.mark.parametrize("url", ["rtsp://admin:hunter2@10.0.0.9/1", "admin:hunter2@10.0.0.9", "hunter2 x"])
def test_a_cameras_url_is_refused_and_never_repeated(url: str) -> None:
    errors = errors_of(changed_fleet("cameras", 0, url_secret=url))
    assert errors == ["cameras[0].url_secret: must be the name under which the camera's URL is kept as a secret, never the URL itself"]


def test_every_mistake_is_told_at_once_and_once() -> None:
    document = fleet()
    document["devices"][1] |= {"cores": "many", "cluster": "x", "lent_cors": 2}
    document["devices"].append(device("edge-01", 1))
    document["packages"] = "detector"
    document["workload"] = []
    assert errors_of(document) == [
        'devices[1].cores: must be a number, not "many"',
        'devices[1].lent_cors: is not known; did you mean "lent_cores"?',
        'packages: must be a list, not "detector"',
        'workload: is not known; did you mean "workloads"?',
        'devices[1].cluster: "x" is not a cluster',
        'versions[0].package: "detector" is not a package',
        'workloads[0].package: "detector" is not a package',
        'workloads[1].package: "detector" is not a package',
        'devices[3].id: "edge-01" stands already at devices[0].id',
        'devices[3].address: "10.0.0.1:9750" stands already at devices[0].address',
    ]


def test_a_broken_device_is_not_reported_again_where_it_is_named() -> None:
    document = changed_fleet("devices", 0, cores="many")
    assert errors_of(document) == ['devices[0].cores: must be a number, not "many"']


@pytest.mark.parametrize("schema", [2, "1", None])
def test_another_schema_is_refused(schema: object) -> None:
    assert any(line.startswith("schema: ") for line in errors_of({**fleet(), "schema": schema}))


@given(
    st.sampled_from(list(SECTIONS)),
    st.none() | st.integers() | st.text() | st.lists(st.none() | st.integers() | st.text() | st.lists(st.text())),
)
def test_whatever_stands_in_a_section_no_traceback_comes(section: str, value: object) -> None:
    errors = errors_of({**fleet(), section: value})
    assert errors or not value


@given(st.randoms(use_true_random=False))
def test_the_version_is_of_what_is_said_not_of_its_order(chance: random.Random) -> None:
    document = fleet()
    for section in SECTIONS:
        chance.shuffle(document[section])
    document["devices"] = [dict(chance.sample(list(row.items()), len(row))) for row in document["devices"]]
    assert digest(catalog_from(document, "f")) == digest(catalog_from(fleet(), "f"))


def test_the_version_tells_a_change_and_not_a_default_written_out() -> None:
    before = digest(catalog_from(fleet(), "f"))
    assert digest(catalog_from(changed_fleet("workloads", 0, purpose="main"), "f")) == before
    assert digest(catalog_from(changed_fleet("workloads", 0, pin=True), "f")) != before


@given(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True))
def test_ids_of_allowed_characters_are_ids(text: str) -> None:
    assert why_bad_id(text) == ""


@given(st.text())
def test_no_id_has_what_names_are_made_of(text: str) -> None:
    assert why_bad_id(text) or not set(text) & set("/@# \n\t")


@pytest.mark.parametrize("address", ["10.0.0.1:9750", "edge-01.local:1", "[::1]:65535", "edge_1:9"])
def test_addresses_that_are_right(address: str) -> None:
    assert why_bad_address(address) == ""


@pytest.mark.parametrize("address", ["", ":9750", "a:", "a:0", "a:65536", "a:١", "a b:1", "u@a:1", "::1:9", "a/b:1", "a:1\n", "-a:1"])
def test_addresses_that_are_wrong(address: str) -> None:
    assert why_bad_address(address) != ""
