"""The loopback control port of a live plant: apply a verb, list what runs, read the account, inject a fault; all in JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from exporters.simulated.blueprint import RESOURCES, Fault
from exporters.simulated.live import LivePlant
from exporters.simulated.plant import Plant
from exporters.simulated.targets import is_loopback

MOST_BODY_BYTES = 16 * 1024
"""A verb or a fault is a few hundred bytes."""

MOST_WORD_LETTERS = 512
MOST_SECONDS = 1e9
STOP_WITHIN_SECONDS = 1.0

DETAILS = ("environment_class", "version", "order")
"""What a verb may carry besides ``verb`` and ``placement``."""


class Control:
    """The running control port; ``url`` is where it answers."""

    def __init__(self, runner: web.AppRunner, url: str) -> None:
        self._runner = runner
        self.url = url

    async def close(self) -> None:
        """Close the socket."""
        await self._runner.cleanup()


async def serve_control(live: LivePlant, host: str, port: int) -> Control:
    """Listen on a loopback address (``port`` 0: any free one).

    Raises:
        ValueError: the host is not a loopback address: whoever reaches this port may stop anything in the plant.
        OSError: the port is taken.
    """
    if not is_loopback(host):
        raise ValueError(f"The control port of the plant listens on loopback only, not on {host!r}.")
    runner = web.AppRunner(control_application(live), access_log=None, handle_signals=False, shutdown_timeout=STOP_WITHIN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise OSError(f"Port {port} is taken on {host}; choose another control port for the plant ({error.strerror}).") from error
    return Control(runner, f"http://{host}:{runner.addresses[0][1]}")


def control_application(live: LivePlant) -> web.Application:
    """The routes, without a socket."""
    application = web.Application(client_max_size=MOST_BODY_BYTES, middlewares=[_for_this_machine_only])
    door = _Door(live)
    application.router.add_post("/apply", door.apply)
    application.router.add_get("/placements", door.placements)
    application.router.add_get("/state", door.state)
    application.router.add_post("/fault", door.fault)
    return application


@web.middleware
async def _for_this_machine_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page that made a name of its own resolve to this address is turned away: it sends that name as the host."""
    host = request.url.host or ""
    if host != "localhost" and not is_loopback(host):
        raise _bad(f"The control port answers to loopback addresses and localhost only, not to {host!r}.", web.HTTPForbidden)
    return await handler(request)


class _Door:
    def __init__(self, live: LivePlant) -> None:
        self._live = live

    async def apply(self, request: web.Request) -> web.Response:
        """``{"verb", "placement"[, "environment_class", "version", "order"]}`` → ``{"outcome", "detail"}``."""
        body = await _body(request, required=("verb", "placement"), optional=DETAILS)
        details = {name: str(body[name]) for name in DETAILS if name in body}
        return web.json_response(asdict(self._live.apply(body["verb"], body["placement"], **details)))

    async def placements(self, _: web.Request) -> web.Response:
        """``{"placements": [...]}``, each with ``since`` in Unix seconds."""
        began = self._live.story_began_unix_seconds
        rows = [{**asdict(placement), "since": placement.since + began} for placement in self._live.catch_up().placements()]
        return web.json_response({"placements": rows})

    async def state(self, _: web.Request) -> web.Response:
        """Story time, loads by device, and the account of the plant and of its do-nothing twin."""
        plant = self._live.catch_up()
        answer = {
            "story_seconds": plant.time,
            "unix_seconds": plant.time + self._live.story_began_unix_seconds,
            "duration_seconds": plant.blueprint.duration_seconds,
            "plant": {**asdict(plant.score()), "devices": _devices(plant)},
            "twin": {**asdict(self._live.twin.score()), "devices": _devices(self._live.twin)},
        }
        return web.json_response(answer)

    async def fault(self, request: web.Request) -> web.Response:
        """``{"kind", "subject"[, "from_seconds", "for_seconds"]}``, story time; without them from now and for ever."""
        body = await _body(request, required=("kind", "subject"), numbers=("from_seconds", "for_seconds"))
        begins = body.get("from_seconds", self._live.catch_up().time)
        fault = Fault(body["kind"], body["subject"], begins, begins + body.get("for_seconds", math.inf))
        try:
            self._live.inject(fault)
        except ValueError as error:
            raise _bad(str(error)) from error
        ends = None if math.isinf(fault.until_seconds) else fault.until_seconds
        return web.json_response({**asdict(fault), "until_seconds": ends})


def _devices(plant: Plant) -> dict[str, dict[str, float | None]]:
    loads, celsius = plant.load_ratio.tolist(), plant.temperature_celsius.tolist()
    return {
        device: {
            **{f"{resource}_ratio": None if math.isnan(ratio) else ratio for resource, ratio in zip(RESOURCES, loads[row], strict=True)},
            "temperature_celsius": celsius[row],
        }
        for row, device in enumerate(plant.device_ids)
    }


async def _body(
    request: web.Request, required: tuple[str, ...], optional: tuple[str, ...] = (), numbers: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The request's JSON object, held to its fields and their types; everything else is answered with 4xx and a sentence."""
    if request.content_type != "application/json":
        # A page in a browser cannot send this type without being asked for permission first.
        raise _bad("The body must be sent as Content-Type: application/json.", web.HTTPUnsupportedMediaType)
    try:
        body = json.loads(await request.text())
    except (ValueError, RecursionError) as error:
        raise _bad("The body is not JSON.") from error
    if not isinstance(body, dict):
        raise _bad("The body must be a JSON object.")
    if strangers := sorted(set(body) - {*required, *optional, *numbers}):
        raise _bad(f"The field {strangers[0]!r} is unknown; known are {', '.join((*required, *optional, *numbers))}.")
    for name in required:
        if name not in body:
            raise _bad(f"The field {name!r} is missing.")
    for name, value in body.items():
        _check(name, value, name in numbers)
    return body


def _check(name: str, value: object, numeric: bool) -> None:
    if numeric:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST_SECONDS:
            raise _bad(f"The field {name!r} must be a number of seconds, at most {MOST_SECONDS:.0f}.")
    elif not isinstance(value, str) or len(value) > MOST_WORD_LETTERS or not value.isprintable():
        raise _bad(f"The field {name!r} must be a text of at most {MOST_WORD_LETTERS} printable letters.")


def _bad(sentence: str, kind: Callable[..., web.HTTPException] = web.HTTPBadRequest) -> web.HTTPException:
    return kind(text=json.dumps({"error": sentence}), content_type="application/json")
