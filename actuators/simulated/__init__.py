"""Acts on the simulated plant: injected, or through its loopback control port."""

from actuators.simulated.actuator import SimulatedActuator
from actuators.simulated.remote import RemoteActuator

__all__ = ["RemoteActuator", "SimulatedActuator"]
