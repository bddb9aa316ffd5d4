"""How long an environment class stays: each camera's class as a chain of two states, seen or not, with honest ignorance.

At one step a class that is seen leaves with probability p, one that is not seen comes with q. With Beta(a, b) priors and
counts of steps that left (l) and stayed (s), p is Beta(a + l, b + s), and q alike (conjugate: Gelman et al. 2013, ch. 2):
    P(still seen after h steps, whatever lay between) = π + (1 − π)·(1 − p − q)ʰ,  π = q/(p + q)    at the means of p and q
    P(seen at every one of h steps)                   = B(a + l, b + s + h) / B(a + l, b + s)       exactly, p unknown
The second falls slower than (1 − p)ʰ at the mean: what has lasted may be of a kind that lasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import betaln

from forecasting.api import Floats

PRIOR_LEAVING: Final = (0.5, 9.5)
"""Before a camera has shown anything its class leaves at one step in twenty, believed as much as ten steps."""
PRIOR_COMING: Final = (0.5, 9.5)
"""… and a class that is not seen comes as seldom."""


@dataclass(frozen=True, slots=True)
class Transitions:
    """Counts of steps per camera, C each: a class that was seen ``left`` or ``stayed``, one that was not ``came`` or stayed ``absent``."""

    left: Floats
    stayed: Floats
    came: Floats
    absent: Floats


def none_seen(cameras: int) -> Transitions:
    """Before the first step."""
    nothing = np.zeros(cameras)
    return Transitions(nothing, nothing, nothing, nothing)


def observed(transitions: Transitions, seen: Floats) -> Transitions:
    """Add the steps between neighbouring columns of ``seen``, C × T: 1 where the class is seen, 0 where another is, NaN where unknown."""
    before, after = seen[:, :-1], seen[:, 1:]
    return Transitions(
        left=transitions.left + ((before == 1.0) & (after == 0.0)).sum(axis=1),
        stayed=transitions.stayed + ((before == 1.0) & (after == 1.0)).sum(axis=1),
        came=transitions.came + ((before == 0.0) & (after == 1.0)).sum(axis=1),
        absent=transitions.absent + ((before == 0.0) & (after == 0.0)).sum(axis=1),
    )


def seen_after(transitions: Transitions, steps: tuple[int, ...]) -> Floats:
    """P(a class that is seen now is seen ``steps`` later, whatever lies between), C × H."""
    leaving = _mean(PRIOR_LEAVING, transitions.left, transitions.stayed)
    coming = _mean(PRIOR_COMING, transitions.came, transitions.absent)
    share = coming / (leaving + coming)
    return np.asarray(share + (1.0 - share) * (1.0 - leaving - coming) ** np.asarray(steps, dtype=np.float64))


def lasts(transitions: Transitions, steps: tuple[int, ...]) -> Floats:
    """P(a class that is seen now is seen at every one of the next ``steps``), C × H; not rising with ``steps``."""
    leave, stay = PRIOR_LEAVING[0] + transitions.left[:, None], PRIOR_LEAVING[1] + transitions.stayed[:, None]
    return np.asarray(np.exp(betaln(leave, stay + np.asarray(steps, dtype=np.float64)) - betaln(leave, stay)))


def _mean(prior: tuple[float, float], happened: Floats, not_happened: Floats) -> Floats:
    """Posterior mean of a probability, C × 1."""
    return np.asarray((prior[0] + happened) / (sum(prior) + happened + not_happened))[:, None]
