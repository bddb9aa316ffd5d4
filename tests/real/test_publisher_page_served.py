"""A program's own port, over real HTTP: Prometheus can read it, promtool is content, and whoever hangs on is sent away."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import time

import pytest

from exporters.workload.publish import Options, Publisher
from tests.builders.exporters import PLACEMENT, WORKLOAD

# From Python 3.12 on a fork beside a thread warns; that a child begins with locks of its own is what is tested here.
pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")]


def serving(where: int | str = "127.0.0.1:0") -> tuple[Publisher, int]:
    """A publisher with a page of its own on a free port."""
    publisher = Publisher(WORKLOAD, PLACEMENT, "01", "1", options=Options(send=lambda data: None), events=("fire",), metrics_port=where)
    assert publisher._page is not None
    return publisher, publisher._page.port


def read(port: int, path: str = "/metrics") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], text


def test_a_page_on_loopback_that_ends_with_the_publisher() -> None:
    publisher, port = serving()
    publisher.batch((0.5, None), 0.1, stream="gate")
    status, kind, text = read(port)
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert f'ai_results_total{{workload="{WORKLOAD}",placement="{PLACEMENT}",class="01",version="1"}} 2.0' in text
    publisher.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        time.sleep(0.05)
    raise AssertionError("the port is still open")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_is_content() -> None:
    with serving()[0] as publisher:
        assert publisher._page is not None
        publisher.frame(stream="gate")
        publisher.result(0.1, 0.5, stream="gate")
        publisher.environment("01", 0.9)
        publisher.event("fire", 0.9)
        text = read(publisher._page.port)[2]
    checked = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, timeout=20, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_a_silent_visitor_is_sent_away_and_a_busy_port_is_only_said() -> None:
    publisher, port = serving()
    with socket.create_connection(("127.0.0.1", port)):
        assert read(port)[0] == 200  # after two seconds
    with pytest.warns(UserWarning, match=f"cannot serve /metrics at 127.0.0.1:{port}"):
        Publisher(WORKLOAD, PLACEMENT, options=Options(send=lambda data: None), metrics_port=f"127.0.0.1:{port}").close()
    publisher.close()


def test_a_forked_child_does_not_hold_its_parents_port() -> None:
    publisher, port = serving()
    gone, door = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(door)
        os.read(gone, 1)  # until the parent has closed
        os._exit(0)
    os.close(gone)
    assert read(port)[0] == 200
    publisher.close()
    deadline = time.monotonic() + 10
    free = False
    while not free and time.monotonic() < deadline:
        with socket.socket() as probe:
            free = probe.connect_ex(("127.0.0.1", port)) != 0
        time.sleep(0.05)
    os.close(door)
    os.waitpid(child, 0)
    assert free
