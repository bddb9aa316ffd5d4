"""A wish of a policy, with its reason and its evidence; what to do about it is the planner's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

Parameter = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Reason:
    """A code with parameters; the sentence is rendered at the edge of the house (``core.explain``)."""

    code: str
    parameters: dict[str, Parameter]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number that a proposal stands on: which signal of which subject, its value, and when it was true (None: unknown)."""

    signal: str
    subject: str
    value: float | None
    at: float | None
    fresh: bool


# The wishes are a closed, tagged family, so that the journal can read them back; plain dataclasses carry no tag.
class Relieve(msgspec.Struct, frozen=True, kw_only=True, tag="relieve"):
    """The wish that a device carries less of one resource; ``target_roles`` in order of preference.

    ``excess_ratio`` is how much must go, ``limit_ratio`` what must not be passed.
    """

    device: str
    resource: str
    limit_ratio: float
    excess_ratio: float
    target_roles: tuple[Literal["edge", "analysis"], ...]


class Return(msgspec.Struct, frozen=True, kw_only=True, tag="return"):
    """The wish that a workload goes back to where it belongs."""

    workload: str
    device: str
    home: str


class Place(msgspec.Struct, frozen=True, kw_only=True, tag="place"):
    """The wish that a workload runs as a certain build, instead of ``replaces`` (a placement; "": instead of nothing).

    ``device`` "" stands for the best of ``target_roles``; ``environment_class`` and ``version`` "" for the build that runs now, and a class
    without a version for its newest active build.
    """

    workload: str
    replaces: str = ""
    device: str = ""
    target_roles: tuple[Literal["edge", "analysis"], ...] = ()
    environment_class: str = ""
    version: str = ""


class Notice(msgspec.Struct, frozen=True, kw_only=True, tag="notice"):
    """No wish for anything to be done, but for a person to know."""

    about: str


Wish = Relieve | Return | Place | Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A wish. ``policy`` is the policy's file name, ``subject`` what the second look is about.

    ``urgency`` orders wishes of one rank, larger first. A second look counts only when all of its evidence is newer than all of
    the first look's, and is at least ``steady_seconds`` later; a wish with such a time must not have paused in between. ``after`` names a
    policy: this wish stands only where that one found no room for the same subject.
    """

    policy: str
    scenario: str
    subject: str
    wish: Wish
    because: Reason
    evidence: tuple[Evidence, ...]
    urgency: float
    after: str = ""
    steady_seconds: float = 0.0

    @property
    def key(self) -> str:
        """Names the wish over several cycles."""
        return f"{self.policy}:{self.subject}"

    @property
    def oldest_evidence_at(self) -> float:
        """When the oldest piece of evidence was true; 0 when none has a time (and then none is fresh)."""
        return min((piece.at for piece in self.evidence if piece.at is not None), default=0.0)

    @property
    def newest_evidence_at(self) -> float:
        """When the newest piece of evidence was true; 0 when none has a time."""
        return max((piece.at for piece in self.evidence if piece.at is not None), default=0.0)
