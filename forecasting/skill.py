"""Has the forecast lately been better than the margin rule at saying whether a series will reach its limit?

Event at an origin: the maximum of the next h grid steps reaches the limit. Brier score B = mean (P − event)² (Brier 1950),
skill = 1 − B(model) / B(rule) (Murphy 1973), where the rule's P is 1 or 0: last value + volatility margin ≥ limit or not.
    skill(series) = (n·own + k·pooled) / (n + k),  k = 200 (DESIGN, law 6), n = informative matured origins of the series
An origin is matured when every one of its h outcomes is known, and informative when the event happened, the rule said yes,
or the model gave it ``INFORMATIVE_PROBABILITY``: a thousand calm minutes far below the limit prove nothing either way. They
still count in both Brier sums, where they add (almost) nothing. Neighbouring origins overlap, so n overstates the evidence
of one overload by about h; the 200 are meant for counts made this way.
Edges, all towards a closed gate: no event ever → own 0 (silence alone is no skill); a perfect rule → own 0 (nothing to beat);
no matured origin in the whole fleet → NaN; own and pooled are held within ±1, as 1 − B/B' has no lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting.api import Floats

INFORMATIVE_PROBABILITY: Final = 0.05
"""Below this the model has in effect said no, at a Brier price of at most 0.0025."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Sums over each series' matured origins (S each): squared errors of model and rule, and counts."""

    model: Floats
    rule: Floats
    matured: Floats
    informative: Floats
    events: Floats


def weigh(probability: Floats, margin: Floats, highest: Floats, limits: Floats) -> Evidence:
    """Compare model and rule at S × N origins.

    ``probability`` is the model's P(event), ``margin`` the rule's last value + margin, ``highest`` the maximum of the next
    steps (NaN until all are known), ``limits`` S. An origin counts only where all four are known.
    """
    limit = limits[:, None]
    usable = np.isfinite(probability) & np.isfinite(margin) & np.isfinite(highest) & ~np.isnan(limit)
    event, alarm = highest >= limit, margin >= limit
    model = np.where(usable, np.square(probability - event), 0.0).sum(axis=1)
    rule = (usable & (alarm != event)).sum(axis=1).astype(np.float64)
    telling = usable & (event | alarm | (probability >= INFORMATIVE_PROBABILITY))
    return Evidence(model, rule, _count(usable), _count(telling), _count(usable & event))


def _count(mask: NDArray[np.bool_]) -> Floats:
    """True cells per row."""
    return np.asarray(mask.sum(axis=1), dtype=np.float64)


def joined(parts: list[Evidence]) -> Evidence:
    """The evidence of several groups of series, one after the other."""
    return Evidence(
        model=np.concatenate([part.model for part in parts]),
        rule=np.concatenate([part.rule for part in parts]),
        matured=np.concatenate([part.matured for part in parts]),
        informative=np.concatenate([part.informative for part in parts]),
        events=np.concatenate([part.events for part in parts]),
    )


def pooled_skill(evidence: Evidence) -> float:
    """Skill of the fleet as one: from the sums over all series; 0 without an event or a miss of the rule; NaN without origins."""
    if evidence.matured.sum() == 0.0:
        return float("nan")
    model, rule = float(evidence.model.sum()), float(evidence.rule.sum())
    if evidence.events.sum() == 0.0 or rule == 0.0:
        return 0.0
    return max(1.0 - model / rule, -1.0)


def shrunk_skill(evidence: Evidence, pseudo_points: float) -> Floats:
    """Skill of each series (S), drawn to the fleet's by n/(n + ``pseudo_points``); NaN without any evidence."""
    pooled = pooled_skill(evidence)
    provable = (evidence.events > 0.0) & (evidence.rule > 0.0)
    ratio = evidence.model / np.where(provable, evidence.rule, 1.0)
    own = np.where(provable, np.maximum(1.0 - ratio, -1.0), 0.0)
    n = evidence.informative
    return np.asarray((n * own + pseudo_points * pooled) / (n + pseudo_points))
