"""Puts the scores of all sources together: figures by source and method, means over sources, and their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from decision_engine.backtest.remarks import Recorded, of_counts
from decision_engine.backtest.request import BacktestRequest
from forecasting.backtest import WARM_UP_COLUMNS
from forecasting.methods import LAST_VALUE, MARGIN
from forecasting.rolling import known_loads
from forecasting.scores import OF_THE_EVENT, OF_THE_LOAD, Scored, drawn, figures, together

INTERVAL: Final = (2.5, 97.5)
LEAST_BELOW: Final = 0.4
"""Means of event figures are over sources that lie below their limit at least this part of the time: one that is mostly above it has
returns and few onsets, and nothing there is foreseen."""
RATIOS: Final = {"rmse_ratio": ("rmse", LAST_VALUE), "pinball_ratio": ("pinball", MARGIN)}
"""Figures over another method's; draws are the same machines for all methods, so that both are compared on equal ones."""
GAINS: Final = {"f1_gain": ("f1", LAST_VALUE), "f1_acting_gain": ("f1_acting", MARGIN)}
"""Figures less another method's."""
MEANINGLESS_WITHOUT_EVENTS: Final = ("f1", "precision", "f1_acting", "precision_acting")
"""They would be 0 for who gave an alarm and unknown for who gave none."""

Array = NDArray[np.float64]
Figures = dict[str, dict[str, Array]]


@dataclass(frozen=True, slots=True)
class SourceScores:
    """One source: what it is, its scores by method, and by method and figure what they come to (H) and in each draw of machines (B × H).

    ``events`` H counts what there was to foresee, and ``remarks`` say why all this tells less than it seems to.
    """

    name: str
    series: int
    machines: int
    points: int
    grid_seconds: float
    below_limit: float
    events: Array
    remarks: tuple[str, ...]
    scored: Mapping[str, Scored]
    figures: Figures
    draws: Figures


def scores_of(fleet: Recorded, scored: Mapping[str, Scored]) -> SourceScores:
    """Add to a source's scores what its machines' draws say."""
    loads = known_loads(fleet.values)
    known = np.isfinite(loads)
    sums = {name: together(one.sums) for name, one in scored.items()}
    events = sums[LAST_VALUE].events[0]
    machines = len(np.unique(fleet.machines))
    single = {name: _of_single_horizons(one, fleet.grid_seconds) for name, one in scored.items()}
    whole = {name: {figure: values[0] for figure, values in figures(one).items()} | single[name] for name, one in sums.items()}
    draws = {name: figures(drawn(one.sums, fleet.machines)) for name, one in scored.items()}
    return SourceScores(
        name=fleet.name,
        series=len(fleet.keys),
        machines=machines,
        points=int(known.sum()),
        grid_seconds=fleet.grid_seconds,
        below_limit=float((loads < fleet.limits[:, None]).sum() / max(int(known.sum()), 1)),
        events=events,
        remarks=(*of_counts(machines, events), *fleet.remarks),
        scored=scored,
        figures=_compared(whole, events),
        draws=_compared(draws, events),
    )


def _of_single_horizons(scored: Scored, grid_seconds: float) -> dict[str, Array]:
    """What is no ratio of sums and has no draws, H each."""
    return {"auprc": scored.auprc, "median_lead": scored.median_lead, "median_lead_seconds": scored.median_lead * grid_seconds}


def _compared(told: Figures, events: Array) -> Figures:
    """The same beside other methods'; what says nothing without events (H) is unknown there."""
    eventful = events > 0.0
    known = {
        method: one | {name: np.where(eventful, one[name], np.nan) for name in MEANINGLESS_WITHOUT_EVENTS} for method, one in told.items()
    }
    return {method: one | _beside(one, known) for method, one in known.items()}


def _beside(one: dict[str, Array], all_methods: Figures) -> dict[str, Array]:
    """Ratios to other methods' figures, and gains over them."""
    ratios = {name: one[figure] / _not_zero(all_methods[rule][figure]) for name, (figure, rule) in RATIOS.items()}
    return ratios | {name: one[figure] - all_methods[rule][figure] for name, (figure, rule) in GAINS.items()}


def _not_zero(values: Array) -> Array:
    return np.where(values > 0.0, values, np.nan)


