"""What senders call an environment or a variant, and which of the promised classes that is; what is not known is not guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from exporters.bridge.refusals import shown
from exporters.bridge.replies import UNKNOWN_CLASS, UNKNOWN_VARIANT, WRONG_TYPE, Refusal
from exporters.contract import ENVIRONMENT_CLASSES

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "01": ("맑음", "sunny", "sun", "clear"),
    "02": ("비", "rain", "rainy"),
    "03": ("흐림", "구름", "cloud", "cloudy"),
    "04": ("눈", "snow", "snowy"),
    "05": ("일출", "sunrise"),
    "06": ("천둥", "thunder", "thunderstorm"),
}
CLASS_OF_WORD: Final = {word: environment for environment, words in _WORDS.items() for word in words}

BARE_NUMBERS: Final = {str(int(environment)): environment for environment in ENVIRONMENT_CLASSES}
"""1 to 6 as 01 to 06: what most senders mean, and nobody has confirmed."""

ENVIRONMENT_AI: Final = "00"
_BARE: Final = re.compile(r"\d{1,9}", re.ASCII)
_PADDED: Final = re.compile(r"\d\d", re.ASCII)
_FUNCTION: Final = re.compile(r"([^\W\d_]{1,32})(\d\d)?")
_LARGEST_BARE: Final = 10**9
VERSION: Final = re.compile(r"[\w.+-]{1,32}", re.ASCII)
"""What may become a label: no blank, no address, nothing that a credential needs."""


@dataclass(frozen=True, slots=True)
class ClassMap:
    """What one sender's class words and bare numbers mean; ``confirmed`` once a person has looked.

    ``words`` come before the known words; where it names any bare number, the usual 1 to 6 are not assumed any more.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Meaning:
    """An environment class, and whether it is only assumed: a bare number whose map nobody has confirmed."""

    environment: str
    assumed: bool


def written(value: object, key: str) -> str:
    """A class as text: a whole number, or a word without blanks around it, in small letters.

    Raises:
        Refusal: it is neither.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_BARE:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_BARE:
        return str(value)
    if isinstance(value, str):
        return value.strip().lower()
    raise Refusal(WRONG_TYPE, f"{key} must be a class's number or word")


def environment(word: str, classes: ClassMap, key: str) -> Meaning:
    """The environment class that a sender's word or number stands for.

    Raises:
        Refusal: it is unknown, and changes nothing.
    """
    bare = bool(_BARE.fullmatch(word)) and not _PADDED.fullmatch(word)
    found = classes.words.get(word)
    if found is None and bare and not any(_is_bare(named) for named in classes.words):
        found = BARE_NUMBERS.get(word)
    if found is None and not bare:
        found = word if word in ENVIRONMENT_CLASSES else CLASS_OF_WORD.get(word)
    if found is None:
        raise Refusal(UNKNOWN_CLASS, f"{key} is {shown(word)}, which is no known environment; map it, or confirm that it is none")
    return Meaning(found, assumed=bare and not classes.confirmed)


def _is_bare(word: str) -> bool:
    return bool(_BARE.fullmatch(word)) and not _PADDED.fullmatch(word)


@dataclass(frozen=True, slots=True)
class Variant:
    """Which build of a package runs: its environment class, and its version where the sender says one."""

    environment_class: str
    version: str


def variant_of_function(function: str) -> Variant:
    """The variant behind C-03's ``func``: ``SUNNY`` is 01, ``RAINY02`` is 02 in version 02.

    Raises:
        Refusal: the word is unknown.
    """
    parts = _FUNCTION.fullmatch(function)
    found = CLASS_OF_WORD.get(parts.group(1).lower()) if parts else None
    if parts is None or found is None:
        raise Refusal(UNKNOWN_VARIANT, f"func is {shown(function)}, which is no known variant")
    return Variant(found, parts.group(2) or "")


def variant_of_class(ai_class: str, version: str) -> Variant:
    """The variant that C-03's newer ``ai_class`` and ``version`` name; 00 is the environment AI itself.

    Raises:
        Refusal: it is no class.
    """
    if ai_class not in (ENVIRONMENT_AI, *ENVIRONMENT_CLASSES):
        raise Refusal(UNKNOWN_VARIANT, f"ai_class is {shown(ai_class)}, not one of 00 to 06")
    if version and not VERSION.fullmatch(version):
        raise Refusal(UNKNOWN_VARIANT, f"version is {shown(version)}: 1 to 32 letters, digits and . _ + - make a version")
    return Variant(ai_class, version)
