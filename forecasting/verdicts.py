"""How the forecasts have done lately: per series whether they beat the margin rule, per horizon for the whole fleet how honest they were.

The equations stand in ``forecasting.gate``; here the same sums are kept from column to column and forgotten exponentially.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecasting.api import Floats, Quality, Singles
from forecasting.calibration import UPPER_QUANTILE
from forecasting.gate import FIRST_NO, FIRST_YES, INFORMATIVE_PROBABILITY, Evidence, earned, pooled_skill
from forecasting.onsets import Leads
from forecasting.origin import Outcomes

FORGETTING: Final = 0.9995
"""A series' record counts for some 2,000 outcomes: sixteen hours on a grid of 30 s."""
FLEET_FORGETTING: Final = 0.999
"""A fleet's record has many outcomes in each step, so 1,000 steps (eight hours) are enough, and it follows the day."""
FLEET_POINTS: Final = 200.0
"""A series' own record of both weighs as much as the fleet's after this many informative outcomes, as the gate's does."""
ADVANTAGE: Final = 0.5
"""The learnt model is believed unless the line's squared error is half as large, which few recorded series come near."""
CALIBRATION_BINS: Final = 10
"""Tenths of probability."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Trailing sums. Per series and horizon (S × H): squared errors of the model and of the rule, how often the rule said yes
    (``alarms``) and the event came after it (``hits``), informative outcomes, events, all outcomes;
    ``experts`` S × H × 2 are the squared errors of the learnt event model and of the line alone.

    Per horizon, of the fleet: ``covered``, ``pinball`` and ``outcomes`` (H); ``onsets`` of overloads, ``foreseen`` ones and the sum of
    their ``lead`` in steps (H); ``said``, ``came`` and ``cases`` by tenths of probability (H × 10).
    """

    model: Singles
    rule: Singles
    alarms: Singles
    hits: Singles
    informative: Singles
    events: Singles
    matured: Singles
    experts: Singles
    covered: Floats
    pinball: Floats
    outcomes: Floats
    onsets: Floats
    foreseen: Floats
    lead: Floats
    said: Floats
    came: Floats
    cases: Floats

    @classmethod
    def none(cls, series: int, horizons: int) -> Verdicts:
        """Before the first outcome."""
        own, fleet, bins = np.zeros((series, horizons), np.float32), np.zeros(horizons), np.zeros((horizons, CALIBRATION_BINS))
        return cls(*(own,) * 7, np.zeros((series, horizons, 2), np.float32), *(fleet,) * 6, bins, bins, bins)

    def quality(self, grid_seconds: float) -> Quality:
        """The fleet's record at each horizon."""
        skill = [pooled_skill(self.evidence(horizon)) for horizon in range(len(self.outcomes))]
        return Quality(
            coverage=_share(self.covered, self.outcomes),
            pinball=_share(self.pinball, self.outcomes),
            skill=np.array(skill),
            foreseen=_share(self.foreseen, self.onsets),
            lead_seconds=_share(self.lead, self.foreseen) * grid_seconds,
            said=_share(self.said, self.cases),
            came=_share(self.came, self.cases),
        )

    def line_is_better(self) -> NDArray[np.bool_]:
        """Where the line alone foresees limits better than the learnt event model does (S × H), by Brier scores drawn to the fleet's."""
        informative = self.informative.astype(np.float64)[..., None]
        fleet = self.experts.sum(axis=0, dtype=np.float64) / np.maximum(informative.sum(axis=0), 1.0)
        error = self.experts + FLEET_POINTS * fleet
        return np.asarray(error[..., 1] < ADVANTAGE * error[..., 0])

    def evidence(self, horizon: int) -> Evidence:
        """What the gate is judged by, S each."""
        sums = (self.model, self.rule, self.matured, self.informative, self.events)
        return Evidence(*(one[:, horizon].astype(np.float64) for one in sums))

    def meaning(self, alarm: NDArray[np.bool_]) -> Floats:
        """The probability that the rule's word (S × H) has turned out to mean so far."""
        hits, alarms = self.hits.astype(np.float64), self.alarms.astype(np.float64)
        other_hits, silences = self.events - hits, self.matured - alarms
        yes = earned(hits, alarms, hits.sum(axis=0), alarms.sum(axis=0), FIRST_YES)
        no = earned(other_hits, silences, other_hits.sum(axis=0), silences.sum(axis=0), FIRST_NO)
        return np.where(alarm, yes, no)


