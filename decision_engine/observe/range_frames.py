"""Reads a long range of one query out of Prometheus as a frame, in chunks; synchronous, for commands and never for the cycle."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pandas import DataFrame

CHUNK_POINTS: Final = 2_000
"""Prometheus refuses more than 11,000 points per series and query; two thousand of a thousand series are about 40 MB of JSON."""
MACHINE_LABELS: Final = ("device", "node", "instance")
"""Whichever a series has first says which machine it belongs to."""
STATUS: Final = re.compile(r"HTTP Status Code (\d+) \(b?['\"](.*)['\"]\)", re.DOTALL)
SAID_CHARACTERS: Final = 200


class RangeError(Exception):
    """A range that could not be read; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class RangeQuery:
    """What to read: ``start`` and ``end`` Unix seconds, both included; ``step_seconds`` whole seconds."""

    url: str
    promql: str
    start: int
    end: int
    step_seconds: int
    timeout_seconds: float = 60.0


def chunks(query: RangeQuery) -> Iterator[tuple[int, int]]:
    """First and last moment of every chunk; together they are the grid of the whole range, each moment once."""
    length = (CHUNK_POINTS - 1) * query.step_seconds
    for first in range(query.start, query.end + 1, CHUNK_POINTS * query.step_seconds):
        yield first, min(first + length, query.end)


def read_range(query: RangeQuery, done: Callable[[float], None]) -> DataFrame:
    """All samples as a frame with the columns series_id (``machine/labels``), timestamp (Unix seconds) and value.

    ``done`` is told after each chunk how much of the range has been read (0 to 1).

    Raises:
        RangeError: no answer, a refused query, an answer that is no range, or not a single sample.
    """
    import pandas as pd
    from prometheus_api_client import MetricRangeDataFrame

    frames = []
    with _explained(query), _client(query) as client:
        for first, last in chunks(query):
            found = client.custom_query_range(query.promql, _moment(first), _moment(last), str(query.step_seconds))
            named = [{"metric": {"series_id": series_id(one["metric"])}, "values": one["values"]} for one in found]
            if named:
                frame = MetricRangeDataFrame(named, ts_as_datetime=False).reset_index()[["series_id", "timestamp", "value"]]
                frames.append(frame.astype({"timestamp": "float64", "value": "float64"}))
            done((last - query.start + 1) / (query.end - query.start + 1))
    if not frames:
        raise RangeError(
            f"{query.promql} has no sample between {_moment(query.start):%Y-%m-%d %H:%M:%S} and {_moment(query.end):%Y-%m-%d %H:%M:%S} UTC "
            "in this Prometheus; look at the query, the times and the retention"
        )
    return pd.DataFrame(pd.concat(frames, ignore_index=True))


def series_id(labels: Mapping[str, str]) -> str:
    """A name for a series: its machine, a slash, and all its labels."""
    machine = next((labels[name] for name in MACHINE_LABELS if name in labels), "all").replace("/", "_")
    inside = ",".join(f"{name}={json.dumps(labels[name], ensure_ascii=False)}" for name in sorted(labels) if name != "__name__")
    return f"{machine}/{labels.get('__name__', '')}{{{inside}}}"


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@contextmanager
def _client(query: RangeQuery) -> Iterator[Any]:
    """A client that asks once, only the named server, and ends with its connections."""
    from prometheus_api_client import PrometheusConnect
    from requests import Session
    from urllib3.util.retry import Retry

    with Session() as session:
        session.trust_env = False  # like the engine itself: no proxy, no .netrc, whatever the environment says
        session.max_redirects = 0
        yield PrometheusConnect(url=query.url.rstrip("/"), retry=Retry(0, read=False), session=session, timeout=query.timeout_seconds)


NO_RANGE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, MemoryError)
"""What reading an answer can raise that is no range of samples."""


@contextmanager
def _explained(query: RangeQuery) -> Iterator[None]:
    """Every way of failing as one sentence."""
    from prometheus_api_client.exceptions import MetricValueConversionError, PrometheusApiClientException
    from requests import RequestException, Timeout

    server = without_credentials(query.url)
    try:
        yield
    except Timeout as error:
        raise RangeError(f"{server} did not answer within {query.timeout_seconds:g} s; ask for a shorter range") from error
    except PrometheusApiClientException as error:
        raise RangeError(_refusal(server, str(error))) from error
    except (*NO_RANGE, MetricValueConversionError) as error:
        if isinstance(error, RequestException) and not isinstance(error, json.JSONDecodeError):
            raise RangeError(f"{server} is no address of a Prometheus; write it as http://host:9090") from error
        raise RangeError(f"{server} does not answer as Prometheus does; see whether it is one") from error
    except (RequestException, OSError) as error:
        raise RangeError(f"{server} cannot be reached; see whether Prometheus runs there") from error


def without_credentials(url: str) -> str:
    """The address as it may be shown: no user, no password."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def _refusal(url: str, message: str) -> str:
    """What an HTTP error says, in one sentence."""
    found = STATUS.search(message)
    status, body = (found[1], found[2]) if found else ("?", message)
    try:
        said = json.loads(body.encode().decode("unicode_escape")).get("error", body)
    except (ValueError, AttributeError):
        said = body
    words: Sequence[str] = str(said).split()
    return f"{url} refuses the query (HTTP {status}): {' '.join(words)[:SAID_CHARACTERS]}"
