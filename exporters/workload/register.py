"""Who may speak for which placement: sessions and senders within their limits, and those that ended."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from exporters.device.processes import ProcessKey
from exporters.workload.observation import Observation
from exporters.workload.track import Session, Track

SESSION_OVER: Final = "session_over"
OLD_SEQUENCE: Final = "old_sequence"
WENT_BACKWARDS: Final = "went_backwards"
IDENTITY_CHANGED: Final = "identity_changed"
TOO_MANY_PLACEMENTS: Final = "too_many_placements"
TOO_MANY_WORKERS: Final = "too_many_workers"
TOO_MANY_OF_ONE_SENDER: Final = "too_many_of_one_sender"
REGISTER_REASONS: Final = (
    SESSION_OVER, OLD_SEQUENCE, WENT_BACKWARDS, IDENTITY_CHANGED, TOO_MANY_PLACEMENTS, TOO_MANY_WORKERS, TOO_MANY_OF_ONE_SENDER,
)  # fmt: skip

_REMEMBERED_SESSIONS: Final = 1024
"""Ended sessions whose stragglers are recognised; a straggler is late by milliseconds, not by a thousand restarts."""
_RETURNING_SESSIONS: Final = 16
"""Silent ones that a placement keeps by themselves, so that one that comes back is not counted twice."""
_REMEMBERED_TRACKS: Final = 64
"""Placements without a live session whose sums go on if a worker returns; a longer absence is a counter's reset."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many placements are kept, and after how many silent seconds one is forgotten, as is an environment not said again.

    ``max_of_one_sender``: a program runs one placement, a server of several models a few; one that speaks for more has lost
    its way, and shall not take the places of others. A sender that cannot be seen (process id 0, from another container) is
    no single one, so only ``max_placements`` and ``max_workers``, of one placement, bound those. A placement that has ended is
    shown for ``linger_seconds`` more, so that its last words, a fire among them, are scraped: twelve scrapes of 5 s.
    """

    max_placements: int = 64
    max_of_one_sender: int = 8
    max_workers: int = 32
    forget_seconds: float = 60.0
    linger_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the collector may know of the world: Unix seconds, seconds that never jump, and who lives under a process id.

    ``has_room`` says whether series may be added; without it known programs go on, and no other begins.
    """

    clock: Callable[[], float]
    monotonic: Callable[[], float]
    process: Callable[[int], ProcessKey | None]
    has_room: Callable[[], bool] = lambda: True


