"""What senders say of each camera, joined into one word: the environment class that it sees, and how sure its AI is of that."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from decision_engine.core.snapshot import Floats
from decision_engine.observe.columns import ELSEWHERE, RawSamples, no_samples
from decision_engine.observe.index import FleetIndex
from decision_engine.observe.source import Samples
from exporters.contract import ENVIRONMENT_CLASSES

CAMERA: Final = "camera"
ENVIRONMENT: Final = "environment"
"""The label that holds the class, and the signal that asks for it."""
CONFIDENCE: Final = "environment_confidence"
NO_CLASS: Final = -1.0
CLASS_NUMBER: Final = {word: float(number) for number, word in enumerate(ENVIRONMENT_CLASSES)}
WORDS: Final = np.array((*ENVIRONMENT_CLASSES, ""))
UNKNOWN: Final = float("nan")


class Claim(NamedTuple):
    """What one sender says of a camera, and when; ``at_home`` where it speaks from the camera's home device."""

    at: float
    value: float
    at_home: bool
    sender: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Hearing:
    """Hears who speaks between ``since`` and ``until`` (Unix time); only where nobody does, what was said at other times."""

    index: FleetIndex
    since: float
    until: float

    def classes(self, answer: tuple[Samples, ...]) -> RawSamples:
        """For each camera spoken of the number of its class; NaN where senders disagree, or one says two at once or none of ours.

        A series claims its class unless its newest value is 0.
        """
        return self._joined(answer, _class_claimed, _unanimous)

    def least(self, answer: tuple[Samples, ...]) -> RawSamples:
        """For each camera spoken of the newest value; the least of several senders, which promises least."""
        return self._joined(answer, lambda _, value: value, min)

    def _joined(
        self, answer: tuple[Samples, ...], claimed: Callable[[str, float], float], joined: Callable[[set[float]], float]
    ) -> RawSamples:
        found = self._claims(answer, claimed)
        if not found:
            return no_samples()
        rows = sorted(found)
        heard = [self._heard(found[row]) for row in rows]
        at = np.array([claims[0].at for claims in heard])
        value = np.array([joined({claim.value for claim in claims}) for claims in heard])
        return RawSamples(np.array(rows, dtype=np.int64), np.where(np.isinf(at), UNKNOWN, at), value)

    def _claims(self, answer: tuple[Samples, ...], claimed: Callable[[str, float], float]) -> dict[int, list[Claim]]:
        """By camera row; a time that nobody knows counts as the oldest."""
        found: dict[int, list[Claim]] = {}
        for series in answer:
            row = self.index.camera_row.get(series.labels.get(CAMERA, ""), ELSEWHERE)
            value = claimed(series.labels.get(ENVIRONMENT, ""), series.values[-1]) if len(series.values) else UNKNOWN
            if row == ELSEWHERE or math.isnan(value):
                continue
            at = -math.inf if math.isnan(series.times[-1]) else series.times[-1]
            device = self.index.device_row.get(series.labels.get("device", ""), ELSEWHERE)
            at_home = device != ELSEWHERE and device == self.index.camera_home[row]
            sender = frozenset(label for label in series.labels.items() if label[0] != ENVIRONMENT)
            found.setdefault(row, []).append(Claim(at, value, at_home, sender))
        return found

    def _heard(self, claims: list[Claim]) -> list[Claim]:
        """The claims that count, the newest first: those of now, of them those from home, and each sender's newest."""
        if len(claims) > 1:
            claims = [claim for claim in claims if self.since <= claim.at <= self.until] or claims
            claims = [claim for claim in claims if claim.at_home] or claims
            newest: dict[frozenset[tuple[str, str]], float] = {}
            for claim in claims:
                newest[claim.sender] = max(claim.at, newest.get(claim.sender, claim.at))
            claims = [claim for claim in claims if claim.at == newest[claim.sender]]
        return sorted(claims, key=lambda claim: -claim.at)


def class_words(numbers: Floats) -> tuple[str, ...]:
    """The classes by their numbers; "" where one is unknown."""
    words: list[str] = WORDS[np.where(np.isnan(numbers), NO_CLASS, numbers).astype(np.int64)].tolist()
    return tuple(words)


def _class_claimed(word: str, value: float) -> float:
    """The class that a series claims; NaN where it claims nothing."""
    return UNKNOWN if math.isnan(value) or value == 0 else CLASS_NUMBER.get(word, NO_CLASS)


def _unanimous(numbers: set[float]) -> float:
    """The class that all claim; NaN where there is none."""
    return UNKNOWN if len(numbers) > 1 or NO_CLASS in numbers else next(iter(numbers))
