"""Reads `edgeshift.yaml` and makes settings of it, or says everything that is wrong with it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from decision_engine.catalog.document import DocumentError, as_json, parse_document, read_text
from decision_engine.catalog.mistakes import sentences
from decision_engine.config.faults import ConfigError
from decision_engine.config.limits import limit_mistakes
from decision_engine.config.secret import read_secret
from decision_engine.config.settings import RecorderSettings, ServiceSettings, Settings, SettingsFile

SQLITE: Final = "sqlite:///"
JOURNAL_FILE: Final = "journal.db"
RECORDER_FOLDER: Final = "recorder"
PASSWORD_PARAMETERS: Final = frozenset({"password", "passwd", "sslpassword"})


def load_settings(path: Path) -> Settings:
    """Read the settings file; relative paths in it are meant from its own folder.

    Raises:
        ConfigError: the file cannot be read or anything in it is wrong; one line per mistake. Unreadable too is a token
            file that it names.
    """
    path = path.absolute()
    try:
        document = parse_document(read_text(path), path.name)
        content = as_json(_without_empty(document), path.name)
    except DocumentError as error:
        raise ConfigError(error.errors) from error
    errors = [*limit_mistakes(document), *_journal_mistakes(document.get("journal_url")), *_bind_mistakes(document.get("service"))]
    try:
        file = SettingsFile.model_validate_json(content, context={"directory": path.parent})
    except ValidationError as error:
        told = {line.partition(": ")[0] for line in errors}
        shapes = (line for line in sentences(error, SettingsFile) if line.partition(": ")[0] not in told)
        raise ConfigError((*shapes, *errors)) from error
    if errors:
        raise ConfigError(tuple(errors))
    return _settings(file, path)


def _without_empty(document: dict[str, Any]) -> dict[str, Any]:
    """A section of which every line is commented out is as good as left out."""
    return {key: value for key, value in document.items() if value is not None}


def _settings(file: SettingsFile, path: Path) -> Settings:
    prometheus = file.prometheus
    if prometheus.bearer_token_file is not None:
        token = read_secret(prometheus.bearer_token_file, "prometheus.bearer_token_file")
        prometheus = prometheus.model_copy(update={"bearer_token": token})
    return Settings(
        path=path,
        prometheus=prometheus,
        catalog=file.catalog,
        state_directory=file.state_directory,
        journal_url=_journal_url(file, path.parent),
        recorder=RecorderSettings(directory=file.recorder.directory or file.state_directory / RECORDER_FOLDER, cycles=file.recorder.cycles),
        limits=file.limits(),
        service=file.service,
        signals=file.signals,
        actuators=file.actuators,
        forecasting=file.forecasting,
    )


def _journal_url(file: SettingsFile, directory: Path) -> str:
    """SQLite in the state directory unless said otherwise; a relative SQLite file is meant from the settings' folder."""
    if file.journal_url is None:
        return f"{SQLITE}{file.state_directory / JOURNAL_FILE}"
    name = file.journal_url.removeprefix(SQLITE)
    if name == file.journal_url or name.startswith(("/", ":", "file:")) or not name:
        return file.journal_url
    return f"{SQLITE}{directory / name}"


def _journal_mistakes(url: Any) -> list[str]:
    """A journal's URL is shown in messages, so it must not hold a password."""
    if not isinstance(url, str):
        return []
    try:
        parts = urlsplit(url)
        named = {key for key, _ in parse_qsl(parts.query)}
        has_password = parts.password is not None or bool(named & PASSWORD_PARAMETERS)
    except ValueError:
        has_password = False
    if has_password:
        return ["journal_url: must not hold a password; PostgreSQL reads it from the file that PGPASSFILE names"]
    if "://" not in url:
        return ["journal_url: must be a database URL such as sqlite:///journal.db or postgresql://host/name"]
    return []


def _bind_mistakes(section: Any) -> list[str]:
    """Beyond this machine the service asks everybody for a token."""
    try:
        service = ServiceSettings.model_validate({"listen": section["listen"]}, context={"directory": "."})
    except (ValidationError, KeyError, TypeError):
        return []
    if service.is_loopback or section.get("tokens_file"):
        return []
    why = f"{service.listen} can be reached from other machines, so service.tokens_file must name who may ask; or use 127.0.0.1"
    return [f"service.listen: {why}"]
