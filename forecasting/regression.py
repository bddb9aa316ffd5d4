"""A straight line in time for every series and every origin at once, careful with slopes that may be noise.

Equations, for one window of W grid points at ages a = W−1 … 0 (t = −a), weights w = weight_decay^a, unknown points left out:
    t̄ = Σwt/Σw,  ȳ = Σwy/Σw,  Sxx = Σw(t−t̄)²,  b = Σw(t−t̄)y / Sxx                (weighted least squares)
    s² = ((Σw(y−ȳ)² − b²Sxx) · n/Σw + prior_points · s₀²) / (n − 2 + prior_points)  (moderated variance: Smyth 2004, limma)
    b* = b · max(0, 1 − c²·(s²/Sxx)/b²)                                           (non-negative garrotte: Breiman 1995)
    line(h) = ȳ − b*·t̄ + b*·(φ + φ² + … + φʰ)                                      (damped trend: Gardner & McKenzie 1985)
    p50(h) = line(h) + γ(h)·(last − line(0))                                      (correlated errors: Goldberger 1962)
s₀² is the mean of the series' earlier windows' variances; γ(h) is learnt from matured origins only (see ``origin_path``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from forecasting.api import Floats
from forecasting.baselines import MarginSettings
from forecasting.calibration import LEAST_SPREAD
from forecasting.rolling import carried_forward, matured_sum, steps_later


@dataclass(frozen=True, slots=True)
class RegressionSettings:
    """How the regression looks at the past; all lengths in grid steps, all fields overridable.

    ``horizon_steps`` are the house's grid steps. ``window_points`` 7: a ramp must fill most of the window to be seen, and
    must be seen within 4–6 points of its beginning. ``weight_decay`` 0.8: with 7 points the line's memory is half behind it
    after three. ``least_points`` 4: a line through three points leaves one degree of freedom to judge its noise by.
    ``slope_evidence`` 2: a slope under two standard errors counts nothing. ``trend_damping`` 0.97: of a slope's reach
    17 % are given up at 12 steps, 10 % at 6: ramps end. ``prior_points`` 4: the series' usual noise weighs about as much as
    the window's own degrees of freedom. ``gain_prior`` 0.5 with ``gain_points`` 10: until ten origins have matured the
    forecast starts half-way between line and last value. ``origins`` 120: ten independent outcomes of the longest
    horizon. ``support``: a series that never left it is not forecast outside it (loads are ratios of a capacity).
    ``chunk_series`` 1024: a chunk's arrays of about 1 MB each stay in the processor's cache and memory stays bounded.
    ``skill_step`` 3: on the house's 30-s grid the first step of at least twice a move of 20 s; set it to the step that is
    acted at where the grid or the moves are others.
    """

    horizon_steps: tuple[int, ...] = (1, 3, 6, 12)
    window_points: int = 7
    weight_decay: float = 0.8
    least_points: int = 4
    slope_evidence: float = 2.0
    trend_damping: float = 0.97
    prior_points: float = 4.0
    gain_prior: float = 0.5
    gain_points: float = 10.0
    origins: int = 120
    support: tuple[float, float] = (0.0, 1.0)
    chunk_series: int = 1024
    skill_step: int = 3
    skill_pseudo_points: float = 200.0
    margin: MarginSettings = field(default_factory=MarginSettings)

    def __post_init__(self) -> None:
        """Refuse what cannot be computed.

        Raises:
            ValueError: horizons not rising from at least 1, a skill step that is no horizon, or a window under its minimum.
        """
        steps = self.horizon_steps
        if not steps or steps[0] < 1 or any(later <= earlier for earlier, later in pairwise(steps)):
            raise ValueError(f"horizon_steps {steps} must be whole grid steps, at least 1 and rising")
        if self.skill_step not in steps:
            raise ValueError(f"skill_step {self.skill_step} must be one of the horizon_steps {steps}")
        if not 3 <= self.least_points <= self.window_points:
            raise ValueError(f"least_points {self.least_points} must lie between 3 and window_points {self.window_points}")
        if min(self.origins, self.chunk_series) < 1:
            raise ValueError(f"origins {self.origins} and chunk_series {self.chunk_series} must be at least 1")

    @property
    def columns(self) -> int:
        """Grid columns that are looked at: one window per origin, the newest of which ends now."""
        return self.origins + self.window_points


@dataclass(frozen=True, slots=True)
class Lines:
    """One fitted line per series and origin (S × N each): value at the origin, slope per grid step after shrinkage, noise.

    ``points`` counts known points in the window; ``variance`` is the moderated residual variance; ``sxx`` and
    ``mean_age`` describe the window's design. NaN where the window has fewer than ``least_points``.
    """

    level: Floats
    slope: Floats
    variance: Floats
    sxx: Floats
    mean_age: Floats
    points: Floats


@dataclass(frozen=True, slots=True)
class Origins:
    """What every origin could see (S × N each): its line, its newest load, last known load − line(0).

    ``left_support`` says where the series had left the support by then; None where no series ever did.
    """

    lines: Lines
    loads: Floats
    residual: Floats
    left_support: NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Path:
    """p50 and error of one horizon at every origin (S × N; the newest is now); the error is NaN until it has matured."""

    p50: Floats
    error: Floats


def fit_lines(loads: Floats, settings: RegressionSettings) -> Lines:
    """Fit a line at every origin of S × C loads (NaN where unknown); N = C − W + 1."""
    ages = np.arange(settings.window_points - 1, -1, -1, dtype=np.float64)
    weight = settings.weight_decay**ages
    known = np.isfinite(loads)
    centre = _row_means(loads, known)
    y = np.where(known, loads - centre, 0.0)
    design = np.stack([weight, -weight * ages, weight * ages**2, np.ones_like(weight)], axis=1)
    if known.all():
        sums = np.broadcast_to(design.sum(axis=0), (1, 1, 4))
    else:
        sums = sliding_window_view(known.astype(np.float64), settings.window_points, axis=1) @ design
    w, wt, wtt, n = (sums[..., k] for k in range(4))
    enough = n >= settings.least_points
    w = np.where(enough, w, np.nan)
    moments = sliding_window_view(y, settings.window_points, axis=1) @ design[:, :2]
    squares = sliding_window_view(np.square(y), settings.window_points, axis=1) @ weight
    t_mean, y_mean = wt / w, moments[..., 0] / w
    sxx = wtt - wt * t_mean
    slope = (moments[..., 1] - wt * y_mean) / sxx
    residual = np.maximum(squares - moments[..., 0] * y_mean - np.square(slope) * sxx, 0.0) * (n / w)
    variance = _moderated(residual, n - 2.0, settings.prior_points)
    slope = slope * _kept_share(slope, variance / sxx, settings.slope_evidence)
    shape = slope.shape
    return Lines(y_mean + centre - slope * t_mean, slope, variance, np.broadcast_to(sxx, shape),
                 np.broadcast_to(-t_mean, shape), np.broadcast_to(n, shape))  # fmt: skip


def _row_means(loads: Floats, known: NDArray[np.bool_]) -> Floats:
    """Mean of each row's known loads, S × 1: sums of squares about it lose no digits."""
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.asarray(np.where(known, loads, 0.0).sum(axis=1, keepdims=True) / count)


