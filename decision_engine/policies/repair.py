"""SC-6: an AI that crashed, is silent while frames arrive, or is missing is brought back; what a person must mend is told instead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from decision_engine.core.limits import Limits
from decision_engine.core.proposal import Evidence, Notice, Parameter, Place, Proposal, Reason, Wish
from decision_engine.core.reading import Quality
from decision_engine.core.snapshot import FAILED, NOWHERE, READY, Bools, Floats, Ints, Snapshot

IMAGE_PULL = "image_pull"


class RepairPolicy:
    """One wish for each workload that does not work, by what is seen of it.

    Failed: started again where it is; where its image cannot be pulled, the build before it there, else the same elsewhere. Ready but
    without a result for some intervals while frames arrive: started again. Missing: started at home. No frames: the camera is down,
    which no restart mends. A device whose runtime or scrape is silent is unknown and left alone. Many at one site at once are no matter of
    single AIs: the site is told, and nothing is done there.
    """

    name = "repair"
    scenario = "SC-6"
    rank = 10

    def propose(self, snapshot: Snapshot, limits: Limits) -> tuple[Proposal, ...]:
        """Mask the columns for each way of not working; a workload in trouble in two ways is wished for once."""
        failed, silent, blind = _failed(snapshot), _silent(snapshot, limits), _without_frames(snapshot, limits)
        missing = _missing(snapshot)
        troubled = snapshot.placements.workload[_newly(failed, silent, snapshot, limits)]
        held = _sites_in_trouble(troubled, snapshot, limits)
        wishes = [
            *(_failed_wish(self, int(row), snapshot) for row in failed),
            *(_silent_wish(self, int(row), snapshot) for row in silent),
            *(_missing_wish(self, int(row), snapshot, limits) for row in missing),
            *(_camera_notice(self, int(row), snapshot) for row in blind),
        ]
        spared = [wish for wish in wishes if _site_of(wish, snapshot) not in held]
        return (*spared, *(_site_notice(self, site, count, snapshot) for site, count in sorted(held.items())))


def _answering(snapshot: Snapshot) -> Bools:
    """P: placements of workloads in the catalogue, on devices whose runtime answers."""
    p = snapshot.placements
    known: Bools = (p.workload >= 0) & (p.device >= 0)
    known[known] = snapshot.devices.placements_known[p.device[known]]
    return known


def _failed(snapshot: Snapshot) -> Ints:
    """Failed placements of workloads of which none is Ready or coming."""
    p = snapshot.placements
    rows = _answering(snapshot) & (p.phase == FAILED)
    working = np.bincount(p.workload[(p.workload >= 0) & (p.phase != FAILED)], minlength=len(snapshot.workloads.ids))
    rows[rows] = working[p.workload[rows]] == 0
    candidates = np.flatnonzero(rows)
    newest: dict[int, int] = {}
    for row in candidates.tolist():  # of several failed ones the newest is the one to be replaced
        workload = int(p.workload[row])
        if workload not in newest or p.generation[row] > p.generation[newest[workload]]:
            newest[workload] = row
    return np.array(sorted(newest.values()), dtype=np.int64)


def _newly(failed: Ints, silent: Ints, snapshot: Snapshot, limits: Limits) -> Ints:
    """Which of those in trouble have been so for no longer than a minute or so: what fails together has something in common."""
    p, window = snapshot.placements, limits.repairing.site_seconds
    with np.errstate(invalid="ignore"):
        just_failed = snapshot.now - p.since[failed] <= window
        just_silent = p.last_frame_at[silent] - p.last_result_at[silent] <= _patience(silent, snapshot, limits) + window
    return np.concatenate([failed[just_failed], silent[just_silent]])


def _ready_alone(snapshot: Snapshot) -> Bools:
    """P: the only placement of its workload, Ready, of a package whose results are seen, on a device whose scrape is fresh."""
    p, w = snapshot.placements, snapshot.workloads
    rows: Bools = _answering(snapshot) & (p.phase == READY)
    count = np.bincount(p.workload[p.workload >= 0], minlength=len(w.ids))
    scraped = (snapshot.devices.quality == int(Quality.FRESH)).any(axis=1)
    rows[rows] = (count[p.workload[rows]] == 1) & w.result_by_helper[p.workload[rows]] & scraped[p.device[rows]]
    return rows


def _patience(rows: Ints, snapshot: Snapshot, limits: Limits) -> Floats:
    """How long each of some placements may give no result: some intervals, and the scrapes until it is known."""
    workload = snapshot.placements.workload[rows]
    return limits.repairing.silent_intervals * snapshot.workloads.interval_seconds[workload] + limits.times.fresh_seconds


def _speaking(snapshot: Snapshot, limits: Limits) -> Ints:
    """Ready placements that are old enough to be judged and still speak of their frames: of who is mute, nothing is known."""
    p = snapshot.placements
    rows = np.flatnonzero(_ready_alone(snapshot))
    with np.errstate(invalid="ignore"):
        heard = snapshot.now - p.told_at[rows] <= limits.times.fresh_seconds
    return np.asarray(rows[heard & (snapshot.now - p.since[rows] > _patience(rows, snapshot, limits)) & np.isfinite(p.last_frame_at[rows])])


def _silent(snapshot: Snapshot, limits: Limits) -> Ints:
    """Ready placements that see frames and give no result; both times are of the device's own clock, whatever that says."""
    p, rows = snapshot.placements, _speaking(snapshot, limits)
    with np.errstate(invalid="ignore"):
        silent = ~(p.last_frame_at[rows] - p.last_result_at[rows] <= _patience(rows, snapshot, limits))
    return np.asarray(rows[silent])


