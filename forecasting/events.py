"""How likely a series is to reach a limit within each horizon, read from p50 and spread; and which level it will hardly reach.

At one horizon h the error is taken as normal:            P(x(h) < L) = Φ((L − p50(h)) / spread(h))
Within a horizon the event is «the maximum reaches L»:    P(max over steps ≤ h ≥ L) ≈ 1 − Π over h' ≤ h of P(x(h') < L)
The product runs over the forecast's own horizons up to h, as if their errors were independent. For normal errors that
rise and fall together it is an upper bound of the true probability at these horizons (Slepian 1962; Šidák 1967), never
more than their sum; the steps between two horizons are left out, which errs the other way. The lower bound, the largest
single P(h'), was measured on recorded loads and was far worse at long horizons (Brier score 0.29 against 0.16 at 12 steps).
Limits: with slowly wandering errors P is too high near the limit. A normal tail is a fair description only near p50; ask
``p90`` for a tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtr

from forecasting.api import Floats

if TYPE_CHECKING:
    from forecasting.api import ForecastTable


HALVINGS: Final = 8
"""A 256th of where the level can be: finer than any decision distinguishes loads."""
FAR_SPREADS: Final = 4.0
"""The search begins so many standard deviations around the forecast."""
ABOVE_ALL: Final = 1.001
"""… and reaches above the whole of a capacity."""


def probability_under(p50: Floats, spread: Floats, limits: Floats) -> Floats:
    """P(x < limit) for broadcastable arrays: Φ((limit − p50)/spread); a step where spread is 0; NaN where unknown."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        distance = limits - p50
        certain = np.where(distance > 0.0, np.inf, -np.inf)
        score = np.where(spread > 0.0, distance / spread, certain)
    unknown = np.isnan(p50) | np.isnan(spread) | np.isnan(limits)
    return np.where(unknown, np.nan, ndtr(score))


@dataclass(frozen=True, slots=True)
class NormalChances:
    """The event read off a forecast: ``p50`` and ``spread`` S × H as above."""

    p50: Floats
    spread: Floats

    def probability(self, limits: Floats) -> Floats:
        """P(the maximum up to each horizon ≥ limit): limits S × K, answer S × K × H.

        In [0, 1], not falling with the horizon, not rising with the limit; NaN where a forecast or a limit is unknown.
        """
        under = probability_under(self.p50[:, None, :], self.spread[:, None, :], limits[..., None])
        unknown = np.isnan(under)
        return np.where(unknown, np.nan, 1.0 - np.cumprod(np.where(unknown, 1.0, under), axis=-1))


def level_not_reached(table: ForecastTable, probability: float, horizon: int) -> Floats:
    """The lowest level L (S) that was found with P(maximum up to a horizon ≥ L) < ``probability``, by halving.

    See ``ForecastTable.highest``. P does not rise with the level, so the upper end of the halved interval is always on the safe side.
    """
    upto = slice(0, horizon + 1)
    far = FAR_SPREADS * table.spread[:, upto]
    low = (table.p50[:, upto] - far).min(axis=1)
    high = np.maximum((table.p90[:, upto] + far).max(axis=1), np.fmax(table.margin_p90[:, upto].max(axis=1), ABOVE_ALL))
    with np.errstate(invalid="ignore"):
        nowhere = table.p_over(high)[:, horizon] >= probability
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            reached = table.p_over(middle)[:, horizon] >= probability
            low, high = np.where(reached, middle, low), np.where(reached, high, middle)
    return np.where(nowhere, np.inf, high)