class Register:
    """Takes observations one by one; whoever calls sees to it that nobody else does at the same time."""

    def __init__(self, surroundings: Surroundings, bounds: Bounds) -> None:
        self._world = surroundings
        self._bounds = bounds
        self._tracks: dict[tuple[str, str, str, str], Track] = {}
        self._homes: dict[str, Track] = {}  # by session
        self._over: OrderedDict[str, None] = OrderedDict()

    def live_tracks(self) -> list[Track]:
        """Those with a session that publishes now, by their labels."""
        self._sweep()
        return [self._tracks[labels] for labels in sorted(self._tracks) if self._tracks[labels].live()]

    def shown_tracks(self) -> list[Track]:
        """Those, and those that were heard not long ago."""
        self._sweep()
        since = self._world.monotonic() - self._bounds.linger_seconds
        shown = [labels for labels, track in self._tracks.items() if track.live() or track.heard >= since]
        return [self._tracks[labels] for labels in sorted(shown)]

    def series(self) -> int:
        """At most so many samples all placements make, those included whose programs may come back."""
        return sum(track.series for track in self._tracks.values())

    def take(self, new: Observation, pid: int) -> str:
        """Count the observation from this process (0: not visible), or say why not."""
        if new.session in self._over:
            return SESSION_OVER
        home = self._homes.get(new.session)
        known = home.sessions[new.session] if home else None
        refusal = _judge(known, new) or self._admit(known, new, pid)
        if refusal:
            return refusal
        if known is None and not new.worker:
            if new.end:  # a goodbye that nothing is known of ends nothing
                self._remember_over(new.session)
                return ""
            self._replace(new.placement)
        track = self._tracks.setdefault(new.labels, Track(new.labels))
        session = track.take(new)
        self._homes[new.session] = track
        self._hear(session, pid)
        track.heard = session.arrived
        if new.end:
            self._drop(new.session)
        self._make_room(track)
        return ""

    def _hear(self, session: Session, pid: int) -> None:
        session.arrived = self._world.monotonic()
        session.pid = pid
        if session.process is None or session.process[0] != pid:
            session.process = self._world.process(pid)
        session.live = session.live or not self._gone(session)

    def _admit(self, known: Session | None, new: Observation, pid: int) -> str:
        """Whether there is a place for this session, for its series and for this sender."""
        if not self._world.has_room() and _grows(known, new):
            return TOO_MANY_PLACEMENTS
        if known is not None and known.live and known.pid == pid:
            return ""
        self._sweep()
        replaced = [] if new.worker else [one for one in self._of(new.placement) if not one.newest.worker]
        others = [one for one in self._live() if one is not known and one not in replaced]
        mine = {id(one) for one in self._of(new.placement) if one.pid == pid and one.live and one in replaced}
        if pid > 0 and not mine and sum(one.pid == pid for one in others) >= self._bounds.max_of_one_sender:
            return TOO_MANY_OF_ONE_SENDER
        if new.end or (known is not None and self._gone(known)):  # it only adds its last words
            return ""
        if sum(one.newest.placement == new.placement for one in others) >= self._bounds.max_workers:
            return TOO_MANY_WORKERS
        return "" if self._has_room(new, others) else TOO_MANY_PLACEMENTS

    def _has_room(self, new: Observation, others: Iterable[Session]) -> bool:
        """Whether one more may come; when it is full, the longest silent one of those whose sender is dead goes first."""
        taken: dict[tuple[str, str, str, str], list[Session]] = {}
        for one in others:
            taken.setdefault(one.newest.labels, []).append(one)
        if new.labels in taken or len(taken) < self._bounds.max_placements:
            return True
        dead = [sessions for sessions in taken.values() if all(one.pid > 0 and self._world.process(one.pid) is None for one in sessions)]
        if not dead:
            return False
        for one in min(dead, key=lambda sessions: max(one.arrived for one in sessions)):
            one.live = False
        return True

    def _replace(self, placement: str) -> None:
        """A program that does not name its processes runs once: a new session is a restart."""
        for session in [one.newest.session for one in self._of(placement) if not one.newest.worker]:
            self._drop(session)

    def _sweep(self) -> None:
        """End what ended without a goodbye: the process is gone or another one, or nothing was heard for too long."""
        now = self._world.monotonic()
        for session in self._live():
            session.live = not self._gone(session) and now - session.arrived <= self._bounds.forget_seconds

    def _gone(self, session: Session) -> bool:
        return session.process is not None and self._world.process(session.process[0]) != session.process

    def _make_room(self, track: Track) -> None:
        """Forget what was silent longest: sessions of this placement, and placements."""
        silent = sorted((one for one in track.sessions.values() if not one.live), key=lambda one: one.arrived)
        for one in silent[: max(0, len(silent) - _RETURNING_SESSIONS)]:
            self._drop(one.newest.session)
        self._tracks[track.labels] = self._tracks.pop(track.labels)  # the one heard last stands last
        ended = [labels for labels, one in self._tracks.items() if not one.live()]
        for labels in ended[: max(0, len(ended) - _REMEMBERED_TRACKS)]:
            for gone in self._tracks.pop(labels).sessions:
                del self._homes[gone]

    def _drop(self, session: str) -> None:
        """It is over for good; what it counted stays in its placement's sums."""
        self._homes.pop(session).drop(session)
        self._remember_over(session)

    def _remember_over(self, session: str) -> None:
        self._over[session] = None
        if len(self._over) > _REMEMBERED_SESSIONS:
            self._over.popitem(last=False)

    def _live(self) -> list[Session]:
        return [session for track in self._tracks.values() for session in track.sessions.values() if session.live]

    def _of(self, placement: str) -> list[Session]:
        return [one for track in self._tracks.values() if track.placement == placement for one in track.sessions.values()]


def _judge(known: Session | None, new: Observation) -> str:
    """Whether it can follow what this session said last."""
    if known is None:
        return ""
    if new.seq <= known.newest.seq:
        return OLD_SEQUENCE
    if new.labels != known.newest.labels or new.worker != known.newest.worker:
        return IDENTITY_CHANGED
    return "" if known.may_become(new) else WENT_BACKWARDS


def _grows(known: Session | None, new: Observation) -> bool:
    """Whether it names anything that its session has not named before."""
    return known is None or len(new.totals.events) > len(known.newest.totals.events) or len(new.streams or ()) > len(known.streams)
