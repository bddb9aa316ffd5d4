"""Senders as the field has them, each payload in each of its dialects, against a real bridge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from exporters.workload import publish
from tests.builders.bridge import TOKEN, local, result, usage, weather, weather_v1
from tests.builders.bridge_live import BridgeProcess, running_bridge

pytestmark = pytest.mark.real

CONFIGURATION = """
advertise = "127.0.0.1:{port}"
[[token]]
name = "gate-3"
token_file = "token"
device = "edge-08"
[[source]]
device = "edge-07"
cluster = "farm"
camera = "cam-07"
username = "edge-07"
nid = ["0x01", "0xn1"]
eid = "0x01"
confirmed = true
[[source]]
device = "edge-08"
cluster = "farm"
camera = "cam-08"
[[ai]]
ainame = "FireAI"
package = "fire"
events = {{ "1" = "fire" }}
results = ["0"]
[[ai]]
ainame = "WeatherAI"
package = "weather"
others = "environment"
"""
DONE = {"code": "0000", "message": "처리성공"}
GOOD = {"code": 200, "msg": "GOOD"}
NOW = time.time()
VENDOR_AI = """
import json, sys, time, urllib.request
import xml.etree.ElementTree as ElementTree
vms = ElementTree.parse(sys.argv[1]).getroot().find("vms")
url = "http://%s:%s/%s" % (vms.findtext("IP"), vms.findtext("Port"), vms.findtext("Path"))
body = json.dumps(json.dumps({"code": "0000", "message": "", "username": "edge-07", "cpu": 12.3, "memory": 41.0})).encode()
print(urllib.request.urlopen(urllib.request.Request(url, body), timeout=5).read().decode())
"""


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeProcess]:
    folder = tmp_path_factory.mktemp("bridge")
    (folder / "token").write_text(TOKEN)
    with running_bridge(folder, CONFIGURATION.format(port=6432)) as running:
        yield running


def url(bridge: BridgeProcess, path: str) -> str:
    return f"http://127.0.0.1:{bridge.port}{path}"


def by_urllib(bridge: BridgeProcess, path: str, body: bytes, **headers: str) -> Any:
    """Post with the standard library; without a header it says that the body is a form."""
    request = urllib.request.Request(url(bridge, path), data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200
        return json.loads(answer.read())


def in_dialects(bridge: BridgeProcess, path: str, body: dict[str, Any]) -> list[Any]:
    """The answers to one payload in every way that senders post it."""
    text = json.dumps(body, ensure_ascii=False)
    as_text = {key: str(value) if isinstance(value, float) else value for key, value in body.items()}
    return [
        requests.post(url(bridge, path), json=body, timeout=5).json(),
        requests.post(url(bridge, path), json=text, timeout=5).json(),
        requests.post(url(bridge, path), json=json.dumps(body), timeout=5).json(),
        requests.post(url(bridge, path + "/"), data=text.encode(), timeout=5).json(),
        requests.post(url(bridge, path), json={**body, "extra": [1, {"a": None}]}, timeout=5).json(),
        requests.post(url(bridge, path), json=as_text, timeout=5).json(),
        by_urllib(bridge, path, text.encode()),
        by_urllib(bridge, path, b"\xef\xbb\xbf" + text.encode(), **{"Content-Type": "text/plain"}),
        by_urllib(bridge, path, json.dumps(text).encode(), **{"Content-Type": "application/json; charset=utf-8"}),
        by_urllib(bridge, path, text.encode(), **{"Content-Type": "nonsense"}),
        requests.post(url(bridge, path), data=iter([text.encode()[:10], text.encode()[10:]]), timeout=5).json(),
    ]


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        pytest.param("/usage", usage(), DONE, id="C-03"),
        pytest.param("/usage", usage(func="RAINY02"), DONE, id="C-03 with func"),
        pytest.param("/usage", usage(ai_class="01", version="10"), DONE, id="C-03 with class"),
        pytest.param("/save_edgeData", weather_v1(at=NOW), DONE, id="C-04"),
        pytest.param("/save_edgeData", weather(at=NOW), DONE, id="C-05"),
        pytest.param(
            "/save_edgeData",
            weather(created_at=local("%Y-%m-%dT%H:%M:%S", NOW), res_class="01", res_confidence="0.8"),
            DONE,
            id="C-05 local",
        ),
        pytest.param("/optimize_by_weather", weather(at=NOW, res_class="4"), DONE, id="C-05 to optimise"),
        pytest.param("/result", result(at=NOW), GOOD, id="C-07"),
        pytest.param("/result", result(time=int(local("%Y%m%d%H%M", NOW)), ainame="WeatherAI", class_=3), GOOD, id="C-07 with numbers"),
    ],
)
def test_every_payload_in_each_of_its_dialects(bridge: BridgeProcess, path: str, body: dict[str, Any], answer: dict[str, Any]) -> None:
    assert in_dialects(bridge, path, body) == [answer] * 11


def test_what_was_posted_is_on_the_page(bridge: BridgeProcess) -> None:
    requests.post(url(bridge, "/usage"), json=json.dumps(usage()), timeout=5)
    requests.post(url(bridge, "/save_edgeData"), json=weather(at=NOW, res_class="비"), timeout=5)
    before = bridge.value("ai_events_total", device="edge-07", event="fire", trust="high") or 0
    requests.post(url(bridge, "/result"), json=result(at=NOW), timeout=5)
    assert bridge.value("edge_cpu_usage_ratio", cluster="farm", device="edge-07", trust="high", scope="host") == 0.123
    assert bridge.value("ai_environment_state", camera="cam-07", environment="02", trust="high") == 1
    assert bridge.value("ai_events_total", device="edge-07", event="fire", trust="high") == before + 1


def test_a_sender_without_a_name_but_with_a_token(bridge: BridgeProcess) -> None:
    header = {"Authorization": f"Bearer {TOKEN}"}
    assert requests.post(url(bridge, "/usage"), json=usage(username="root"), headers=header, timeout=5).json() == DONE
    assert requests.post(url(bridge, "/save_edgeData"), json=weather(at=NOW, nid="-"), headers=header, timeout=5).json() == DONE
    assert bridge.value("edge_cpu_usage_ratio", device="edge-08", trust="high") == 0.123
    assert bridge.value("ai_environment_state", camera="cam-08", environment="04") == 1
    assert requests.post(url(bridge, "/usage"), json=usage(), headers={"Authorization": "Bearer wrong"}, timeout=5).json()["code"] == "0005"


def test_a_vendors_program_that_reads_edgeconfig_and_posts_there(bridge: BridgeProcess, tmp_path: Path) -> None:
    xml = bridge.ask("/edgeconfig.xml")[1].replace("6432", str(bridge.port))
    assert ElementTree.fromstring(xml).findtext("vms/Path") == "usage"
    assert bridge.ask("/edgeconfig.env/")[1] == "VMS_URL=127.0.0.1\nVMS_PORT=6432\n"
    (tmp_path / "edgeconfig.xml").write_text(xml)
    said = subprocess.run([sys.executable, "-c", VENDOR_AI, str(tmp_path / "edgeconfig.xml")], capture_output=True, timeout=20, check=True)
    assert json.loads(said.stdout) == DONE


def test_our_own_publisher_over_http(bridge: BridgeProcess) -> None:
    def post(datagram: bytes) -> None:
        assert by_urllib(bridge, "/observations", datagram) == DONE

    placement = f"yolo/cam-07/main@edge-07#{os.getpid()}"
    options = publish.Options(heartbeat=False, send=post, interval_seconds=0.0)
    publisher = publish.Publisher("yolo/cam-07/main", placement, "01", "1.2", events=("fall",), options=options)
    publisher.frame()
    publisher.result(0.02, 0.9)
    publisher.event("fall", 0.8)
    publisher.flush()
    assert bridge.value("ai_frames_total", placement=placement, device="edge-07", cluster="farm") == 1
    assert bridge.value("ai_events_total", placement=placement, event="fall") == 1
    publisher.close()


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/usage", b"not json", "0010"),
        ("/usage", b'{"username":"edge-07"}', "0015"),
        ("/usage", b'{"username":"root","cpu":1,"memory":1}', "0004"),
        ("/usage", b"x" * 70_000, "0016"),
        ("/save_edgeData", b'{"nid":"0x01","date":"x","time":"1","result":"4"}', "0018"),
        ("/optimize_by_version", b'{"aid":"1","filename":"f","version":"2","ai_class":"01"}', "9999"),
        ("/nowhere", b"{}", "0012"),
        ("/result", b"{}", 400),
        ("/result", b'{"eid":"0x77"}', 404),
    ],
)
def test_mistakes_are_answered_in_the_paths_own_style(bridge: BridgeProcess, path: str, body: bytes, code: object) -> None:
    status, text = bridge.ask(path, body)
    assert (status, json.loads(text)["code"]) == (200, code)


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [("/observations", b"not json", 400, "not_json"), ("/metrics", b"{}", 405, "wrong_method"), ("/sources", b"{}", 405, "wrong_method")],
)
def test_what_no_older_system_asks_for_is_refused_as_http_does(
    bridge: BridgeProcess, path: str, body: bytes, status: int, reason: str
) -> None:
    answered, text = bridge.ask(path, body)
    assert (answered, json.loads(text)["reason"]) == (status, reason)


def test_the_wrong_method_and_a_compressed_body(bridge: BridgeProcess) -> None:
    assert requests.get(url(bridge, "/usage"), timeout=5).json()["code"] == "0013"
    assert requests.put(url(bridge, "/result"), timeout=5).json()["code"] == 405
    header = {"Content-Encoding": "gzip"}
    assert requests.post(url(bridge, "/usage"), data=b"\x1f\x8b", headers=header, timeout=5).json()["code"] == "0013"
    assert requests.head(url(bridge, "/metrics"), timeout=5).status_code == 200
    assert bridge.ask("/healthz") == (200, "ok\n")


def test_sources_lists_who_sends_what_and_what_was_refused(bridge: BridgeProcess) -> None:
    requests.post(url(bridge, "/usage"), json=usage(), timeout=5)
    requests.post(url(bridge, "/usage"), json=usage(username="EdgeCCTV99"), timeout=5)
    page = requests.get(url(bridge, "/sources"), timeout=5).json()
    senders = {one["sender"]: one for one in page["senders"]}
    assert senders["username edge-07"]["device"] == "edge-07"
    assert senders["username edge-07"]["paths"]["/usage"]["posts"] > 0
    assert senders["username EdgeCCTV99"]["mapped"] is False
    assert page["refused"][0]["reason"] == "unmapped" and "EdgeCCTV99" in page["refused"][0]["detail"]
    assert "Traceback" not in bridge.said
