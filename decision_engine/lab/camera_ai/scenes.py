"""Makes camera pictures of a street under sun, rain and snow: a pure function of weather, seed and time.

The same camera (seed) shows the same street and the same traffic at the same time to every program that watches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from decision_engine.lab.camera_ai.weather import WEATHERS, Look, fall

Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

HEIGHT, WIDTH = 64, 96
"""Pixels of a picture: small enough for one core, large enough for outlines."""

HORIZON = 14
"""Row where the sky ends; nothing that matters is above."""

MARGIN = 30
"""Columns outside of the picture in which objects drive on before they come round again, as another object."""

TREES, LEAVES_SHARE = 4, 0.7
"""Trees that throw shade on one street, and how much of the light their leaves keep away."""

PERSON_SHARE = 0.4
"""Share of objects that are persons; the others are vehicles."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: ``pixels`` HEIGHT × WIDTH × 3 in [0, 1]; ``objects`` HEIGHT × WIDTH is the truth, for training only."""

    pixels: Picture
    objects: Mask


@dataclass(frozen=True, slots=True)
class Thing:
    """One object as it stands: rows and columns of its box, and the seed of its looks."""

    top: int
    left: int
    height: int
    width: int
    person: bool
    seed: tuple[int, ...]


def frame_at(weather: str, seed: int, at: float) -> Frame:
    """The picture that the camera ``seed`` takes at Unix time ``at`` under a weather class of WEATHERS."""
    look = WEATHERS[weather]
    chance = np.random.default_rng([seed, int(at * 1000.0) & 0xFFFFFFFF])
    pixels = street(seed).copy()
    pixels[HORIZON:] += look.ground_white * (0.92 - pixels[HORIZON:])
    pixels[tree_shade(seed)] *= 1.0 - look.shadow
    objects = np.zeros((HEIGHT, WIDTH), dtype=np.bool_)
    for thing in things_at(seed, at):
        _draw(pixels, objects, thing, look)
    pixels = fall(pixels, look, chance)
    return Frame(np.clip(pixels, 0.0, 1.0, dtype=np.float32), objects)


@lru_cache(maxsize=64)
def street(seed: int) -> Picture:
    """The empty street of one camera under plain light: sky, houses with windows, pavement, road and lane marks."""
    chance = np.random.default_rng([seed, 1])
    pixels = np.empty((HEIGHT, WIDTH, 3), dtype=np.float32)
    pixels[:HORIZON] = (0.55, 0.68, 0.85)
    left = 0
    while left < WIDTH:
        width = int(chance.integers(10, 24))
        top = int(chance.integers(2, HORIZON - 3))
        pixels[top:HORIZON, left : left + width] = chance.uniform(0.3, 0.6, size=3)
        pixels[top + 2 : HORIZON - 1 : 4, left + 2 : left + width - 1 : 4] *= 0.55
        left += width + int(chance.integers(0, 6))
    pixels[HORIZON : HORIZON + 6] = (0.56, 0.54, 0.50)
    pixels[HORIZON + 6 :] = (0.40, 0.40, 0.41)
    for row in (30, 46):
        start = int(chance.integers(0, 12))
        for column in range(start, WIDTH, 16):
            pixels[row : row + 2, column : column + 8] = 0.78
    grain = chance.normal(0.0, 0.015, size=(HEIGHT, WIDTH, 1)).astype(np.float32)
    return pixels + grain