def _moderated(residual_squares: Floats, degrees: Floats, prior_points: float) -> Floats:
    """Residual variance drawn towards the mean variance of the same series' windows so far (causal)."""
    known = np.isfinite(residual_squares)
    total = np.cumsum(np.where(known, residual_squares, 0.0), axis=1)
    freedom = np.cumsum(np.where(known, degrees, 0.0), axis=1)
    usual = total / np.maximum(freedom, 1.0)
    return np.asarray((residual_squares + prior_points * usual) / (degrees + prior_points))


def _kept_share(slope: Floats, slope_variance: Floats, evidence: float) -> Floats:
    """Share of a slope that its own uncertainty leaves: max(0, 1 − c²·var(b)/b²); 0 for a slope of 0."""
    square = np.square(slope)
    excess = np.maximum(square - evidence**2 * slope_variance, 0.0)
    return np.asarray(excess / np.where(square > 0.0, square, 1.0))


def fitted_log_square(lines: Lines, steps: int, settings: RegressionSettings) -> Floats:
    """Log of the variance that a fit itself predicts ``steps`` ahead: log s²·(1 + 1/n + (reach + mean age)²/Sxx), S × N."""
    reach = damped_reach(steps, settings.trend_damping)
    design = 1.0 + 1.0 / np.maximum(lines.points, 1.0) + np.square(reach + lines.mean_age) / lines.sxx
    return np.asarray(np.log(np.maximum(lines.variance, LEAST_SPREAD**2) * design))


def damped_reach(steps: int, damping: float) -> float:
    """How many steps' worth of slope are believed at ``steps``: φ + φ² + … + φʰ."""
    return math.fsum(damping**step for step in range(1, steps + 1))


def look_back(loads: Floats, settings: RegressionSettings) -> Origins:
    """Fit all lines of S × C loads (C ≥ W) and note what every origin could see besides."""
    offset = settings.window_points - 1
    low, high = settings.support
    lines = fit_lines(loads, settings)
    last = carried_forward(loads, settings.margin.carry_points)[:, offset:]
    left = np.logical_or.accumulate((loads < low) | (loads > high), axis=1)[:, offset:]
    return Origins(lines, loads[:, offset:], last - lines.level, left if left.any() else None)


def origin_path(origins: Origins, steps: int, settings: RegressionSettings) -> Path:
    """p50 ``steps`` ahead at every origin, each made of nothing but what was known there.

    γ(h) = (Σ r·e + k·m·γ₀) / (Σ r² + k·m) over the n matured origins, with r = last − line(0), e = outcome − line(h),
    m = Σr²/n: least squares drawn towards γ₀ as if by k = ``gain_points`` origins, clipped to [0, 1].
    """
    residual, lines = origins.residual, origins.lines
    line = lines.level + lines.slope * damped_reach(steps, settings.trend_damping)
    outcome = steps_later(origins.loads, steps)
    product = residual * (outcome - line)
    usable = np.isfinite(product)
    products = matured_sum(np.where(usable, product, 0.0), steps)
    squares = matured_sum(np.where(usable, np.square(residual), 0.0), steps)
    count = np.maximum(matured_sum(usable.astype(np.float64), steps), 1.0)
    pull = settings.gain_points * squares / count
    weight = squares + pull
    learnt = (products + pull * settings.gain_prior) / np.where(weight > 0.0, weight, 1.0)
    gain = np.where(weight > 0.0, np.clip(learnt, 0.0, 1.0), settings.gain_prior)
    p50 = line + gain * residual
    held = np.clip(p50, *settings.support)
    p50 = held if origins.left_support is None else np.where(origins.left_support, p50, held)
    return Path(p50, outcome - p50)
