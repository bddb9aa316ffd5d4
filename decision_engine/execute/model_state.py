"""The forecaster's state on disk, so that a restart does not forget what was learned; a bad or old file is ignored with a reason."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from decision_engine.execute.sealed import SealBroken, seal, unseal, write_whole
from forecasting.api import ForecastState
from forecasting.state import Unreadable, from_bytes, to_bytes

KIND = b"edgeshift-model-1"
SAVED_AT = struct.Struct("<d")
LARGEST_BYTES = 4 * 2**30
"""400,000 series; nobody's fleet is that large."""
MOST_AHEAD_SECONDS = 86_400.0
"""A clock is set right by seconds or, once, by a wrong time zone's hours; what was learned is not forgotten for that."""


@dataclass(frozen=True, slots=True)
class LoadedState:
    """The state found, or None and the sentence that says why there is none; ``saved_at`` is Unix time."""

    state: ForecastState | None
    reason: str = ""
    saved_at: float | None = None


def save_model_state(path: Path, state: ForecastState, now: float) -> str:
    """Replace the file in one step; answers "" or, as one sentence, why it was not saved (the older file then stays)."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, seal(KIND, SAVED_AT.pack(now) + to_bytes(state)), durable=True)
    except OSError as error:
        return f"the forecaster's state was not saved to {path}: {error.strerror or error}"
    return ""


def load_model_state(path: Path, now: float, max_age_seconds: float) -> LoadedState:
    """Read the state back; never raises. A clock that was set back by more than a day makes a state as suspect as age does."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return LoadedState(None, f"the forecaster state at {path} is larger than any fleet's: learning begins anew")
        payload = unseal(KIND, path.read_bytes())
        (saved_at,) = SAVED_AT.unpack_from(payload)
        state = from_bytes(payload[SAVED_AT.size :])
    except FileNotFoundError:
        return LoadedState(None, f"there is no forecaster state at {path} yet: learning begins anew")
    except OSError as error:
        return LoadedState(None, f"the forecaster state at {path} cannot be read ({error.strerror}): learning begins anew")
    except SealBroken as error:
        return LoadedState(None, f"the forecaster state at {path} {error}: learning begins anew")
    except struct.error:
        return LoadedState(None, f"the forecaster state at {path} is too short to be one: learning begins anew")
    if isinstance(state, Unreadable):
        return LoadedState(None, f"{path}: {state.reason}")
    age_seconds = now - saved_at
    if not -MOST_AHEAD_SECONDS <= age_seconds <= max_age_seconds:
        why = (
            f"is {age_seconds:.0f} s old, more than {max_age_seconds:.0f} s"
            if age_seconds > 0
            else f"is {-age_seconds:.0f} s from the future"
        )
        return LoadedState(None, f"the forecaster state at {path} {why}: learning begins anew", saved_at)
    return LoadedState(state, "", saved_at)
