"""Puts the scores of all sources together: figures by source and method, means over sources, and their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from forecasting.backtest import WARM_UP_COLUMNS, Fleet
from forecasting.methods import LAST_VALUE
from forecasting.rolling import known_loads
from forecasting.scores import OF_THE_EVENT, OF_THE_LOAD, Scored, drawn, figures, together

INTERVAL: Final = (2.5, 97.5)
LEAST_BELOW: Final = 0.4
"""Means of event figures are over sources that lie below their limit at least this part of the time: one that is mostly above it has
returns and few onsets, and nothing there is foreseen."""
COMPARED: Final = "f1"

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SourceScores:
    """One source: what it is, its scores by method, and the figures of each draw of its machines (B × H by figure and method)."""

    name: str
    series: int
    machines: int
    points: int
    grid_seconds: float
    below_limit: float
    scored: Mapping[str, Scored]
    draws: Mapping[str, Mapping[str, Array]]


def scores_of(fleet: Fleet, scored: Mapping[str, Scored]) -> SourceScores:
    """Add to a source's scores what its machines' draws say."""
    loads = known_loads(fleet.values)
    known = np.isfinite(loads)
    return SourceScores(
        name=fleet.name,
        series=len(fleet.keys),
        machines=len(np.unique(fleet.machines)),
        points=int(known.sum()),
        grid_seconds=fleet.grid_seconds,
        below_limit=float((loads < fleet.limits[:, None]).sum() / max(int(known.sum()), 1)),
        scored=scored,
        draws={name: figures(drawn(one.sums, fleet.machines)) for name, one in scored.items()},
    )


def report(sources: list[SourceScores], limit: str, horizon_steps: tuple[int, ...]) -> dict[str, Any]:
    """Everything as plain values for JSON, table and figure: unknown numbers are None."""
    methods = tuple(sources[0].scored) if sources else ()
    return {
        "limit": limit,
        "horizon_steps": list(horizon_steps),
        "first_origin": WARM_UP_COLUMNS,
        "interval_percent": [INTERVAL[0], INTERVAL[1]],
        "sources": {source.name: _source(source) for source in sources},
        "means": {method: _means(sources, method) for method in methods},
        "reliability": {method: found for method in methods if (found := _reliability(sources, method)) is not None},
    }


def _source(source: SourceScores) -> dict[str, Any]:
    return {
        "series": source.series,
        "machines": source.machines,
        "points": source.points,
        "grid_seconds": source.grid_seconds,
        "below_limit": round(source.below_limit, 4),
        "in_event_means": source.below_limit >= LEAST_BELOW,
        "methods": {name: _method(source, name) for name in source.scored},
    }


def _method(source: SourceScores, name: str) -> dict[str, Any]:
    scored, draws = source.scored[name], source.draws[name]
    told: dict[str, Any] = {figure: _entry(values, draws.get(figure)) for figure, values in _figures(scored).items()}
    told["alarm_at"] = _plain(scored.alarm_at)
    told["refresh_us"] = round(scored.refresh_seconds * 1e6, 1)
    return told


def _figures(scored: Scored) -> dict[str, Array]:
    """All figures of a source, H each."""
    ratios = {name: values[0] for name, values in figures(together(scored.sums)).items()}
    return {**ratios, "auprc": scored.auprc, "median_lead": scored.median_lead}


def _means(sources: list[SourceScores], method: str) -> dict[str, Any]:
    """Means over sources of each figure, those of the event over sources that have onsets to foresee."""
    told: dict[str, Any] = {}
    for names, among in ((OF_THE_LOAD, sources), (OF_THE_EVENT, _eventful(sources))):
        for figure in names:
            values = [_figures(source.scored[method])[figure] for source in among]
            draws = [source.draws[method][figure] for source in among if figure in source.draws[method]]
            told[figure] = _entry(mean_of(values), mean_of(draws) if draws else None)
    gains = [_figures(source.scored[method])[COMPARED] - _figures(source.scored[LAST_VALUE])[COMPARED] for source in _eventful(sources)]
    drawn_gains = [source.draws[method][COMPARED] - source.draws[LAST_VALUE][COMPARED] for source in _eventful(sources)]
    told["f1_gain"] = _entry(mean_of(gains), mean_of(drawn_gains) if drawn_gains else None)
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
