"""Reloading the catalogue: whole or not at all, between two cycles, and with every mistake named."""

from __future__ import annotations

import asyncio
import copy

from tests.builders.service import Client, Story, body_of, served, until

RELOAD = "/api/v1/catalog/reload"


def test_a_new_device_is_watched_from_the_next_cycle_on(story: Story) -> None:
    async def use(client: Client) -> None:
        await story.live(2.0)
        before = story.engine.catalog_version
        changed = copy.deepcopy(story.document)
        changed["devices"].append({**changed["devices"][0], "id": "edge-99", "address": "127.77.9.9:9750"})
        story.write_catalog(changed)
        version = (await body_of(await client.post(RELOAD)))["catalog_version"]
        assert version == story.engine.catalog_version != before
        targets = await body_of(await client.get("/api/v1/targets"))
        assert "edge-99" in [group["labels"]["device"] for group in targets]
        await story.live(1.0)
        fleet = await body_of(await client.get("/api/v1/fleet"))
        new = next(device for device in fleet["devices"] if device["id"] == "edge-99")
        assert new["load"]["cpu"] == {"ratio": None, "at": None, "quality": "absent", "limit_ratio": 0.85, "over_seconds": 0.0}

    served(story, use)


def test_a_broken_catalogue_is_refused_whole_and_the_old_one_stays(story: Story) -> None:
    async def use(client: Client) -> None:
        await story.live(2.0)
        version, targets = story.engine.catalog_version, await body_of(await client.get("/api/v1/targets"))
        broken = copy.deepcopy(story.document)
        broken["devices"][0]["cores"] = -4.0
        broken["devices"][1]["cluster"] = "nowhere"
        broken["workloads"][0]["camera"] = "cam-99"
        story.write_catalog(broken)
        refused = await body_of(await client.post(RELOAD), 422)
        assert refused["error"] == "the catalogue was refused and the old one stays"
        for place in ("devices[0].cores", "devices[1].cluster", "workloads[0].camera"):
            assert any(line.startswith(place) for line in refused["errors"]), refused["errors"]
        assert story.engine.catalog_version == version
        assert await body_of(await client.get("/api/v1/targets")) == targets
        await story.live(1.0)
        assert (await body_of(await client.get("/api/v1/fleet")))["catalog_version"] == version
        story.catalog_path.unlink()
        assert "cannot be read" in (await body_of(await client.post(RELOAD), 422))["errors"][0]

    served(story, use)


def test_a_reload_waits_for_the_cycle_under_way(story: Story) -> None:
    """A cycle that began with one catalogue must end with it."""

    async def use(client: Client) -> None:
        version = story.engine.catalog_version
        changed = copy.deepcopy(story.document)
        changed["sites"][0]["name"] = "another name"
        story.source.gate = asyncio.Event()
        cycle = asyncio.create_task(story.live(1.0))
        await until(lambda: story.source.asked > 0)
        story.write_catalog(changed)
        reload = asyncio.create_task(client.post(RELOAD))
        await asyncio.wait({reload}, timeout=0.2)
        assert not reload.done()
        assert story.engine.catalog_version == version
        assert await body_of(await client.get("/healthz")) == {"status": "ok"}
        story.source.gate.set()
        await cycle
        await body_of(await reload)
        assert story.engine.catalog_version != version
        assert story.loop.latest is not None
        assert story.loop.latest.snapshot.catalog_version == version

    served(story, use)


def test_what_cannot_be_written_down_is_not_done(story: Story) -> None:
    async def use(client: Client) -> None:
        version = story.engine.catalog_version
        changed = copy.deepcopy(story.document)
        changed["sites"][0]["name"] = "another name"
        story.write_catalog(changed)
        story.engine.journal.close()
        assert "nothing was written" in (await body_of(await client.post(RELOAD), 503))["error"]
        assert story.engine.catalog_version == version

    served(story, use)