@lru_cache(maxsize=64)
def tree_shade(seed: int) -> Mask:
    """Where trees beside the street throw their shade when the sun shines: dappled patches that are no objects."""
    chance = np.random.default_rng([seed, 5])
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    shade = np.zeros((HEIGHT, WIDTH), dtype=np.bool_)
    for _ in range(TREES):
        row, column = chance.uniform(HORIZON + 6, HEIGHT), chance.uniform(0, WIDTH)
        tall, wide = chance.uniform(3.0, 6.0), chance.uniform(8.0, 16.0)
        shade |= ((rows - row) / tall) ** 2 + ((columns - column - (rows - row)) / wide) ** 2 < 1.0
    leaves = np.kron(chance.random((HEIGHT // 2, WIDTH // 2)) < LEAVES_SHARE, np.ones((2, 2), dtype=np.bool_))
    return np.asarray(shade & leaves & (rows >= HORIZON))


def things_at(seed: int, at: float) -> list[Thing]:
    """Where the traffic of one camera stands at a time; far lanes first, so that near objects cover them."""
    chance = np.random.default_rng([seed, 2])
    span = WIDTH + 2 * MARGIN
    found = []
    for lane, number in enumerate((2, 2, 2)):
        for index in range(number):
            speed = float(chance.uniform(6.0, 14.0)) * (1 if lane != 1 else -1)
            way = float(chance.uniform(0.0, span)) + speed * at
            lap, column = divmod(way, span)
            found.append(_thing(lane, int(column) - MARGIN, (seed, 3, lane, index, int(lap) & 0xFFFFFFFF)))
    return found


def _thing(lane: int, left: int, seed: tuple[int, ...]) -> Thing:
    chance = np.random.default_rng(seed)
    person = bool(chance.random() < PERSON_SHARE)
    near = 1.0 + 0.15 * lane
    height = int((chance.integers(13, 17) if person else chance.integers(9, 13)) * near)
    width = int((chance.integers(5, 8) if person else chance.integers(16, 24)) * near)
    floor = (28, 44, 61)[lane] - int(chance.integers(0, 4))
    return Thing(floor - height, left, height, width, person, (*seed, 4))


def _draw(pixels: Picture, objects: Mask, thing: Thing, look: Look) -> None:
    """Paint one object, its shadow and its mirror image on a wet road, as far as they are inside the picture."""
    top, bottom = max(0, thing.top), min(HEIGHT, thing.top + thing.height)
    left, right = max(0, thing.left), min(WIDTH, thing.left + thing.width)
    if left >= right or top >= bottom:
        return
    body = _body(thing, look)[top - thing.top : bottom - thing.top, left - thing.left : right - thing.left]
    _shadow(pixels, thing, look)
    if look.mirror > 0.0:
        below = min(HEIGHT - bottom, bottom - top, thing.height // 2)
        pixels[bottom : bottom + below, left:right] *= 1.0 - look.mirror
        pixels[bottom : bottom + below, left:right] += look.mirror * body[::-1][:below]
    pixels[top:bottom, left:right] = body
    objects[top:bottom, left:right] = True


def _shadow(pixels: Picture, thing: Thing, look: Look) -> None:
    """A slanted dark band on the ground behind the object."""
    floor, length = thing.top + thing.height, max(2, thing.height // 3)
    for row in range(length):
        y, shift = floor - 1 + row, 1 + row
        left, right = max(0, thing.left + shift), min(WIDTH, thing.left + thing.width + shift)
        if y < HEIGHT and left < right:
            pixels[y, left:right] *= 1.0 - look.shadow


def _body(thing: Thing, look: Look) -> Picture:
    """The object's own pixels: a car with windows, wheels and lamps, or a person with head, coat and legs."""
    chance = np.random.default_rng(thing.seed)
    height, width = thing.height, thing.width
    body = np.empty((height, width, 3), dtype=np.float32)
    body[:] = chance.uniform(0.1, 0.9, size=3)
    if thing.person:
        body[: height // 4] = (0.75, 0.58, 0.48)
        body[height * 2 // 3 :] = chance.uniform(0.05, 0.35, size=3)
        body[height * 2 // 3 :, width // 2] = 0.45
    else:
        body[1 : height // 2, width // 5 : width * 4 // 5] = (0.16, 0.20, 0.26)
        body[1 : height // 2, width // 2] = body[0, 0]
        for wheel in (width // 6, width * 4 // 6):
            body[height - 3 :, wheel : wheel + 3] = 0.06
        body[height // 2, :2] = 0.95
    body += chance.normal(0.0, 0.03, size=(height, width, 1)).astype(np.float32)
    body[: max(1, height // 4)] += look.cap_white * (0.95 - body[: max(1, height // 4)])
    return body
