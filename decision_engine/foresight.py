"""Forecasts once per grid step, keeps the table in between, and carries the forecaster's state from run to run."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from decision_engine.core.limits import Limits
from decision_engine.core.snapshot import Outlook
from decision_engine.execute.model_state import load_model_state, save_model_state
from decision_engine.observe.outlook import Foreseen, outlook
from decision_engine.observe.watch import FleetWatch, Look
from forecasting.api import Forecaster, ForecastState, ForecastTable, Series
from forecasting.state import digest

log = logging.getLogger(__name__)

ASIDE = ".ignored"
"""Ends the name of a file that did not fit."""
SAVE_SECONDS = 300.0
"""An engine that is killed loses at most this much of what it learned."""
STATE_MAX_AGE_SECONDS = 7 * 24 * 3600.0
"""What a fleet taught a forecaster a week ago says little about it today."""


@dataclass(slots=True)
class Foresight:
    """One forecaster on one fleet."""

    forecaster: Forecaster
    state_path: Path | None
    state: ForecastState | None = None
    digest: str = ""
    _saved_at: float = float("nan")
    _table: ForecastTable | None = None
    _made_for: tuple[float, tuple[str, ...]] = field(default=(float("nan"), ()))
    _foreseen: Foreseen | None = None
    _asked_at: float = float("nan")

    def load(self, now: float) -> None:
        """Begin with what a former run learned; without a good file, begin anew and say why."""
        if self.state_path is None:
            return
        loaded = load_model_state(self.state_path, now, STATE_MAX_AGE_SECONDS)
        if loaded.state is None:
            log.info("%s", loaded.reason)
            return
        self.state, self.digest = loaded.state, digest(loaded.state)

    def save(self, now: float) -> None:
        """Leave to the next run what was learned."""
        if self.state_path is not None and self.state is not None:
            trouble = save_model_state(self.state_path, self.state, now)
            if trouble:
                log.warning("%s", trouble)

    def _forecast(self, history: Series, now: float) -> ForecastTable:
        """Make a table, and name and keep what was learned by it."""
        from_file, former = math.isnan(self._saved_at), self.state
        table, self.state = self.forecaster.forecast(history, former, now)
        if table.began_anew:
            log.warning("%s", table.began_anew)
            if from_file and former is not None:
                self._set_aside()
        self.digest = digest(self.state)
        self._save_now_and_then(now)
        return table

    def _set_aside(self) -> None:
        """Keep a file that did not fit: a mistake in the settings must not cost what was learned."""
        if self.state_path is None:
            return
        aside = self.state_path.with_name(self.state_path.name + ASIDE)
        try:
            self.state_path.replace(aside)
        except OSError as error:
            log.warning("%s could not be set aside as %s: %s", self.state_path, aside.name, error.strerror or error)
        else:
            log.warning("%s is kept as %s; put it back once the settings are as they were", self.state_path, aside.name)

    def _save_now_and_then(self, now: float) -> None:
        if not abs(now - self._saved_at) < SAVE_SECONDS:
            self._saved_at = now
            self.save(now)

    async def outlook(self, watch: FleetWatch, look: Look, limits: Limits, move_seconds_p95: float) -> Outlook | None:
        """The outlook of this cycle; None while blind.

        The forecast is made anew when a grid step has passed or the fleet changed, and asked anew when moves take longer or shorter.
        A large fleet takes a second and a start without memory some more, so the work is done beside the event loop.
        """
        if look.sight.readings.blind:
            return None
        now = look.sight.readings.now
        made_for = (watch.history.end(now), look.sight.index.device_ids)
        if self._table is None or made_for != self._made_for:
            self._table = await asyncio.to_thread(self._forecast, watch.series(look), now)
            self._made_for, self._foreseen = made_for, None
        if self._foreseen is None or move_seconds_p95 != self._asked_at:
            self._foreseen = await asyncio.to_thread(Foreseen.of, self._table, limits.foresight, move_seconds_p95)
            self._asked_at = move_seconds_p95
        return outlook(self._foreseen, look.cost_now, np.array(limits.overload.ratios))
