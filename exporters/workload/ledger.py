"""What all sessions of one placement said together: sums that only ever grow, whoever comes, goes or comes back."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from operator import add, sub
from typing import Final

from exporters.workload.observation import Distribution, Observation, Stream, Totals
from exporters.workload.wire import MAX_STREAMS, OTHER_STREAMS

MAX_EVENTS_OF_ALL: Final = 128
"""Names of events over all workers and restarts; a program that makes up names as it goes shall not fill the page."""
MAX_STREAMS_COUNTED: Final = 1024
"""Over the limit of named streams, distinct ones are counted up to here; counting them takes memory."""
MAX_WORKERS_REMEMBERED: Final = 256
"""Processes whose CPU time is known to be counted already, should they open another session."""


class Ledger:
    """Grows by the difference between a session's newest observation and the one before.

    So nothing has to be moved when a session ends, and the sum of floats never falls by a rounding: x + d ≥ x for d ≥ 0.
    """

    def __init__(self) -> None:
        self.totals = Totals(empty=0, ambiguous=0)
        self.lost = 0
        self.streams: dict[str, Stream] = {}  # by the name on the page; last results are the sessions' own affair
        self.cpu = CpuAccounts()
        self._over_limit: set[str] = set()

    def grow(self, old: Observation | None, new: Observation, alone: bool) -> None:
        """Add what was counted since; ``alone``: no other process publishes for the placement beside this one."""
        before, after, sums = Totals() if old is None else old.totals, new.totals, self.totals
        self.totals = replace(
            sums,
            frames=sums.frames + after.frames - before.frames,
            results=sums.results + after.results - before.results,
            empty=(sums.empty or 0) + (after.empty or 0) - (before.empty or 0),
            ambiguous=(sums.ambiguous or 0) + (after.ambiguous or 0) - (before.ambiguous or 0),
            latency=_grown(sums.latency, before.latency, after.latency),
            confidence=_grown(sums.confidence, before.confidence, after.confidence),
            events=self._grown_events(before, after),
        )
        # Before the first one that reached us, only the program itself can know what was lost; a gap is what never arrived.
        self.lost += new.lost if old is None else new.seq - old.seq - 1
        self.cpu.add(new, alone)

    def grow_streams(self, old: dict[str, Stream], new: Observation) -> None:
        """Add what was counted by stream since ``old``, where the observation says it."""
        for name, said in (new.streams or {}).items():
            before = old.get(name, Stream(0, 0, None))
            shown = self.shown_stream(name)
            sums = self.streams.get(shown, Stream(0, 0, None))
            self.streams[shown] = Stream(sums.frames + said.frames - before.frames, sums.results + said.results - before.results, None)

    def shown_stream(self, name: str) -> str:
        """The name on the page: its own for the first 16 that come, "other" for the rest."""
        if name in self.streams or name == OTHER_STREAMS:
            return name
        if len(self.streams) - (OTHER_STREAMS in self.streams) < MAX_STREAMS:
            return name
        if len(self._over_limit) < MAX_STREAMS_COUNTED:
            self._over_limit.add(name)
        return OTHER_STREAMS

    @property
    def streams_over_limit(self) -> int:
        """Distinct streams that came with a name and are shown as "other"."""
        return len(self._over_limit)

    def _grown_events(self, before: Totals, after: Totals) -> dict[str, int]:
        sums = dict(self.totals.events)
        for event, total in after.events.items():
            if event in sums or len(sums) < MAX_EVENTS_OF_ALL:
                sums[event] = sums.get(event, 0) + total - before.events.get(event, 0)
        return sums


@dataclass(slots=True)
class _Account:
    own_seconds: float = 0.0
    waited_seconds: float = 0.0
    counted_seconds: float = 0.0
    alone: bool = True


class CpuAccounts:
    """CPU seconds by process. They are the process's, not the session's: a second session of one process counts none twice.

    What children used that a process waited for counts only while that process has always published alone: children that
    publish have counted themselves.
    """

    def __init__(self) -> None:
        self.total_seconds = 0.0
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def add(self, new: Observation, alone: bool) -> None:
        """Take what a process says of itself."""
        account = self._accounts.setdefault(worker_of(new), _Account())
        self._accounts.move_to_end(worker_of(new))
        own, waited = new.totals.cpu_seconds - new.totals.waited_cpu_seconds, new.totals.waited_cpu_seconds
        account.alone = account.alone and alone
        grown = max(0.0, own - account.own_seconds) + (max(0.0, waited - account.waited_seconds) if account.alone else 0.0)
        account.own_seconds = max(own, account.own_seconds)
        account.waited_seconds = max(waited, account.waited_seconds)
        account.counted_seconds += grown
        self.total_seconds += grown
        if len(self._accounts) > MAX_WORKERS_REMEMBERED:
            self._accounts.popitem(last=False)

    def seconds_of(self, worker: str) -> float:
        """What was counted of one process."""
        return self._accounts[worker].counted_seconds if worker in self._accounts else 0.0


def worker_of(said: Observation) -> str:
    """Which process said it; each session of a program that does not name its processes is one of its own."""
    return said.worker or f"session {said.session}"


def _grown(sums: Distribution, before: Distribution, after: Distribution) -> Distribution:
    return Distribution(tuple(map(add, sums.counts, map(sub, after.counts, before.counts))), sums.sum + max(0.0, after.sum - before.sum))
