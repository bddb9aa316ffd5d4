"""`edgeshift once`: looks at the fleet twice and says what would be done; nothing is done and nothing is written down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa
import typer

from decision_engine import wiring
from decision_engine.catalog.model import RESOURCES
from decision_engine.catalog.store import CatalogError, YamlCatalogStore
from decision_engine.config import ConfigError, Settings, load_settings
from decision_engine.core.decision import Decision
from decision_engine.core.explain import render, sentence
from decision_engine.core.memory import Memory
from decision_engine.core.move import Transition
from decision_engine.core.reading import Quality
from decision_engine.engine import CycleReport, Engine, EngineParts
from decision_engine.execute.connecting import parse
from decision_engine.execute.dispatcher import Dispatcher
from decision_engine.execute.faults import JournalError
from decision_engine.execute.holding import sqlite_path
from decision_engine.execute.journal import Journal
from decision_engine.execute.recorder import Recorder, Ring
from decision_engine.foresight import Foresight
from decision_engine.observe.signals import SignalError
from decision_engine.observe.watch import FleetWatch
from decision_engine.policies import POLICIES
from decision_engine.service.views import decision_view

APART_SCRAPES: Final = 1.1
"""A second look counts only on a newer sample; a tenth of a scrape is for one that comes a little late."""


class Blind(Exception):
    """Prometheus cannot be believed, so nothing can be said; the message is the sentence."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What two looks found: decisions on every wish that still stands, and the next steps of moves under way."""

    report: CycleReport
    decisions: tuple[Decision, ...]
    steps: tuple[Transition, ...]

    @property
    def acts(self) -> tuple[Decision, ...]:
        """What would be done."""
        return tuple(decision for decision in self.decisions if decision.verdict == "act")

    @property
    def stays(self) -> tuple[Decision, ...]:
        """What would be held or refused."""
        return tuple(decision for decision in self.decisions if decision.verdict != "act")


def print_once(config: Path, json: bool) -> int:
    """Print what would be done now, for a person or a program; 1 with one sentence when that cannot be known."""
    try:
        findings = asyncio.run(_look(load_settings(config)))
    except (ConfigError, CatalogError) as error:
        for line in error.errors:
            typer.echo(line, err=True)
        return 1
    except (Blind, JournalError, SignalError) as error:
        typer.echo(str(error), err=True)
        return 1
    typer.echo(msgspec.json.encode(as_json(findings)).decode() if json else "\n".join(as_text(findings)))
    return 0


async def look_twice(engine: Engine, clock: Callable[[], float], pause: Callable[[float], Awaitable[object]]) -> Findings:
    """Turn two dry cycles a scrape apart; ``clock`` gives Unix seconds, ``pause`` waits for some.

    Raises:
        Blind: Prometheus cannot be reached or cannot be believed.
    """
    under_way = {move.id for move in engine.memory.moves.values()}
    first = _believed(await engine.dry_cycle(clock()))
    await pause(APART_SCRAPES * engine.limits.times.scrape_seconds)
    second = _believed(await engine.dry_cycle(clock()))
    said = {f"{one.policy}:{one.subject}": one for report in (first, second) for one in report.record.decisions}
    steps = [step for report in (first, second) for step in report.record.transitions if step.move.id in under_way]
    standing = tuple(said[sighting.key] for sighting in second.record.sightings if sighting.key in said)
    return Findings(second, standing, tuple(steps))


def as_text(findings: Findings) -> list[str]:
    """Lines for a person."""
    report = findings.report
    lines = [f"would do    {one.scenario}: {sentence(one)}" for one in findings.acts]
    for one in findings.stays:
        lines.append(f"would {one.verdict:<6}{one.scenario or one.policy}: {sentence(one)}")
        lines += [f"            {other.workload} to {other.target}: {other.reason.replace('_', ' ')}" for other in one.rejected]
    lines += [f"under way   {step.move.order.workload}: {render(step.because)}" for step in findings.steps]
    if not lines:
        seen, workloads = len(report.snapshot.devices.ids), len(report.snapshot.workloads.ids)
        lines = [f"nothing to do: {seen} devices and {workloads} workloads are as they should be"]
    return lines


