"""The imaginary fleet on real loopback sockets: scrape targets, the control port, and files that promtool believes."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from actuators.api import Action, ActuatorUnreachable, Outcome, Verb
from actuators.simulated import RemoteActuator
from actuators.testing import CHECKS, Check
from exporters.simulated.backfill import write_backfill
from exporters.simulated.blueprint import PlantDevice
from exporters.simulated.control import Control, serve_control
from exporters.simulated.live import LivePlant
from exporters.simulated.page import device_page
from exporters.simulated.plant import Plant
from exporters.simulated.stories import default_story
from exporters.simulated.targets import serve_targets
from tests.builders.live_plant import Clock, RemoteRuntime, World
from tests.builders.plant import CAM_1, UNIX_OFFSET_SECONDS, small_blueprint, small_plant

GUEST = f"{CAM_1}@edge-02#2"
PROMTOOL = shutil.which("promtool") or ""
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed; scripts/tools.sh installs it")


async def answer(response: aiohttp.ClientResponse) -> tuple[int, Any]:
    return response.status, json.loads(await response.text())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_remote_actuator_passes_the_suite_of_all_actuators(check: Check) -> None:
    world = World()

    async def use(_: LivePlant, control: Control, __: aiohttp.ClientSession) -> None:
        await check(RemoteRuntime(control.url, world.clock))

    world.run(use)


def test_each_device_answers_at_its_own_address_and_a_silent_one_hangs_up() -> None:
    world = World()

    async def use(live: LivePlant, control: Control, session: aiohttp.ClientSession) -> None:
        targets = await serve_targets(live, 0)
        try:
            assert len({address.rpartition(":")[2] for address in targets.addresses.values()}) == 1
            pages = {}
            for device, address in targets.addresses.items():
                async with session.get(f"http://{address}/metrics") as response:
                    assert response.status == 200
                    pages[device] = await response.text()
            assert pages == {device: device_page(live.plant, device, UNIX_OFFSET_SECONDS) for device in live.plant.device_ids}
            assert len(set(pages.values())) == 4
            async with session.post(f"{control.url}/fault", json={"kind": "silent", "subject": "edge-01", "for_seconds": 10.0}) as response:
                assert response.status == 200
            for device, address in targets.addresses.items():
                heard = await hears(session, address)
                assert heard is (device != "edge-01")
            world.clock.now += 11.0
            assert await hears(session, targets.addresses["edge-01"])
        finally:
            await targets.close()

    world.run(use)


async def hears(session: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with session.get(f"http://{address}/metrics") as response:
            return bool(await response.text())
    except aiohttp.ClientConnectionError:
        return False


def test_a_taken_port_is_said_in_a_sentence_and_nothing_is_left_listening() -> None:
    async def use(live: LivePlant, _: Control, __: aiohttp.ClientSession) -> None:
        with socket.socket() as taken:
            taken.bind(("127.77.9.2", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(OSError, match=f"Port {port} is taken on 127.77.9.2; choose another"):
                await serve_targets(live, port)
            with socket.socket() as first:
                assert first.connect_ex(("127.77.9.1", port)) != 0

    World().run(use)


def test_neither_targets_nor_control_listen_beyond_this_machine() -> None:
    devices = (PlantDevice("edge-01", "0.0.0.0"), *small_blueprint().devices[1:])
    live = LivePlant(Plant(replace(small_blueprint(), devices=devices)), UNIX_OFFSET_SECONDS, Clock())
    with pytest.raises(ValueError, match="loopback"):
        asyncio.run(serve_targets(live, 0))
    for host in ("0.0.0.0", "198.51.100.7", "example.org"):
        with pytest.raises(ValueError, match="loopback"):
            asyncio.run(serve_control(live, host, 0))


def test_the_control_port_moves_a_workload_and_tells_the_account() -> None:
    world = World()

    async def use(live: LivePlant, control: Control, session: aiohttp.ClientSession) -> None:
        async with session.post(f"{control.url}/apply", json={"verb": "start", "placement": GUEST}) as response:
            assert await answer(response) == (200, {"outcome": "accepted", "detail": ""})
        async with session.post(f"{control.url}/apply", json={"verb": "start", "placement": "nonsense"}) as response:
            status, refusal = await answer(response)
            assert (status, refusal["outcome"]) == (200, "refused")
        world.clock.now += 10.0
        async with session.get(f"{control.url}/placements") as response:
            _, listed = await answer(response)
        phases = {row["placement"]: (row["phase"], row["since"]) for row in listed["placements"]}
        assert phases[GUEST][0] == "ready"
        assert UNIX_OFFSET_SECONDS < phases[GUEST][1] < world.clock.now
        async with session.get(f"{control.url}/state") as response:
            _, state = await answer(response)
        assert state["story_seconds"] == pytest.approx(10.0)
        assert state["plant"]["longest_gap_seconds"] == {"cam-01": 0.0, "cam-02": 0.0}
        assert state["plant"]["devices"]["edge-03"]["gpu_ratio"] is None
        assert state["plant"]["devices"]["edge-02"]["cpu_ratio"] > state["twin"]["devices"]["edge-02"]["cpu_ratio"] + 0.05

    world.run(use)


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "says"),
    [
        ("/apply", b"{", "application/json", 400, "not JSON"),
        ("/apply", b"[" * 10_000, "application/json", 400, "not JSON"),
        ("/apply", b"\xff", "application/json", 400, "not JSON"),
        ("/apply", b"[]", "application/json", 400, "object"),
        ("/apply", b'{"verb":"start"}', "application/json", 400, "placement"),
        ("/apply", b'{"verb":"start","placement":7}', "application/json", 400, "placement"),
        ("/apply", b'{"verb":"start","placement":"\\ud800"}', "application/json", 400, "placement"),
        ("/apply", b'{"verb":"start","placement":"x","color":"red"}', "application/json", 400, "color"),
        ("/apply", b'{"verb":"start","placement":"x"}', "text/plain", 415, "application/json"),
        ("/apply", b'"' + b"x" * 20_000 + b'"', "application/json", 413, ""),
        ("/fault", b'{"kind":"silent","subject":"edge-99"}', "application/json", 400, "edge-99"),
        ("/fault", b'{"kind":"earthquake","subject":"edge-01"}', "application/json", 400, "earthquake"),
        ("/fault", b'{"kind":"silent","subject":"edge-01","for_seconds":NaN}', "application/json", 400, "for_seconds"),
        ("/fault", b'{"kind":"silent","subject":"edge-01","for_seconds":1' + b"0" * 400 + b"}", "application/json", 400, "for_seconds"),
        ("/fault", b'{"kind":"silent","subject":"edge-01","for_seconds":true}', "application/json", 400, "for_seconds"),
        ("/fault", b'{"kind":"silent","subject":"edge-01","for_seconds":0}', "application/json", 400, "before it begins"),
        ("/nowhere", b"{}", "application/json", 404, ""),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(path: str, body: bytes, kind: str, status: int, says: str) -> None:
    async def use(live: LivePlant, control: Control, session: aiohttp.ClientSession) -> None:
        async with session.post(control.url + path, data=body, headers={"Content-Type": kind}) as response:
            text = await response.text()
            assert (response.status, says in text) == (status, True), text
        assert len(live.plant.placements()) == 2
        assert live.plant.inputs.faults == []

    World().run(use)


def test_a_name_that_a_stranger_made_point_here_is_turned_away() -> None:
    async def use(_: LivePlant, control: Control, session: aiohttp.ClientSession) -> None:
        async with session.get(f"{control.url}/state", headers={"Host": "rebound.example:80"}) as response:
            assert response.status == 403

    World().run(use)


async def unreachable(url: str) -> str:
    """The sentence with which both questions to this address fail."""
    actuator = RemoteActuator(url, time_limit_seconds=0.3)
    try:
        with pytest.raises(ActuatorUnreachable):
            await actuator.placements()
        with pytest.raises(ActuatorUnreachable) as failure:
            await actuator.act(Action("a", Verb.START, GUEST, CAM_1, "edge-02"))
        return str(failure.value)
    finally:
        await actuator.close()


def test_a_plant_that_is_gone_or_hangs_is_unreachable_within_the_time_limit() -> None:
    async def both() -> tuple[str, str]:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            gone = await unreachable(f"http://127.0.0.1:{nobody.getsockname()[1]}")
            nobody.listen()
            return gone, await unreachable(f"http://127.0.0.1:{nobody.getsockname()[1]}")

    began = time.monotonic()
    gone, hangs = asyncio.run(both())
    assert "cannot be reached" in gone
    assert "within 0.3 s" in hangs
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [(200, "<html>", "like a plant"), (200, "[]", "like a plant"), (200, '{"placements":[{}]}', "like a plant"), (503, "{}", "503")],
)
def test_whoever_does_not_speak_like_a_plant_is_unreachable(status: int, body: str, says: str) -> None:
    async def nonsense(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    async def ask() -> str:
        application = web.Application()
        application.router.add_route("*", "/{path}", nonsense)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return await unreachable(f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()

    assert says in asyncio.run(ask())


def test_what_the_control_port_cannot_take_is_a_refusal_and_not_an_outage() -> None:
    async def use(_: LivePlant, control: Control, __: aiohttp.ClientSession) -> None:
        actuator = RemoteActuator(control.url)
        receipt = await actuator.act(Action("a", Verb.START, GUEST, CAM_1, "edge-02", version="1\n2"))
        await actuator.close()
        assert receipt.outcome is Outcome.REFUSED
        assert "version" in receipt.detail

    World().run(use)


@needs_promtool
def test_promtool_finds_nothing_to_say_about_the_pages() -> None:
    plant = small_plant()
    plant.apply("start", GUEST)
    plant.advance(10.0)
    for device in plant.device_ids:
        page = device_page(plant, device, UNIX_OFFSET_SECONDS)
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=page, capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_promtool
def test_two_hours_of_eight_devices_become_blocks(tmp_path: Path) -> None:
    plant = Plant(default_story(8, 120.0, 1, lent_device=False))
    labels = {device: {"device": device, "cluster": "lab", "job": "edge", "instance": f"{device}:9750"} for device in plant.device_ids}
    began = time.monotonic()
    samples = write_backfill(plant, tmp_path / "past.txt", UNIX_OFFSET_SECONDS, labels)
    assert time.monotonic() - began < 4.0
    command = [PROMTOOL, "tsdb", "create-blocks-from", "openmetrics", str(tmp_path / "past.txt"), str(tmp_path / "blocks")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "blocks" / "wal").mkdir()  # dump wants a whole database, which a Prometheus started on the blocks would make
    dump = subprocess.run([PROMTOOL, "tsdb", "dump", str(tmp_path / "blocks")], capture_output=True, text=True, timeout=60, check=False)
    assert dump.stdout.count("\n") == samples
