"""Acts on a simulated plant in another process, through its loopback control port."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from actuators.api import Action, ActuatorUnreachable, Outcome, Phase, Receipt, RunningPlacement
from actuators.simulated.actuator import details_of, why_contradictory

MOST_ANSWER_BYTES = 64 * 2**20
"""A list of 100,000 placements takes about 25 MB; what is longer is not a plant."""

BAD_REQUEST, SERVER_ERROR = 400, 500


class RemoteActuator:
    """Verbs on the plant behind ``url``; each call ends after ``time_limit_seconds``, whatever the plant does."""

    def __init__(self, url: str, time_limit_seconds: float = 3.0) -> None:
        self._url = url.rstrip("/")
        self._limit_seconds = time_limit_seconds
        self._session: aiohttp.ClientSession | None = None

    async def act(self, action: Action) -> Receipt:
        """Carry out one verb; refused with a sentence when it is impossible there.

        Raises:
            ActuatorUnreachable: the plant did not answer in time, or not in its own words.
        """
        if trouble := why_contradictory(action):
            return Receipt(action.id, Outcome.REFUSED, trouble)
        order = {"verb": action.verb.value, "placement": action.placement, **details_of(action)}
        status, answer = await self._ask("POST", "/apply", order)
        try:
            if BAD_REQUEST <= status < SERVER_ERROR:
                return Receipt(action.id, Outcome.REFUSED, str(answer["error"]))
            return Receipt(action.id, Outcome(answer["outcome"]), str(answer["detail"]))
        except (KeyError, TypeError, ValueError) as error:
            raise self._misunderstood(error) from error

    async def placements(self) -> tuple[RunningPlacement, ...]:
        """List what runs.

        Raises:
            ActuatorUnreachable: the plant did not answer in time, or not in its own words.
        """
        _, answer = await self._ask("GET", "/placements", None)
        try:
            return tuple(_placement(row) for row in answer["placements"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._misunderstood(error) from error

    async def close(self) -> None:
        """Give back the connection; what runs goes on running."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, method: str, path: str, body: dict[str, str] | None) -> tuple[int, Any]:
        if self._session is None:
            # Made here and not in __init__, which runs before there is an event loop; no proxy of the environment is asked.
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._limit_seconds), trust_env=False)
        try:
            async with self._session.request(method, self._url + path, json=body, allow_redirects=False) as response:
                text = await _read(response)
                status = response.status
        except TimeoutError as error:
            raise ActuatorUnreachable(f"The plant at {self._url} did not answer within {self._limit_seconds:g} s.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ActuatorUnreachable(f"The plant at {self._url} cannot be reached: {error}.") from error
        if status >= SERVER_ERROR:
            raise ActuatorUnreachable(f"The plant at {self._url} answered with status {status}.")
        try:
            return status, json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._misunderstood(error) from error

    def _misunderstood(self, error: Exception) -> ActuatorUnreachable:
        return ActuatorUnreachable(f"What answers at {self._url} does not speak like a plant ({type(error).__name__}: {error}).")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    answer = bytearray()
    async for part in response.content.iter_chunked(2**16):
        answer += part
        if len(answer) > MOST_ANSWER_BYTES:
            raise aiohttp.ClientPayloadError(f"its answer is longer than {MOST_ANSWER_BYTES} bytes")
    return bytes(answer)


def _placement(row: dict[str, Any]) -> RunningPlacement:
    return RunningPlacement(
        placement=str(row["placement"]),
        workload=str(row["workload"]),
        device=str(row["device"]),
        generation=int(row["generation"]),
        phase=Phase(row["phase"]),
        since=float(row["since"]),
        environment_class=str(row["environment_class"]),
        version=str(row["version"]),
        detail=str(row["detail"]),
    )
