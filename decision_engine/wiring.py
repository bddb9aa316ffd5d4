"""The one place that wires: settings become an engine; the tables of actuators and forecasters are literal and ordered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from actuators.api import Actuator
from actuators.process.actuator import ProcessActuator
from actuators.process.settings import ProcessSettings
from actuators.simulated.actuator import Plant, SimulatedActuator
from actuators.simulated.remote import RemoteActuator
from decision_engine.catalog.model import Catalog
from decision_engine.catalog.store import YamlCatalogStore
from decision_engine.config import ConfigError, ForecastingSettings, Settings, Token, load_tokens
from decision_engine.core.limits import Limits
from decision_engine.engine import Engine, EngineParts
from decision_engine.execute.dispatcher import Dispatcher
from decision_engine.execute.journal import Journal
from decision_engine.execute.questions import EngineStart
from decision_engine.execute.recorder import Recorder, Ring, SnapshotCodec
from decision_engine.foresight import Foresight
from decision_engine.observe.client import Endpoint, PrometheusClient
from decision_engine.observe.prometheus_source import PrometheusSource
from decision_engine.observe.replay import decode_snapshot, encode_snapshot
from decision_engine.observe.signals import Signal, SignalError, signals_from
from decision_engine.observe.source import Source
from decision_engine.observe.watch import FleetWatch
from decision_engine.policies import POLICIES
from forecasting.api import Forecaster
from forecasting.baselines import MarginSettings
from forecasting.forecasters import LastValueForecaster, RegressionForecaster
from forecasting.learned import LearnedForecaster, LearnedSettings
from forecasting.learner import LearnerSettings
from forecasting.regression import RegressionSettings

FORECASTER_STATE = "forecaster.bin"
HOUR_SECONDS = 3600.0
DAY_SECONDS = 24 * HOUR_SECONDS
CODEC = SnapshotCodec(encode_snapshot, decode_snapshot)


def _installed_version() -> str:
    try:
        return version("edgeshift")
    except PackageNotFoundError:
        return "unknown"


VERSION = _installed_version()


async def build_engine(settings: Settings, clock: Callable[[], float]) -> Engine:
    """An engine on real parts, with what its journal remembers.

    Raises:
        CatalogError: the catalogue cannot be read.
        JournalError: the journal cannot be opened, or another engine has it.
    """
    store = YamlCatalogStore(settings.catalog)
    catalog, _ = store.load()
    actuators = actuators_of(settings, catalog)
    settings.state_directory.mkdir(parents=True, exist_ok=True)
    journal = await asyncio.to_thread(Journal.open, settings.journal_url)
    try:
        memory = await asyncio.to_thread(journal.memory)
        await asyncio.to_thread(journal.note_start, EngineStart(clock(), VERSION, os.getpid()))
        foresight = Foresight(forecaster_of(settings.forecasting, settings.limits), settings.state_directory / FORECASTER_STATE)
        foresight.load(clock())
        parts = EngineParts(
            watch=FleetWatch(prometheus_source(settings), signals_of(settings), settings.limits),
            foresight=foresight,
            dispatcher=Dispatcher(actuators),
            journal=journal,
            recorder=Recorder(settings.recorder.directory, Ring(keep_cycles=settings.recorder.cycles), CODEC),
            catalog_store=store,
            policies=POLICIES,
            limits=settings.limits,
        )
        return Engine(parts, memory)
    except BaseException:
        journal.close()
        raise


def build_virtual_engine(source: Source, plant: Plant, story_began: float, catalog_path: Path, limits: Limits) -> Engine:
    """The same engine on a plant in the same process; journal and recorder lie beside the catalogue.

    It forecasts by the line in time, as the live lab does: a fleet that is minutes old has taught nothing yet.
    """
    journal = Journal.open(f"sqlite:///{catalog_path.parent / 'journal.sqlite'}")
    parts = EngineParts(
        watch=FleetWatch(source, signals_from("edgeshift", {}, limits.times), limits),
        foresight=Foresight(forecaster_of(ForecastingSettings(method="regression"), limits), None),
        dispatcher=Dispatcher({"simulated": SimulatedActuator(plant, story_began)}),
        journal=journal,
        recorder=Recorder(catalog_path.parent / "cycles", Ring(), CODEC),
        catalog_store=YamlCatalogStore(catalog_path),
        policies=POLICIES,
        limits=limits,
    )
    return Engine(parts, journal.memory())


def signals_of(settings: Settings) -> tuple[Signal, ...]:
    """The questions that these settings ask.

    Raises:
        ConfigError: an override names an unknown signal or key, or they cost too many queries.
    """
    try:
        return signals_from(settings.signals.preset, settings.signals.overrides, settings.limits.times)
    except SignalError as error:
        raise ConfigError((f"signals: {error}",)) from error


def prometheus_source(settings: Settings) -> PrometheusSource:
    """Prometheus, as these settings reach it."""
    prometheus = settings.prometheus
    token = prometheus.bearer_token.reveal() if prometheus.bearer_token else ""
    return PrometheusSource(PrometheusClient(Endpoint(prometheus.url, token, prometheus.timeout_seconds)))


def actuators_of(settings: Settings, catalog: Catalog) -> dict[str, Actuator]:
    """The literal table of actuators, by the name that the catalogue's clusters use.

    Raises:
        ConfigError: a cluster names an actuator that is not configured; it would look as if nothing ran there.
    """
    table: dict[str, Actuator] = {}
    simulated, process = settings.actuators.simulated, settings.actuators.process
    if simulated is not None:
        table["simulated"] = RemoteActuator(simulated.url, simulated.timeout_seconds)
    if process is not None:
        table["process"] = ProcessActuator(
            ProcessSettings(
                state_directory=process.state_directory,
                devices=process.devices or _devices_of("process", catalog),
                commands=process.commands,
                environment=process.environment,
                stop_grace_seconds=process.stop_grace_seconds,
            )
        )
    strangers = [cluster for cluster in catalog.clusters.values() if cluster.actuator not in table]
    if strangers:
        raise ConfigError(tuple(f"actuators: cluster {one.id} is served by {one.actuator!r}, which is not configured" for one in strangers))
    return table


def _devices_of(actuator: str, catalog: Catalog) -> tuple[str, ...]:
    """The devices whose clusters name this actuator."""
    return tuple(device.id for device in catalog.devices.values() if catalog.clusters[device.cluster].actuator == actuator)


def forecaster_of(forecasting: ForecastingSettings, limits: Limits) -> Forecaster:
    """The forecaster at the house's rhythm; the regression is judged where SC-12 acts by the configured prior of a move, the learning one
    at every horizon.
    """
    times, foresight = limits.times, limits.foresight
    wanted = foresight.horizon_moves * foresight.move_seconds_prior / times.grid_seconds
    skill_step = next((step for step in times.grid_steps if step >= wanted), times.grid_steps[-1])
    margin = MarginSettings(margin_deviations=foresight.margin_deviations)
    line = RegressionSettings(
        window_points=forecasting.window_points or RegressionSettings().window_points,
        horizon_steps=times.grid_steps,
        skill_step=skill_step,
        skill_pseudo_points=foresight.skill_pseudo_points,
        margin=margin,
    )
    if forecasting.method == "learned":
        # Yesterday can only be looked at where a day is kept.
        day_points = round(DAY_SECONDS / times.grid_seconds) if times.history_hours * HOUR_SECONDS > DAY_SECONDS else 0
        learner = LearnerSettings(
            horizon_steps=times.grid_steps,
            day_points=day_points,
            alarm_probability=foresight.probability,
            line=line,
        )
        return LearnedForecaster(LearnedSettings(learner, margin, foresight.skill_pseudo_points))
    return RegressionForecaster(line) if forecasting.method == "regression" else LastValueForecaster(line)


def tokens_of(settings: Settings) -> tuple[Token, ...]:
    """Who may ask this service; nobody is named on loopback without a tokens file.

    Raises:
        ConfigError: the tokens file cannot be used.
    """
    return load_tokens(settings.service.tokens_file) if settings.service.tokens_file else ()
