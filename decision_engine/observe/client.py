"""The Prometheus HTTP API: one query in, samples out, or one reason why not."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from decision_engine.observe.answer import error_in, read_answer
from decision_engine.observe.source import PrometheusUnavailable, Samples

TIMEOUT_SECONDS: Final = 4.0
"""Below one cycle: an answer that comes later than the next question is of no use."""
RANGE_TIMEOUT_SECONDS: Final = 20.0
"""History is read at the start and after a gap only, and half an hour of a large fleet takes the server some seconds."""
ANSWER_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""Ten thousand series over a read window are some 4 MiB; more than this is a wrong query, not a big fleet."""
CONNECTIONS: Final = 10
"""All queries of a cycle at once."""
ERROR_BODY_BYTES: Final = 4096
REFUSED_STATUSES: Final = (401, 403)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where Prometheus is: ``url`` with its path prefix, an optional bearer token, and what it may cost to ask."""

    url: str = field(repr=False)  # it may carry a password
    token: str = field(default="", repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS
    range_timeout_seconds: float = RANGE_TIMEOUT_SECONDS
    answer_limit_bytes: int = ANSWER_LIMIT_BYTES

    @property
    def shown(self) -> str:
        """Scheme, host, port and path, without any credential."""
        return str(self.address)

    @property
    def address(self) -> URL:
        """The address without credentials, query and fragment.

        Raises:
            ValueError: it is not an http(s) URL. The message does not repeat it, since it may carry a password.
        """
        url = _parsed(self.url)
        return url.with_user(None).with_query(None).with_fragment(None)


class PrometheusClient:
    """Asks one Prometheus-compatible server. Must be closed; ``asked`` counts the queries sent."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Connect to nothing yet.

        Raises:
            ValueError: the address is not an http(s) URL, or it carries a password beside the token.
        """
        url = _parsed(endpoint.url)
        if endpoint.token and url.user is not None:
            raise ValueError(f"Prometheus at {endpoint.shown} has both a password and a token; give one of them")
        self._endpoint = endpoint
        self._base = endpoint.address
        self._headers = _headers(endpoint, url)
        self._session: aiohttp.ClientSession | None = None
        self.asked = 0

    @property
    def server(self) -> str:
        """The address, fit to be shown."""
        return self._endpoint.shown

    async def instant(self, promql: str, at: float, matrix: bool = False) -> tuple[Samples, ...]:
        """Evaluate an instant query at Unix time ``at``; ``matrix`` for a range selector, whose answer is a matrix.

        Raises:
            PrometheusUnavailable: no answer, or none that could be believed.
        """
        form = {"query": promql, "time": _time(at)}
        return read_answer(await self._post("query", form, self._endpoint.timeout_seconds), self.server, matrix)

    async def range(self, promql: str, start: float, end: float, step_seconds: float) -> tuple[Samples, ...]:
        """Evaluate a range query from ``start`` to ``end`` inclusive.

        Raises:
            PrometheusUnavailable: no answer, or none that could be believed.
        """
        form = {"query": promql, "start": _time(start), "end": _time(end), "step": _time(step_seconds)}
        return read_answer(await self._post("query_range", form, self._endpoint.range_timeout_seconds), self.server, matrix=True)

    async def close(self) -> None:
        """Give back the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, path: str, form: dict[str, str], seconds: float) -> bytes:
        """Send one query and read its whole answer, each kind of trouble named."""
        self.asked += 1
        url, timeout = self._base / "api/v1" / path, aiohttp.ClientTimeout(total=seconds)
        try:
            # A redirect is not followed: the token is for the configured server, not for where it points.
            async with self._opened().post(url, data=form, timeout=timeout, allow_redirects=False) as response:
                if response.status != 200:
                    raise await self._refusal(response)
                return await self._body(response)
        except TimeoutError as error:
            raise PrometheusUnavailable("prometheus_timeout", f"Prometheus at {self.server} did not answer within {seconds:g} s") from error
        except aiohttp.ClientPayloadError as error:
            raise PrometheusUnavailable(
                "prometheus_malformed", f"Prometheus at {self.server} broke off in the middle of an answer"
            ) from error
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise PrometheusUnavailable("prometheus_unreachable", f"Prometheus at {self.server} cannot be reached") from error
        except aiohttp.ClientError as error:
            raise PrometheusUnavailable("prometheus_malformed", f"Prometheus at {self.server} does not answer in proper HTTP") from error

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        limit = self._endpoint.answer_limit_bytes
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > limit:
                message = f"Prometheus at {self.server} answered more than {limit} bytes to one query; narrow the signal"
                raise PrometheusUnavailable("prometheus_too_big", message)
        return bytes(body)

    async def _refusal(self, response: aiohttp.ClientResponse) -> PrometheusUnavailable:
        status = response.status
        if 300 <= status < 400:
            return PrometheusUnavailable(
                "prometheus_redirect", f"Prometheus at {self.server} redirects (HTTP {status}); give its final address"
            )
        if status in REFUSED_STATUSES:
            return PrometheusUnavailable("prometheus_refused", f"Prometheus at {self.server} refused the credentials (HTTP {status})")
        words = error_in(await response.content.read(ERROR_BODY_BYTES))
        return PrometheusUnavailable(
            "prometheus_error", f"Prometheus at {self.server} answered HTTP {status}{': ' if words else ''}{words}"
        )

    def _opened(self) -> aiohttp.ClientSession:
        """The session, made when first needed, since it belongs to the running event loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _parsed(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("the Prometheus address must be a URL such as http://127.0.0.1:9090")
    return url


def _headers(endpoint: Endpoint, url: URL) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if _is_loopback(url.host or ""):
        headers["Accept-Encoding"] = "identity"  # on loopback, compressing costs the server more than the query
    if endpoint.token:
        headers["Authorization"] = f"Bearer {endpoint.token}"
    elif url.user is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{url.user}:{url.password or ''}".encode()).decode()
    return headers


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _time(seconds: float) -> str:
    """Decimal seconds to the millisecond, which is as fine as Prometheus tells time."""
    return f"{seconds:.3f}"
