"""SC-2: an overloaded device hands a workload to the analysis server when no edge takes it."""

from __future__ import annotations

from decision_engine.core.limits import Limits
from decision_engine.core.proposal import Proposal
from decision_engine.core.snapshot import Snapshot
from decision_engine.policies.relieve import overload_wishes


class OverflowPolicy:
    """The same trigger as SC-1, one rank later: once SC-1 has found an edge, the device counts as being relieved."""

    name = "overflow"
    scenario = "SC-2"
    rank = 51

    def propose(self, snapshot: Snapshot, limits: Limits) -> tuple[Proposal, ...]:
        """One wish for each overloaded device and resource."""
        return overload_wishes(self, snapshot, limits, ("analysis",))