def as_json(findings: Findings) -> dict[str, Any]:
    """One object for a program."""
    report = findings.report
    return {
        "at": report.snapshot.now,
        "catalog_version": report.snapshot.catalog_version,
        "would_do": [decision_view(one) for one in findings.acts],
        "would_not_do": [decision_view(one) for one in findings.stays],
        "under_way": [
            {"move": step.move.id, "workload": step.move.order.workload, "state": step.move.state.value, "sentence": render(step.because)}
            for step in findings.steps
        ],
        "unreachable": sorted(report.unreachable),
        "trouble": report.trouble or None,
    }


def remembered(journal_url: str) -> tuple[Journal, Memory]:
    """The journal, open for reading, and what it remembers but for looks: this program looks for itself, twice.

    Where no journal exists yet, none is made: the memory is empty and the journal is one that refuses to be written.

    Raises:
        JournalError: it cannot be read.
    """
    address = parse(journal_url)
    if address.get_backend_name() == "sqlite" and not sqlite_path(address).is_file():
        return Journal(sa.create_engine("sqlite://"), "that is not there yet", hold=None, writer=None, newest=0), Memory()
    journal = Journal.open(journal_url, read_only=True)
    try:
        return journal, replace(journal.memory(), sightings={})
    except BaseException:
        journal.close()
        raise


async def _look(settings: Settings) -> Findings:
    async with _dry_engine(settings) as engine:
        _tell(f"looking at {len(engine.catalog.devices)} devices through {settings.prometheus.url}")
        findings = await look_twice(engine, time.time, _wait)
    for name in sorted(findings.report.unreachable):
        _tell(f"runtime {name} does not answer: what runs there is unknown")
    if findings.report.trouble:
        _tell(findings.report.trouble)
    return findings


@asynccontextmanager
async def _dry_engine(settings: Settings) -> AsyncIterator[Engine]:
    """The engine that `serve` would run, but on a journal that is only read; nothing that it learns is kept."""
    store, limits = YamlCatalogStore(settings.catalog), settings.limits
    catalog, _ = store.load()
    signals = wiring.signals_of(settings)
    if unseen := [signal.name for signal in signals if signal.name in RESOURCES and signal.kind == "instant"]:
        _tell(f"how long {' and '.join(unseen)} have been over their limits cannot be read back here: SC-1 and SC-2 need `edgeshift serve`")
    foresight = Foresight(wiring.forecaster_of(settings.forecasting, limits), settings.state_directory / wiring.FORECASTER_STATE)
    foresight.load(time.time())
    foresight.state_path = None  # what is learned here is not left to the engine
    journal, memory = await asyncio.to_thread(remembered, settings.journal_url)
    parts = EngineParts(
        watch=FleetWatch(wiring.prometheus_source(settings), signals, limits),
        foresight=foresight,
        dispatcher=Dispatcher(wiring.actuators_of(settings, catalog)),
        journal=journal,
        recorder=Recorder(settings.recorder.directory, Ring(), wiring.CODEC),
        catalog_store=store,
        policies=POLICIES,
        limits=limits,
    )
    engine = Engine(parts, memory)
    try:
        yield engine
    finally:
        await engine.close(time.time())


def _believed(report: CycleReport) -> CycleReport:
    """The same report.

    Raises:
        Blind: it was made without seeing.
    """
    if report.snapshot.blind:
        raise Blind(report.trouble or f"Prometheus cannot be believed ({report.snapshot.blind}): nothing can be said")
    devices = report.snapshot.devices
    if len(devices.ids) and not (devices.quality == int(Quality.FRESH)).any():
        raise Blind(f"Prometheus answers, but has no fresh load of any of the {len(devices.ids)} devices; see `edgeshift check`")
    return report


async def _wait(seconds: float) -> None:
    _tell(f"looking again in {seconds:.1f} s")
    await asyncio.sleep(seconds)


def _tell(progress: str) -> None:
    typer.echo(progress, err=True)
