"""Has a forecast lately been better than the margin rule at saying whether a series will reach its limit? Only then may it act.

Event at an origin below the limit: the maximum of the next h grid steps reaches it. Brier score B = mean (P − event)² (Brier 1950),
skill = 1 − B(model) / B(rule) (Murphy 1973). The rule is last value + volatility margin ≥ limit: it says yes or no, and would lose to any
hedge if that counted as 1 or 0, to «never» above all. So it is given the probabilities that its yes and its no had turned
out to mean by then, drawn to the fleet's:
    h₁ = (events after yes + k·H₁) / (yes + k),   h₀ = (events after no + k·H₀) / (no + k),   k = 20
    B(rule) = Σ (h − event)²,   h = h₁ or h₀ by the rule's word, from the outcomes before this one (prequential: Dawid 1984)
A forecast that does not know more than the rule does has no skill then. Both are judged on outcomes that they could not know.
    skill(series) = (n·own + k·pooled) / (n + k),  k = 200 (DESIGN, law 6), n = informative matured origins of the series
An origin is matured when every one of its h outcomes is known, and informative when the event happened, the rule said yes,
or the model gave it ``INFORMATIVE_PROBABILITY``: a thousand calm minutes far below the limit prove nothing either way. They
still count in both Brier sums, where they add (almost) nothing. Neighbouring origins overlap, so n overstates the evidence
of one overload by about h; the 200 are meant for counts made this way.
Edges, all towards a closed gate: no event ever → own at most 0 (silence alone is no skill, needless alarms are less); a perfect rule →
own 0 (nothing to beat); no matured origin in the whole fleet → NaN; own and pooled are held within ±1, as 1 − B/B' has no lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting.api import Floats
from forecasting.rolling import matured_sum

INFORMATIVE_PROBABILITY: Final = 0.05
"""Below this the model has in effect said no, at a Brier price of at most 0.0025."""
RULE_POINTS: Final = 20.0
"""What the rule's yes means on a series is known after some 20 of them; until then it is what it means in the fleet."""
FIRST_YES, FIRST_NO = 0.5, 0.05
"""What yes and no mean before the fleet's first outcome; worth one outcome."""
CLOSED_BELOW: Final = -0.05
"""The gate opens above 0 and closes below this: between the two it stays as it was."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Sums over each series' matured origins (S each): squared errors of model and rule, and counts."""

    model: Floats
    rule: Floats
    matured: Floats
    informative: Floats
    events: Floats


def opened(skill: Floats, open_before: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Open or close each gate by its skill, or leave it as it was; where the skill is unknown it is closed."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(open_before, skill >= CLOSED_BELOW, skill > 0.0))


def earned(came: Floats, cases: Floats, fleet_came: Floats, fleet_cases: Floats, first: float) -> Floats:
    """The probability that a word has turned out to mean: the share of its cases that came, drawn to the fleet's.

    The fleet's is ``first`` before there are any. Forgotten sums may lie a hair below 0.
    """
    fleet = (np.maximum(fleet_came, 0.0) + first) / (np.maximum(fleet_cases, fleet_came) + 1.0)
    own = np.maximum(came, 0.0)
    return np.asarray((own + RULE_POINTS * fleet) / (np.maximum(cases, own) + RULE_POINTS))


@dataclass(frozen=True, slots=True)
class Words:
    """What was said at N origins of S series, oldest first, and what came (S × N each).

    ``probability`` is the model's P(event), ``margin`` the rule's last value + margin, ``last`` the value then, ``highest`` the
    maximum of the next steps (NaN until all are known).
    """

    probability: Floats
    margin: Floats
    last: Floats
    highest: Floats

    @classmethod
    def joined(cls, parts: list[Words]) -> Words:
        """Those of several groups of series, one after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def weigh(said: Words, limits: Floats, steps: int) -> Evidence:
    """Compare model and rule; ``limits`` S. An origin counts only where everything is known and its last value is below the limit.

    What the rule's words mean is learnt from all series, so these must be the whole fleet.
    """
    limit, probability = limits[:, None], said.probability
    usable = np.isfinite(probability) & np.isfinite(said.margin) & np.isfinite(said.highest) & (said.last < limit)
    event, alarm = usable & (said.highest >= limit), usable & (said.margin >= limit)
    word = np.where(
        alarm, _earned_by_then(event & alarm, alarm, steps, FIRST_YES), _earned_by_then(event & ~alarm, usable & ~alarm, steps, FIRST_NO)
    )
    model = np.where(usable, np.square(probability - event), 0.0).sum(axis=1)
    rule = np.where(usable, np.square(word - event), 0.0).sum(axis=1)
    telling = usable & (event | alarm | (probability >= INFORMATIVE_PROBABILITY))
    return Evidence(model, rule, _count(usable), _count(telling), _count(event))


def _earned_by_then(came: NDArray[np.bool_], cases: NDArray[np.bool_], steps: int, first: float) -> Floats:
    """What a word meant at each origin (S × N), from the origins of all series whose outcome was known by then."""
    own, of = (matured_sum(flags.astype(np.float64), steps) for flags in (came, cases))
    return earned(own, of, own.sum(axis=0), of.sum(axis=0), first)


def _count(mask: NDArray[np.bool_]) -> Floats:
    """True cells per row."""
    return np.asarray(mask.sum(axis=1), dtype=np.float64)


def pooled_skill(evidence: Evidence) -> float:
    """Skill of the fleet as one, from the sums over all series.

    At most 0 without an event, 0 without a miss of the rule, NaN without origins.
    """
    if evidence.matured.sum() == 0.0:
        return float("nan")
    model, rule = float(evidence.model.sum()), float(evidence.rule.sum())
    if rule == 0.0:
        return 0.0
    skill = max(1.0 - model / rule, -1.0)
    return min(skill, 0.0) if evidence.events.sum() == 0.0 else skill


def shrunk_skill(evidence: Evidence, pseudo_points: float) -> Floats:
    """Skill of each series (S), drawn to the fleet's by n/(n + ``pseudo_points``); NaN without any evidence."""
    pooled = pooled_skill(evidence)
    beatable = evidence.rule > 0.0
    own = np.where(beatable, np.maximum(1.0 - evidence.model / np.where(beatable, evidence.rule, 1.0), -1.0), 0.0)
    own = np.where(evidence.events > 0.0, own, np.minimum(own, 0.0))
    n = evidence.informative
    return np.asarray((n * own + pseudo_points * pooled) / (n + pseudo_points))
