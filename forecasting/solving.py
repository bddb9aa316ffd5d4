"""Solves the linear systems of the fits, with an answer for every matrix that a damaged state could hold."""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from forecasting.api import Floats

Kind = TypeVar("Kind", np.float32, np.float64)
MOST_ROUNDS: Final = 30
"""Times the number of unknowns: bounded least squares needs a few rounds per unknown; more is a cycle of rounding errors."""


def solved(matrix: NDArray[Kind], right: NDArray[Kind]) -> NDArray[Kind]:
    """One or many systems; 0 where a solution is not finite, and everywhere if one of them has none (sums with a ridge always have)."""
    try:
        found = np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        return np.zeros_like(right)
    return np.where(np.isfinite(found), found, np.zeros_like(found))


def solved_within(matrix: Floats, right: Floats, bounded: NDArray[np.bool_]) -> Floats | None:
    """argmin ½βᵀAβ − mᵀβ with β ≥ 0 where ``bounded``; None where it is not found.

    The free unknowns are eliminated (Schur complement S = A_bb − A_bf·A_ff⁻¹·A_fb), what remains is non-negative least squares
    ‖Lᵀβ − L⁻¹m‖ with L·Lᵀ = S (Lawson & Hanson 1974).
    """
    free = ~bounded
    try:
        inner = np.linalg.solve(matrix[np.ix_(free, free)], np.column_stack([matrix[np.ix_(free, bounded)], right[free]]))
        left = matrix[np.ix_(bounded, free)]
        triangle = np.linalg.cholesky(matrix[np.ix_(bounded, bounded)] - left @ inner[:, :-1])
        goal = np.linalg.solve(triangle, right[bounded] - left @ inner[:, -1])
        held = nnls(triangle.T, goal, maxiter=MOST_ROUNDS * len(goal))[0]
    except (np.linalg.LinAlgError, RuntimeError, ValueError):
        return None
    found = np.zeros_like(right)
    found[bounded], found[free] = held, inner[:, -1] - inner[:, :-1] @ held
    return found if np.isfinite(found).all() else None
