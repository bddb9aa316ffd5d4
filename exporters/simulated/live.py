"""Ties a plant and its do-nothing twin to a clock: whoever asks first brings both up to now."""

from __future__ import annotations

from collections.abc import Callable

from exporters.simulated.blueprint import Fault
from exporters.simulated.page import device_page
from exporters.simulated.plant import Plant, PlantAnswer


class LivePlant:
    """A plant whose story begins at Unix time ``story_began_unix_seconds``; ``clock`` answers Unix seconds.

    No task runs in the background: each question advances the worlds to the clock's time first. A clock that is set back
    stops them until it has caught up.
    """

    def __init__(self, plant: Plant, story_began_unix_seconds: float, clock: Callable[[], float]) -> None:
        self.plant = plant
        self.twin = plant.twin()
        self.story_began_unix_seconds = story_began_unix_seconds
        self._clock = clock

    def catch_up(self) -> Plant:
        """Bring plant and twin up to now; answers the plant."""
        now = self._clock() - self.story_began_unix_seconds
        for world in (self.plant, self.twin):
            world.advance(max(now - world.time, 0.0))
        return self.plant

    def page(self, device: str) -> str | None:
        """What a device says now; None while it is silent.

        Raises:
            KeyError: the plant has no such device.
        """
        plant = self.catch_up()
        return None if plant.silent(device) else device_page(plant, device, self.story_began_unix_seconds)

    def apply(self, verb: str, placement: str, **details: str) -> PlantAnswer:
        """Apply a verb to the plant, never to the twin."""
        return self.catch_up().apply(verb, placement, **details)

    def inject(self, fault: Fault) -> None:
        """Let something go wrong in both worlds.

        Raises:
            ValueError: the fault cannot happen in this world, as a sentence.
        """
        self.catch_up().inject(fault)
