"""SC-2: an overloaded device hands a workload to the analysis server when no edge takes it."""

from __future__ import annotations

from dataclasses import replace

from decision_engine.core.limits import Limits
from decision_engine.core.proposal import Proposal
from decision_engine.core.snapshot import Snapshot
from decision_engine.policies.relieve import RelievePolicy, overload_wishes


class OverflowPolicy:
    """The same trigger as SC-1; the wish stands only where SC-1 has just found no room on any edge."""

    name = "overflow"
    scenario = "SC-2"
    rank = 51

    def propose(self, snapshot: Snapshot, limits: Limits) -> tuple[Proposal, ...]:
        """One wish for each overloaded device and resource."""
        # Where SC-1 is switched off nobody asks the edges first.
        after = "" if limits.autonomy.get(RelievePolicy.scenario) == "off" else RelievePolicy.name
        return tuple(replace(wish, after=after) for wish in overload_wishes(self, snapshot, limits, ("analysis",)))