def judge(verdicts: Verdicts, seen: Outcomes, onsets: Leads) -> Verdicts:
    """Add the outcomes and onsets of all horizons; a series without an outcome forgets nothing."""
    usable = np.isfinite(seen.probability) & np.isfinite(seen.highest) & np.isfinite(seen.margin) & (seen.last < seen.limit)
    event, alarm = seen.highest >= seen.limit, seen.margin >= seen.limit
    telling = usable & (event | alarm | (seen.probability >= INFORMATIVE_PROBABILITY))
    kept = np.where(usable, FORGETTING, 1.0).astype(np.float32)
    error = seen.came - seen.p90
    known = np.isfinite(error)
    pinball = np.where(known, np.maximum(UPPER_QUANTILE * error, (UPPER_QUANTILE - 1.0) * error), 0.0)
    return Verdicts(
        model=verdicts.model * kept + np.where(usable, np.square(seen.probability - event), 0.0).astype(np.float32),
        rule=verdicts.rule * kept + np.where(usable, np.square(verdicts.meaning(alarm) - event), 0.0).astype(np.float32),
        alarms=verdicts.alarms * kept + (usable & alarm),
        hits=verdicts.hits * kept + (usable & alarm & event),
        informative=verdicts.informative * kept + telling,
        events=verdicts.events * kept + (usable & event),
        matured=verdicts.matured * kept + usable,
        experts=verdicts.experts * kept[..., None]
        + np.where(usable[..., None], np.square(seen.experts - event[..., None]), 0.0).astype(np.float32),
        covered=verdicts.covered * FLEET_FORGETTING + (known & (error <= 0.0)).sum(axis=0),
        pinball=verdicts.pinball * FLEET_FORGETTING + pinball.sum(axis=0),
        outcomes=verdicts.outcomes * FLEET_FORGETTING + known.sum(axis=0),
        onsets=verdicts.onsets * FLEET_FORGETTING + onsets.onsets,
        foreseen=verdicts.foreseen * FLEET_FORGETTING + onsets.foreseen,
        lead=verdicts.lead * FLEET_FORGETTING + onsets.steps,
        said=verdicts.said * FLEET_FORGETTING + _by_tenth(seen.probability, seen.probability, usable),
        came=verdicts.came * FLEET_FORGETTING + _by_tenth(event.astype(np.float64), seen.probability, usable),
        cases=verdicts.cases * FLEET_FORGETTING + _by_tenth(np.ones_like(seen.probability), seen.probability, usable),
    )


def _by_tenth(amounts: Floats, chances: Floats, usable: NDArray[np.bool_]) -> Floats:
    """Sums of the usable ``amounts`` by the tenth that their chance lies in, H × 10."""
    horizons = chances.shape[1]
    tenth = np.minimum(np.where(usable, chances, 0.0) * CALIBRATION_BINS, CALIBRATION_BINS - 1).astype(np.int64)
    place = tenth + np.arange(horizons) * CALIBRATION_BINS
    counted = np.bincount(place.ravel(), weights=np.where(usable, amounts, 0.0).ravel(), minlength=horizons * CALIBRATION_BINS)
    return np.asarray(counted, dtype=np.float64).reshape(horizons, CALIBRATION_BINS)


def _share(part: Floats, whole: Floats) -> Floats:
    """Part over whole; NaN where there is no whole."""
    return np.asarray(part / np.where(whole > 0.0, whole, np.nan))
