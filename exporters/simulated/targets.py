"""Serves N imaginary devices as real scrape targets: one port, and a loopback address of its own for each."""

from __future__ import annotations

import contextlib
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler

from exporters.simulated.live import LivePlant
from exporters.simulated.page import CONTENT_TYPE

STOP_WITHIN_SECONDS = 1.0
"""A page takes about a millisecond: nobody waits longer for the last one."""


class Targets:
    """The running servers; ``addresses`` maps each device to its ``host:port``."""

    def __init__(self, runner: web.AppRunner, addresses: dict[str, str]) -> None:
        self._runner = runner
        self.addresses = addresses

    async def close(self) -> None:
        """Close every socket."""
        await self._runner.cleanup()


async def serve_targets(live: LivePlant, port: int) -> Targets:
    """Listen on every device's address at the same ``port`` (0: the first free one, the same for all).

    Raises:
        ValueError: a device's address is not a loopback address.
        OSError: the port is taken on one of the addresses; nothing is left listening.
    """
    devices = {device.address: device.id for device in live.plant.blueprint.devices}
    for address, device in devices.items():
        if not is_loopback(address):
            raise ValueError(f"The imaginary device {device!r} must have a loopback address such as 127.77.0.1, not {address!r}.")
    application = web.Application()
    application.router.add_get("/metrics", _handler(live, devices))
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=STOP_WITHIN_SECONDS)
    await runner.setup()
    try:
        for address in devices:
            await web.TCPSite(runner, address, port).start()
            port = port or int(runner.addresses[0][1])
    except OSError as error:
        await runner.cleanup()
        raise OSError(f"Port {port} is taken on {address}; choose another port for the simulated devices ({error.strerror}).") from error
    return Targets(runner, {device: f"{address}:{port}" for address, device in devices.items()})


def _handler(live: LivePlant, devices: dict[str, str]) -> Handler:
    async def metrics(request: web.Request) -> web.Response:
        """The page of the device that the connection was made to; a silent one hangs up."""
        if request.transport is None:
            return web.Response(status=web.HTTPServiceUnavailable.status_code)
        device = devices[request.transport.get_extra_info("sockname")[0]]
        page = live.page(device)
        if page is None:
            request.transport.abort()
            return web.Response()
        return web.Response(body=page.encode(), headers={"Content-Type": CONTENT_TYPE})

    return metrics


def is_loopback(address: str) -> bool:
    """Whether this is an address that only this machine can reach."""
    with contextlib.suppress(ValueError):
        return ip_address(address).is_loopback
    return False
