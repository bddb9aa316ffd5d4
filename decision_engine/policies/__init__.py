"""One file per scenario family, one thought each: a policy turns a snapshot into wishes."""

from __future__ import annotations

from decision_engine.core.decide import Policy
from decision_engine.policies.foresee import ForeseePolicy
from decision_engine.policies.match_environment import MatchEnvironmentPolicy
from decision_engine.policies.overflow import OverflowPolicy
from decision_engine.policies.relieve import RelievePolicy
from decision_engine.policies.repair import RepairPolicy
from decision_engine.policies.return_home import ReturnHomePolicy
from decision_engine.policies.update_version import UpdateVersionPolicy

POLICIES: tuple[Policy, ...] = (
    RepairPolicy(),
    RelievePolicy(),
    OverflowPolicy(),
    ForeseePolicy(),
    MatchEnvironmentPolicy(),
    UpdateVersionPolicy(),
    ReturnHomePolicy(),
)
"""The literal table of policies, in the order of their rank."""
