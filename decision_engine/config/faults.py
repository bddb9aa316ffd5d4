"""The one error of the settings."""

from __future__ import annotations

from decision_engine.catalog.document import DocumentError


class ConfigError(DocumentError):
    """The settings cannot be used; ``errors`` has one line per mistake, with its path."""