def _without_frames(snapshot: Snapshot, limits: Limits) -> Ints:
    """Ready placements that have seen frames before, see none any more and say so."""
    p, rows = snapshot.placements, _speaking(snapshot, limits)
    return np.asarray(rows[p.told_at[rows] - p.last_frame_at[rows] > _patience(rows, snapshot, limits)])


def _missing(snapshot: Snapshot) -> Ints:
    """Declared workloads that run nowhere, although every runtime answers where they could be."""
    p, w, d = snapshot.placements, snapshot.workloads, snapshot.devices
    if not d.placements_known.all():  # it may run where nobody can look
        return np.empty(0, dtype=np.int64)
    placed = np.bincount(p.workload[p.workload >= 0], minlength=len(w.ids))
    return np.flatnonzero((placed == 0) & (w.home >= 0) & (w.variant != NOWHERE))


def _sites_in_trouble(workloads: Ints, snapshot: Snapshot, limits: Limits) -> dict[str, int]:
    """Sites of which too large a share of the workloads does not work, with how many."""
    site_of = np.where(snapshot.workloads.home >= 0, snapshot.devices.site[snapshot.workloads.home], NOWHERE)
    found: dict[str, int] = {}
    for site, name in enumerate(snapshot.site_ids):
        count, whole = int((site_of[workloads] == site).sum()), int((site_of == site).sum())
        if count >= limits.repairing.site_workloads and count > limits.repairing.site_share * whole:
            found[name] = count
    return found


def _site_of(wish: Proposal, snapshot: Snapshot) -> str:
    workload = wish.wish.workload if isinstance(wish.wish, Place) else ""
    if workload not in snapshot.workloads.ids:
        return ""
    return snapshot.site_ids[int(snapshot.devices.site[snapshot.workloads.home[snapshot.workloads.ids.index(workload)]])]


