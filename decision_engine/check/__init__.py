"""`edgeshift check`: settings, catalogue, tokens, state directory, Prometheus, targets and signals, one line each with what to do."""

from __future__ import annotations

import json as json_format
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import typer

from decision_engine.catalog.model import Catalog
from decision_engine.check.line import CheckLine
from decision_engine.check.local import EXAMPLE_SETTINGS, check_catalog, check_state_directory, check_tokens, how_to_have
from decision_engine.check.presence import check_signals
from decision_engine.check.scraping import PrometheusSilent, QueryRefused, check_scraping
from decision_engine.config import ConfigError, PrometheusSettings, Settings, load_settings

STATUS: Final = re.compile(r"HTTP Status Code (\d+) \((.*)\)", re.DOTALL)
REFUSED_QUERY: Final = frozenset({400, 422})
REFUSED_TOKEN: Final = frozenset({401, 403})
SAID_CHARACTERS: Final = 200


def run_checks(config_path: Path, clock: Callable[[], float] = time.time) -> list[CheckLine]:
    """Check everything and give one line per finding; never raises for what a person can mend."""
    try:
        settings = load_settings(config_path)
    except ConfigError as error:
        return [CheckLine(False, "configuration", line, how_to_have(config_path, EXAMPLE_SETTINGS)) for line in error.errors]
    catalog, lines = check_catalog(settings)
    return [
        CheckLine(True, "configuration", f"{settings.path} is right"),
        *lines,
        *check_tokens(settings),
        *check_state_directory(settings),
        *_prometheus_lines(settings, catalog, clock()),
    ]


def print_checks(config: Path, json: bool) -> int:
    """Print the findings for a person or a program; 1 when anything has failed."""
    lines = run_checks(config)
    failed = not all(line.ok for line in lines)
    if json:
        typer.echo(json_format.dumps({"ok": not failed, "checks": [_plain(line) for line in lines]}, indent=2, ensure_ascii=False))
        return int(failed)
    for line in lines:
        typer.echo(f"{line.state:<4}  {line.subject}: {line.sentence}")
        if line.advice:
            typer.echo(f"      → {line.advice}")
    return int(failed)


def _plain(line: CheckLine) -> dict[str, Any]:
    return {**asdict(line), "state": line.state.lower()}


def _prometheus_lines(settings: Settings, catalog: Catalog | None, now: float) -> list[CheckLine]:
    """What Prometheus says; one line when it says nothing."""
    from decision_engine.observe.signals import SignalError, signals_from

    limits, signals, lines = settings.limits, settings.signals, []
    try:
        prometheus = PrometheusDoor(settings.prometheus, now)
        lines.append(_clock_line(prometheus, settings.prometheus.url, limits.times.scrape_seconds))
        if catalog is not None and catalog.devices:
            lines.extend(check_scraping(catalog, prometheus, f"http://{settings.service.listen}/api/v1/targets"))
            asked = signals_from(signals.preset, signals.overrides, limits.times)
            lines.extend(check_signals(asked, catalog, prometheus, limits.times.fresh_seconds))
    except PrometheusSilent as error:
        lines.append(CheckLine(False, "Prometheus", str(error), error.advice))
    except QueryRefused as error:
        lines.append(CheckLine(False, "Prometheus", f"{settings.prometheus.url} refuses a plain query: {error}", "is it a Prometheus?"))
    except SignalError as error:
        lines.append(CheckLine(False, "signals", str(error), f"correct signals in {settings.path.name}"))
    return lines


def _clock_line(prometheus: PrometheusDoor, url: str, scrape_seconds: float) -> CheckLine:
    names, ahead = len(prometheus.metric_names()), prometheus.clock_ahead_seconds()
    sentence = f"{url} answers and knows {names} metric names"
    if abs(ahead) <= scrape_seconds:
        return CheckLine(True, "Prometheus", sentence)
    sentence += f"; its clock is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
    return CheckLine(False, "Prometheus", sentence, "let both machines keep time (NTP); samples look too old or are not seen otherwise")


class PrometheusDoor:
    """Asks Prometheus through prometheus-api-client, always at the moment ``now``, without retrying."""

    def __init__(self, settings: PrometheusSettings, now: float) -> None:
        """Connect to nothing yet."""
        from prometheus_api_client import PrometheusConnect
        from requests import Session
        from urllib3.util.retry import Retry

        session = Session()
        session.trust_env = False  # like the engine itself: no proxy, no .netrc, whatever the environment says
        session.max_redirects = 0  # the token is for the configured server, not for where it points
        token = settings.bearer_token
        self._url = settings.url
        self._timeout_seconds = settings.timeout_seconds
        self._client = PrometheusConnect(
            url=settings.url,
            headers={"Authorization": f"Bearer {token.reveal()}"} if token else None,
            retry=Retry(0, read=False),  # read=False: a timeout is told as a timeout
            session=session,
            timeout=settings.timeout_seconds,
        )
        self._names: frozenset[str] | None = None
        self.now = now

    def metric_names(self) -> frozenset[str]:
        """Every metric name, asked once.

        Raises:
            PrometheusSilent: no answer, or none of a Prometheus.
        """
        if self._names is None:
            with self._explained():
                self._names = frozenset(self._client.all_metrics())
        return self._names

    def ask(self, promql: str) -> Sequence[Mapping[str, Any]]:
        """The results of one instant query at ``now``.

        Raises:
            PrometheusSilent: no answer, or none of a Prometheus.
            QueryRefused: the query is not understood.
        """
        with self._explained():
            found: list[dict[str, Any]] = self._client.custom_query(promql, params={"time": f"{self.now:.3f}"})
            return found

    def clock_ahead_seconds(self) -> float:
        """How far Prometheus' clock is ahead of ours, to within the time that the question takes.

        Raises:
            PrometheusSilent: no answer, or none of a Prometheus.
        """
        with self._explained():
            begun = time.time()
            theirs = float(self._client.custom_query("time()")[1])
            return theirs - (begun + time.time()) / 2

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from prometheus_api_client.exceptions import PrometheusApiClientException
        from requests import RequestException, Timeout, TooManyRedirects

        start = "see whether Prometheus runs there, and correct prometheus.url"
        try:
            yield
        except Timeout as error:
            raise PrometheusSilent(f"{self._url} did not answer within {self._timeout_seconds:g} s", start) from error
        except TooManyRedirects as error:
            raise PrometheusSilent(f"{self._url} redirects elsewhere", "give its final address as prometheus.url") from error
        except PrometheusApiClientException as error:
            raise self._refusal(str(error)) from error
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise PrometheusSilent(f"{self._url} does not answer as Prometheus does", "correct prometheus.url") from error
        except (RequestException, OSError) as error:
            raise PrometheusSilent(f"{self._url} cannot be reached", start) from error

    def _refusal(self, message: str) -> Exception:
        found = STATUS.match(message)
        status, said = (int(found[1]), found[2]) if found else (0, message)
        if status in REFUSED_TOKEN:
            return PrometheusSilent(f"{self._url} refuses the token (HTTP {status})", "correct what prometheus.bearer_token_file holds")
        if status in REFUSED_QUERY:
            return QueryRefused(" ".join(said.split())[:SAID_CHARACTERS])
        return PrometheusSilent(f"{self._url} answers HTTP {status}", "see its log; right after a start it may need a minute")


__all__ = ["CheckLine", "print_checks", "run_checks"]