def report(sources: list[SourceScores], request: BacktestRequest, unfinished: list[str]) -> dict[str, Any]:
    """Everything as plain values for JSON, table and figure: unknown numbers are None. ``unfinished``: not scored any more."""
    methods = tuple(sources[0].scored) if sources else ()
    question = request.question()
    return {
        "version": _version(),
        "interrupted": bool(unfinished),
        "unfinished": unfinished,
        "asked": request.told(),
        "limit": request.limit,
        "horizon_steps": list(question.horizon_steps),
        "probability": question.probability,
        "history_columns": question.history_columns,
        "first_origin": WARM_UP_COLUMNS,
        "interval_percent": [INTERVAL[0], INTERVAL[1]],
        "sources": {source.name: _source(source) for source in sources},
        "means": {method: _means(sources, method) for method in methods},
        "reliability": {method: found for method in methods if (found := _reliability(sources, method)) is not None},
    }


def _version() -> str:
    try:
        return version("edgeshift")
    except PackageNotFoundError:
        return "unknown"


def _source(source: SourceScores) -> dict[str, Any]:
    return {
        "series": source.series,
        "machines": source.machines,
        "points": source.points,
        "grid_seconds": source.grid_seconds,
        "below_limit": round(source.below_limit, 4),
        "in_event_means": source.below_limit >= LEAST_BELOW,
        "events": [int(events) for events in source.events],
        "warnings": list(source.remarks),
        "methods": {name: _method(source, name) for name in source.scored},
    }


def _method(source: SourceScores, name: str) -> dict[str, Any]:
    scored, draws = source.scored[name], source.draws[name]
    told: dict[str, Any] = {figure: _entry(values, draws.get(figure)) for figure, values in source.figures[name].items()}
    told["alarm_at"] = _plain(scored.alarm_at)
    told["refresh_us"] = round(scored.refresh_seconds * 1e6, 1)
    return told


def _means(sources: list[SourceScores], method: str) -> dict[str, Any]:
    """Means over sources of each figure and of how many, by horizon; those of the event are over sources that have onsets to foresee."""
    told: dict[str, Any] = {}
    of_the_event = (*OF_THE_EVENT, "median_lead_seconds", *GAINS)
    for names, among in (((*OF_THE_LOAD, *RATIOS), sources), (of_the_event, _eventful(sources))):
        for figure in names:
            values = [source.figures[method][figure] for source in among]
            draws = [source.draws[method][figure] for source in among if figure in source.draws[method]]
            entry = _entry(mean_of(values), mean_of(draws) if draws else None)
            told[figure] = entry | {"sources": np.isfinite(np.stack(values)).sum(axis=0).tolist() if values else []}
    told["refresh_us"] = round(float(np.mean([source.scored[method].refresh_seconds for source in sources])) * 1e6, 1)
    return told


def _eventful(sources: list[SourceScores]) -> list[SourceScores]:
    return [source for source in sources if source.below_limit >= LEAST_BELOW]


def mean_of(parts: list[Array]) -> Array:
    """The mean of arrays of one shape, place by place, over those where it is known; NaN where it is nowhere."""
    if not parts:
        return np.empty(0)
    stacked = np.stack(parts)
    known = np.isfinite(stacked)
    count = known.sum(axis=0)
    return np.asarray(np.where(known, stacked, 0.0).sum(axis=0) / np.where(count > 0, count, np.nan))


def _entry(values: Array, draws: Array | None) -> dict[str, Any]:
    """A figure by horizon, with the interval of its draws (B × H) where there are any."""
    told: dict[str, Any] = {"value": _plain(values)}
    if draws is not None and draws.size and not np.isnan(draws).all():
        low, high = (_percentile(draws, percent) for percent in INTERVAL)
        told |= {"low": _plain(low), "high": _plain(high)}
    return told


def _percentile(draws: Array, percent: float) -> Array:
    """A percentile of each column's known draws; NaN in a column without any."""
    columns = [column[np.isfinite(column)] for column in draws.T]
    return np.array([np.percentile(column, percent) if column.size else np.nan for column in columns])


def _reliability(sources: list[SourceScores], method: str) -> list[dict[str, Any]] | None:
    """By horizon: mean probability said, share of events that came, cases, by tenths; all cases of all sources that count for events."""
    parts = [found for source in _eventful(sources) if (found := source.scored[method].calibration) is not None]
    if not parts:
        return None
    cases = np.stack([part[:, 2] for part in parts]).sum(axis=0)
    totals = (np.stack([np.nan_to_num(part[:, place] * part[:, 2]) for part in parts]).sum(axis=0) for place in (0, 1))
    said, came = (total / np.where(cases > 0, cases, np.nan) for total in totals)
    return [{"said": _plain(said[place]), "came": _plain(came[place]), "cases": _plain(cases[place])} for place in range(len(cases))]


def _plain(values: Array) -> list[float | None]:
    return [round(float(value), 5) if np.isfinite(value) else None for value in values]