def _failed_wish(policy: RepairPolicy, row: int, snapshot: Snapshot) -> Proposal:
    p, v = snapshot.placements, snapshot.variants
    name, device = snapshot.workloads.ids[int(p.workload[row])], snapshot.devices.ids[int(p.device[row])]
    parameters: dict[str, Parameter] = {"workload": name, "device": device, "cause": p.cause[row]}
    evidence = (Evidence("placements", p.ids[row], None, snapshot.now, True),)
    if p.cause[row] != IMAGE_PULL or not snapshot.workloads.movable[p.workload[row]]:
        wish: Wish = Place(workload=name, replaces=p.ids[row], device=device)
        return _proposal(policy, name, wish, Reason("ai_failed", parameters), evidence)
    before = _build_before(row, snapshot)
    if before != NOWHERE:
        wish = Place(
            workload=name, replaces=p.ids[row], device=device, environment_class=v.environment_class[before], version=v.version[before]
        )
        back: dict[str, Parameter] = {"workload": name, "device": device, "version": v.version[before]}
        return _proposal(policy, name, wish, Reason("image_not_pulled_step_back", back), evidence)
    wish = Place(workload=name, replaces=p.ids[row], target_roles=("edge", "analysis"))
    return _proposal(policy, name, wish, Reason("image_not_pulled_elsewhere", parameters), evidence)


def _build_before(row: int, snapshot: Snapshot) -> int:
    """The build of the same class before the one that could not be pulled; it was on the device once, or may be."""
    build, v = snapshot.variant_of(row), snapshot.variants
    if build == NOWHERE:
        return NOWHERE
    kind = snapshot.devices.kind[snapshot.placements.device[row]]
    older = [
        other for other in v.of(v.package[build], v.environment_class[build]) if other < build and v.active[other] and v.fit[other, kind]
    ]
    return older[-1] if older else NOWHERE


def _silent_wish(policy: RepairPolicy, row: int, snapshot: Snapshot) -> Proposal:
    p = snapshot.placements
    name, device = snapshot.workloads.ids[int(p.workload[row])], snapshot.devices.ids[int(p.device[row])]
    last, frame = float(p.last_result_at[row]), float(p.last_frame_at[row])
    seconds = snapshot.now - (last if np.isfinite(last) else float(p.since[row]))
    parameters: dict[str, Parameter] = {"workload": name, "device": device, "seconds": seconds}
    evidence = (Evidence("last_frame", p.ids[row], None, frame, True),)
    return _proposal(policy, name, Place(workload=name, replaces=p.ids[row], device=device), Reason("ai_silent", parameters), evidence)


def _missing_wish(policy: RepairPolicy, workload: int, snapshot: Snapshot, limits: Limits) -> Proposal:
    w = snapshot.workloads
    name, home = w.ids[workload], snapshot.devices.ids[int(w.home[workload])]
    evidence = (Evidence("placements", name, None, snapshot.now, True),)
    reason = Reason("ai_missing", {"workload": name, "device": home})
    wish = _proposal(policy, name, Place(workload=name, device=home), reason, evidence)
    return replace(wish, steady_seconds=limits.repairing.missing_seconds)


def _camera_notice(policy: RepairPolicy, row: int, snapshot: Snapshot) -> Proposal:
    p, w = snapshot.placements, snapshot.workloads
    workload = int(p.workload[row])
    camera = snapshot.cameras.ids[int(w.camera[workload])] if w.camera[workload] != NOWHERE else w.ids[workload].split("/")[1]
    frame = float(p.last_frame_at[row])
    parameters: dict[str, Parameter] = {"camera": camera, "workload": w.ids[workload], "seconds": snapshot.now - frame}
    evidence = (Evidence("last_frame", p.ids[row], None, snapshot.now, True),)
    return _proposal(policy, camera, Notice(about=camera), Reason("camera_down", parameters), evidence)


def _site_notice(policy: RepairPolicy, site: str, count: int, snapshot: Snapshot) -> Proposal:
    evidence = (Evidence("placements", site, float(count), snapshot.now, True),)
    return _proposal(policy, site, Notice(about=site), Reason("site_in_trouble", {"site": site, "count": count}), evidence)


def _proposal(policy: RepairPolicy, subject: str, wish: Wish, because: Reason, evidence: tuple[Evidence, ...]) -> Proposal:
    return Proposal(
        policy=policy.name,
        scenario=policy.scenario,
        subject=subject,
        urgency=0.0,
        wish=wish,
        because=because,
        evidence=evidence,
    )
