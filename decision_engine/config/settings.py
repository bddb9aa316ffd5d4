"""The shape of the settings: one frozen model per section, nothing that is not known, paths anchored at the file."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation, ValidationInfo

from decision_engine.catalog.rules import why_bad_address, why_bad_id
from decision_engine.config.secret import Secret
from decision_engine.core.limits import Autonomy, Budget, Environment, Foresight, Limits, Moving, Overload, Repairing, Times, Updating

NULL: Final = "\0"
LONGEST_WAIT_SECONDS: Final = 3_600
"""Whoever waits an hour for one answer has stopped watching the fleet."""
MOST_CYCLES: Final = 1_000_000
"""Two months at a cycle each 5 s; a file per cycle beyond that is more than a folder should hold."""
LARGEST_BODY_BYTES: Final = 64 * 1024 * 1024
"""As much as a catalogue's file may have; nothing bigger is ever posted."""


def anchored(path: Path, info: ValidationInfo) -> Path:
    """A relative path is meant from the folder of the settings file, which the validation's context names.

    Raises:
        ValueError: no system can have such a path, or it begins with the home of a user who is not there.
    """
    if NULL in str(path):
        raise ValueError("must be a path, and no path holds a null character")
    if not info.context:
        return path
    try:
        return Path(info.context["directory"]) / path.expanduser()
    except RuntimeError as error:
        raise ValueError("begins with the home of a user whom this machine does not have; write the folder out") from error


def http_url(text: str) -> str:
    """An http or https address without credentials and without a slash at the end.

    Raises:
        ValueError: it is not; the value is not repeated, since it may hold a credential.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError("is not a URL such as http://127.0.0.1:9090") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("must be a URL such as http://127.0.0.1:9090")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be a plain address, without user, password or query; a token belongs into bearer_token_file")
    return text.rstrip("/")


def listen_address(text: str) -> str:
    """``host:port``.

    Raises:
        ValueError: it is not.
    """
    if why := why_bad_address(text):
        raise ValueError(why)
    return text


def package_id(text: str) -> str:
    """An id as the catalogue has them.

    Raises:
        ValueError: it is not.
    """
    if why := why_bad_id(text):
        raise ValueError(why)
    return text


def with_program(argv: tuple[str, ...]) -> tuple[str, ...]:
    """A command line, of which the first word names the program.

    Raises:
        ValueError: it names none.
    """
    if not argv or not argv[0]:
        raise ValueError("must name a program")
    if any(NULL in word for word in argv):
        raise ValueError("must not hold a null character; no program can be given one")
    return argv


FilePath = Annotated[Path, AfterValidator(anchored)]
HttpUrl = Annotated[str, AfterValidator(http_url)]
Seconds = Annotated[float, Field(gt=0, le=LONGEST_WAIT_SECONDS)]
CycleCount = Annotated[int, Field(gt=0, le=MOST_CYCLES)]
Word = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A part of the file: frozen, strict about types, and with no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)


def never_in_the_file(value: object) -> object:
    """Refuse a secret that stands in the settings themselves.

    Raises:
        ValueError: it is there.
    """
    if value is not None and not isinstance(value, Secret):
        raise ValueError("must not stand in this file; write it into a file of its own and name that with bearer_token_file")
    return value


class PrometheusSettings(Section):
    """Where Prometheus is; ``bearer_token`` is what ``bearer_token_file`` holds."""

    url: HttpUrl
    bearer_token_file: FilePath | None = None
    timeout_seconds: Seconds = 4.0
    bearer_token: Annotated[SkipValidation[Secret | None], BeforeValidator(never_in_the_file)] = Field(default=None, repr=False)


class ServiceSettings(Section):
    """Where the service listens, and who may ask."""

    listen: Annotated[str, AfterValidator(listen_address)] = "127.0.0.1:8780"
    tokens_file: FilePath | None = None
    max_body_bytes: Annotated[int, Field(gt=0, le=LARGEST_BODY_BYTES)] = 1_048_576

    @property
    def host(self) -> str:
        """Host part of ``listen``, an IPv6 address without its brackets."""
        return self.listen.rpartition(":")[0].removeprefix("[").removesuffix("]")

    @property
    def port(self) -> int:
        """Port part of ``listen``."""
        return int(self.listen.rpartition(":")[2])

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class SignalSettings(Section):
    """Which questions are asked; ``overrides`` are fields of a signal by the signal's name, judged by ``observe``."""

    preset: Literal["edgeshift", "node_exporter"] = "edgeshift"
    overrides: dict[str, dict[str, str | float | bool | None]] = {}


class SimulatedSection(Section):
    """The simulated fleet's control port."""

    url: HttpUrl
    timeout_seconds: Seconds = 5.0


class ProcessSection(Section):
    """AI programs as child processes of this machine; each package's argv under ``commands``."""

    state_directory: FilePath
    devices: tuple[str, ...] = ()
    commands: dict[Annotated[str, AfterValidator(package_id)], Annotated[tuple[str, ...], AfterValidator(with_program)]] = {}
    environment: dict[str, str] = {}
    stop_grace_seconds: Seconds = 5.0


class ActuatorSettings(Section):
    """The actuators by the name that the catalogue's clusters use; one that is left out is not there."""

    simulated: SimulatedSection | None = None
    process: ProcessSection | None = None


class ForecastingSettings(Section):
    """The method of forecasting; ``window_points`` None leaves the trailing window to the method's own default."""

    method: Literal["learned", "regression", "last_value"] = "learned"
    window_points: Annotated[int, Field(ge=4, le=120)] | None = None


class RecorderSettings(Section):
    """The ring of recorded cycles."""

    directory: FilePath
    cycles: CycleCount = 720


class RecorderSection(Section):
    """The recorder as the file has it: without a directory it lies in the state directory."""

    directory: FilePath | None = None
    cycles: CycleCount = 720


class SettingsFile(Section):
    """The whole file, ``edgeshift.yaml``."""

    schema_version: Literal[1] = Field(alias="schema")
    prometheus: PrometheusSettings
    catalog: FilePath
    state_directory: FilePath
    journal_url: Word | None = None
    service: ServiceSettings = ServiceSettings()
    times: Times = Times()
    overload: Overload = Overload()
    foresight: Foresight = Foresight()
    environment: Environment = Environment()
    updating: Updating = Updating()
    repairing: Repairing = Repairing()
    moving: Moving = Moving()
    budget: Budget = Budget()
    autonomy: dict[str, Any] = {}
    signals: SignalSettings = SignalSettings()
    actuators: ActuatorSettings = ActuatorSettings()
    forecasting: ForecastingSettings = ForecastingSettings()
    recorder: RecorderSection = RecorderSection()

    def limits(self) -> Limits:
        """The numbers that decisions depend on."""
        autonomy: dict[str, Autonomy] = dict(self.autonomy)
        return Limits(
            self.times, self.overload, self.foresight, self.moving, self.budget, self.environment, self.updating, self.repairing, autonomy
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; every path is absolute or relative to where the program was started, never to the file."""

    path: Path
    prometheus: PrometheusSettings
    catalog: Path
    state_directory: Path
    journal_url: str
    recorder: RecorderSettings
    limits: Limits = field(default_factory=Limits)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    signals: SignalSettings = field(default_factory=SignalSettings)
    actuators: ActuatorSettings = field(default_factory=ActuatorSettings)
    forecasting: ForecastingSettings = field(default_factory=ForecastingSettings)
