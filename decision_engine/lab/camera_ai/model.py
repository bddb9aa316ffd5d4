"""The model of one variant: trained at start on pictures of its own weather only, and unsure of what it never saw.

Each cell's features, whitened, are compared with landmarks of the training pictures (Gaussian kernel), and a logistic
regression, calibrated on pictures that it was not fitted on, turns the likeness into P(object). Far from everything that
it was trained on all likeness goes to 0 and P to one half: that is why its confidence falls under another weather.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from decision_engine.lab.camera_ai.features import cell_features, cell_truth, weather_features
from decision_engine.lab.camera_ai.scenes import frame_at
from decision_engine.lab.camera_ai.weather import WEATHERS

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Picture = NDArray[np.float32]

FIT_FRAMES, CALIBRATION_FRAMES, WEATHER_FRAMES = 100, 30, 30
"""Pictures to learn from; training must take under 1.5 s on one core."""

FIRST_TRAINING_SEED = 1_000_000
"""Cameras' own seeds are below: no variant is trained on a street that it will watch."""

FIT_SEED, CALIBRATION_SEED, WEATHER_SEED = FIRST_TRAINING_SEED, 2 * FIRST_TRAINING_SEED, 3 * FIRST_TRAINING_SEED

TRAINING_STEP_SECONDS = 37.0
"""Training pictures are this far apart in time, so that traffic differs between them."""

LANDMARKS = 300
KERNEL_WIDTH_RATIO = 0.4
"""Kernel width over the median distance of landmarks. Measured: wider ones stay sure of themselves under other weather,
narrower ones are unsure under their own."""

WHITENING_RIDGE = 0.2
"""Added to each direction's variance (whole features have 1): directions that hardly varied in training do not dominate."""

PENALTY = 3.0
"""Freedom of the regressions (scikit-learn's C)."""

VIEW_SHIFTS = (0, 1, 2)
"""Where views begin in the picture widened by one pixel."""

MOST_ITERATIONS = 200
"""Ends a fit that does not converge."""

SMALLEST_SCALE = 1e-6
"""Keeps a feature that never varied from dividing by zero."""


@dataclass(frozen=True, slots=True)
class CellModel:
    """P(object) of a cell: whiten (``mean`` F, ``whitening`` F × F), compare with landmarks (L × F), weigh (L), calibrate."""

    mean: Floats
    whitening: Floats
    landmarks: Floats
    width: float
    weights: Floats
    slope: float

    def probability(self, features: Floats) -> Floats:
        """P(object) for each row of ``features`` (cells × F)."""
        return np.asarray(1.0 / (1.0 + np.exp(-self.slope * self.raw_logit(features))))

    def raw_logit(self, features: Floats) -> Floats:
        """The regression's own word, before calibration; 0 where a cell is like nothing that was seen in training."""
        return likeness((features - self.mean) @ self.whitening, self.landmarks, self.width) @ self.weights


@dataclass(frozen=True, slots=True)
class WeatherModel:
    """Which weather class a picture shows: multinomial logistic regression on global features."""

    classes: tuple[str, ...]
    mean: Floats
    scale: Floats
    weights: Floats
    offsets: Floats

    def probabilities(self, pixels: Picture) -> Floats:
        """P of each of ``classes`` for one picture (H × W × 3 in [0, 1]); they add up to 1."""
        logits = self.weights @ ((weather_features(pixels) - self.mean) / self.scale) + self.offsets
        raised = np.exp(logits - logits.max())
        return np.asarray(raised / raised.sum())


