"""Starts and stops AI programs as plain processes on this machine, so that they outlive the engine that started them."""

from actuators.process.actuator import ProcessActuator
from actuators.process.settings import ProcessSettings

__all__ = ["ProcessActuator", "ProcessSettings"]
