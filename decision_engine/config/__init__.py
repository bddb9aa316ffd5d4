"""What the settings file says, as frozen values: every mistake in it is told at once, each with its path."""

from decision_engine.config.faults import ConfigError
from decision_engine.config.loading import load_settings
from decision_engine.config.secret import Secret, read_secret
from decision_engine.config.settings import (
    ActuatorSettings,
    ForecastingSettings,
    ProcessSection,
    PrometheusSettings,
    RecorderSettings,
    ServiceSettings,
    Settings,
    SignalSettings,
    SimulatedSection,
)
from decision_engine.config.tokens import Token, find_token, load_tokens

__all__ = [
    "ActuatorSettings",
    "ConfigError",
    "ForecastingSettings",
    "ProcessSection",
    "PrometheusSettings",
    "RecorderSettings",
    "Secret",
    "ServiceSettings",
    "Settings",
    "SignalSettings",
    "SimulatedSection",
    "Token",
    "find_token",
    "load_settings",
    "load_tokens",
    "read_secret",
]
