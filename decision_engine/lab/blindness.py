"""Says in words why the engine does not believe Prometheus."""

from __future__ import annotations

from typing import Final

BLIND_WORDS: Final = {
    "prometheus_unreachable": "it cannot be reached",
    "prometheus_timeout": "it answers too late",
    "prometheus_error": "it answers with an error",
    "prometheus_refused": "it refuses the credentials",
    "prometheus_redirect": "it sends elsewhere",
    "prometheus_malformed": "its answer cannot be read",
    "prometheus_partial": "its answer is incomplete",
    "prometheus_too_big": "its answer is too big",
    "series_vanished": "many series vanished at once",
    "clock_backwards": "the clock went backwards",
}


def blind_words(code: str) -> str:
    """A clause for a reason code; a code that has none yet is at least spelled as words."""
    return BLIND_WORDS.get(code, code.replace("_", " "))


def blind_sentence(code: str) -> str:
    """The whole sentence for the story."""
    return f"Prometheus cannot be believed, {blind_words(code)}: nothing is decided until it answers again"
