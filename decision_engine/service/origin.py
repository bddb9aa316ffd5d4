"""Where no tokens are asked for, only this machine is answered: no page of another site, and no name that was bent to loopback."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from decision_engine.service.replies import refusal
from decision_engine.service.tokens import LOCAL, WHO

LOCAL_NAME = "localhost"
WEB_SCHEMES = ("http", "https")


@web.middleware
async def same_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everybody on the machine is «local».

    A browser on it may be made to ask by any page. Such a page says where it comes from (``Origin``), and one whose name
    was bent to a loopback address (DNS rebinding) still says that name (``Host``); both are refused (403).
    """
    hosts, origins = request.headers.getall("Host", []), request.headers.getall("Origin", [])
    if not hosts or not all(map(is_local, hosts)):
        raise refusal(web.HTTPForbidden, "without tokens this service answers only to localhost or a loopback address as its Host")
    if not all(any(origin.lower() == f"{scheme}://{hosts[0].lower()}" for scheme in WEB_SCHEMES) for origin in origins):
        raise refusal(web.HTTPForbidden, "without tokens this service answers no pages of other sites; this request's Origin is foreign")
    request[WHO] = LOCAL
    return await handler(request)


def is_local(host: str) -> bool:
    """Whether a ``Host`` header, with any port or none, names this machine and nothing else."""
    try:
        parts = urlsplit(f"//{host}")
        if parts.netloc != host or "@" in host or (parts.port is None and host.endswith(":")):
            return False
        name = parts.hostname or ""
        return name == LOCAL_NAME or ipaddress.ip_address(name).is_loopback
    except ValueError:  # no port, no address, or brackets that do not close
        return False
