"""What was decided about one proposal, with its reason, what was rejected, and what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2s
from typing import Literal

from decision_engine.core.proposal import Proposal, Reason

Verdict = Literal["act", "hold", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOrder:
    """One workload as a new generation: on another device, as another build, or both; ``home`` and ``site`` as declared.

    ``source_placement`` on ``source`` is what it replaces, both "" where nothing is replaced. ``environment_class`` and ``version``
    name the build to be started, ``source_class`` and ``source_version`` the one that it replaces; "" stands for the declared one.
    """

    workload: str
    source_placement: str
    source: str
    target: str
    generation: int
    home: str
    site: str
    environment_class: str = ""
    version: str = ""
    source_class: str = ""
    source_version: str = ""

    @property
    def replaces(self) -> bool:
        """Whether something is to be stopped once this runs."""
        return bool(self.source_placement)

    @property
    def stays(self) -> bool:
        """Whether the workload stays on its device: only its build, or only its generation, is another one."""
        return self.source == self.target

    @property
    def build_there(self) -> str:
        """Names the workload as this build on this device, whatever the generation."""
        return f"{self.workload}@{self.target} {self.environment_class}/{self.version}"

    @property
    def target_placement(self) -> str:
        """Name of the placement to be started."""
        return f"{self.workload}@{self.target}#{self.generation}"


@dataclass(frozen=True, slots=True)
class Alternative:
    """A move that was weighed and not chosen."""

    workload: str
    target: str
    reason: str
    load_after_ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a move shall have done: the source's resource below its limit, the target still below, by when."""

    source: str
    target: str
    resource: str
    limit_ratio: float
    source_before_ratio: float | None
    source_after_ratio: float | None
    target_before_ratio: float | None
    target_after_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One verdict. ``reason`` says why it acts, holds still or refuses; ``proposal`` is what was asked for."""

    id: str
    at: float
    verdict: Verdict
    policy: str
    scenario: str
    subject: str
    reason: Reason
    proposal: Proposal | None = None
    move: MoveOrder | None = None
    promise: Promise | None = None
    rejected: tuple[Alternative, ...] = ()
    catalog_version: str = ""
    model_digest: str = ""


def decision_id(at: float, policy: str, subject: str) -> str:
    """Sixteen hexadecimal digits that depend on the moment and the subject only: the same snapshot gives the same id."""
    return blake2s(f"{at:.6f}|{policy}|{subject}".encode(), digest_size=8).hexdigest()