def train_cells(environment_class: str, seed: int) -> CellModel:
    """Train the variant of one weather class on made pictures of that class and no other; same seed, same model.

    Raises:
        KeyError: the class is none of WEATHERS.
    """
    features, truth = _cells(environment_class, FIT_SEED + seed, FIT_FRAMES)
    mean, whitening = features.mean(axis=0), _whitening(features)
    white = (features - mean) @ whitening
    landmarks = white[np.random.default_rng(seed).choice(len(white), LANDMARKS, replace=False)]
    width = KERNEL_WIDTH_RATIO * float(np.median(_distances(landmarks, landmarks)))
    weights = _fit_without_offset(likeness(white, landmarks, width), truth)
    model = CellModel(mean, whitening, landmarks, width, weights, slope=1.0)
    held_out, held_out_truth = _cells(environment_class, CALIBRATION_SEED + seed, CALIBRATION_FRAMES)
    return replace(model, slope=float(_fit_without_offset(model.raw_logit(held_out)[:, None], held_out_truth)[0]))


def train_weather(seed: int) -> WeatherModel:
    """Train the small classifier that tells the weathers of WEATHERS apart; same seed, same model."""
    shown = [(name, index) for name in WEATHERS for index in range(WEATHER_FRAMES)]
    frames = [frame_at(name, WEATHER_SEED + seed + index, index * TRAINING_STEP_SECONDS) for name, index in shown]
    features = np.stack([weather_features(frame.pixels) for frame in frames])
    mean, scale = features.mean(axis=0), features.std(axis=0) + SMALLEST_SCALE
    regression = LogisticRegression(max_iter=MOST_ITERATIONS)
    regression.fit((features - mean) / scale, [name for name, _ in shown])
    return WeatherModel(tuple(str(name) for name in regression.classes_), mean, scale, regression.coef_, regression.intercept_)


def look(model: CellModel, pixels: Picture) -> Floats:
    """P(object) by cell for one picture (H × W × 3): the mean over nine views, each shifted by at most one pixel.

    A cell's answer then hangs less on where its edges happen to fall; measured, that is worth up to 1 % of accuracy.
    """
    height, width = pixels.shape[:2]
    wide = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    views = [wide[down : down + height, across : across + width] for down in VIEW_SHIFTS for across in VIEW_SHIFTS]
    return np.asarray(np.mean([model.probability(cell_features(view)) for view in views], axis=0))


def confidence(probability: Floats) -> float:
    """Confidence of one result: the mean, over all cells below the sky, of the likelier answer's probability (0.5 to 1)."""
    return float(np.maximum(probability, 1.0 - probability).mean())


def likeness(rows: Floats, landmarks: Floats, width: float) -> Floats:
    """Gaussian kernel exp(−d²/2w²) of each row with each landmark: rows × landmarks, 0 far from all of them."""
    return np.asarray(np.exp(-(_distances(rows, landmarks) ** 2) / (2.0 * width**2)))


def _fit_without_offset(features: Floats, truth: Bools) -> Floats:
    """Weights of a logistic regression for which «nothing known» means one half, with both answers counting alike."""
    regression = LogisticRegression(C=PENALTY, class_weight="balanced", fit_intercept=False, max_iter=MOST_ITERATIONS)
    return np.asarray(regression.fit(features, truth).coef_[0], dtype=np.float64)


def _whitening(features: Floats) -> Floats:
    """F × F matrix that scales features to variance 1 and then turns and scales them to be uncorrelated (PCA, with a ridge)."""
    scale = features.std(axis=0) + SMALLEST_SCALE
    variances, directions = np.linalg.eigh(np.cov((features / scale).T))
    return np.asarray(directions / np.sqrt(variances + WHITENING_RIDGE) / scale[:, None])


def _distances(rows: Floats, others: Floats) -> Floats:
    """Euclidean distance of each row to each other one: |a−b|² = |a|² + |b|² − 2ab."""
    square = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None, :] - 2.0 * rows @ others.T
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _cells(environment_class: str, seed: int, frames: int) -> tuple[Floats, Bools]:
    """Features and truth of all cells of several streets at several times."""
    made = [frame_at(environment_class, seed + index, index * TRAINING_STEP_SECONDS) for index in range(frames)]
    return np.vstack([cell_features(frame.pixels) for frame in made]), np.concatenate([cell_truth(frame.objects) for frame in made])
