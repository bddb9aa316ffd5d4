"""Where every post is judged: who sends it, what it says, and what of that is believed; no socket and no disk here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from exporters.bridge import dialects, meaning, payloads
from exporters.bridge.classes import environment
from exporters.bridge.identity import HIGH, LOW, Identities, Trust, Who
from exporters.bridge.limits import Bucket, Rates
from exporters.bridge.observations import Clocks, Observations, device_of
from exporters.bridge.posts import OBSERVATIONS, SAVE, USAGE, VERSION, WEATHER, Post
from exporters.bridge.readings import Readings
from exporters.bridge.refusals import Refusals, Refused, shown
from exporters.bridge.replies import (
    IDENTITY_CONFLICT,
    NO_CAMERA,
    RATE,
    TOKEN_MISSING,
    UNKNOWN_PATH,
    Refusal,
    Reply,
    done,
    refused,
)
from exporters.bridge.senders import FORGOTTEN_SECONDS, Beat, Senders
from exporters.bridge.settings import UNMAPPED_CLUSTER, Destination, Settings, Source, Token
from exporters.bridge.totals import Totals

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a post of ``who``: its reply, given after ``entry`` is kept or ``trigger`` handed on, where there is one."""

    reply: Reply
    who: str
    entry: dict[str, Any] | None = None
    trigger: tuple[payloads.Trigger, Trust] | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """A sender that may be believed as far as ``who.trust`` says, and its place among the senders."""

    who: Who
    source: Source
    beat: Beat


class Desk:
    """All that the bridge knows. One thread only: the event loop's."""

    def __init__(self, settings: Settings, clocks: Clocks) -> None:
        self.settings = settings
        self.totals = Totals(settings.limits.versions_of_one)
        self.readings = Readings()
        self.observations = Observations(clocks)
        self.refusals = Refusals()
        self._asker = ""
        self._begin(settings, clocks.monotonic())

    def _begin(self, settings: Settings, monotonic: float) -> None:
        limits = settings.limits
        self.settings = settings
        self.identities = Identities(settings)
        self.senders = Senders(settings.interval_seconds, limits.unmapped_senders)
        self._ais = meaning.Ais(settings)
        self._everybody = Bucket(limits.requests_per_second, monotonic)
        self._rates = Rates(limits.requests_per_second_of_one, limits.unmapped_senders + 2 * len(settings.sources) + len(settings.tokens))
        self._judges: dict[str, Callable[[Post, Token | None], Taken]] = {
            USAGE: self._usage,
            SAVE: self._weather,
            WEATHER: self._weather,
            settings.result_path: self._result,
            VERSION: self._version,
            OBSERVATIONS: self._observation,
        }
        self.totals.promise(meaning.promised_events(settings))

    def reload(self, settings: Settings, monotonic: float) -> None:
        """Go on by other settings; of devices that are no longer configured nothing is left."""
        devices: set[Labels] = {(source.destination.cluster, source.destination.device) for source in settings.sources}
        self.readings.keep(devices)
        self.observations.keep(devices)
        self.totals.keep(devices)
        self._begin(settings, monotonic)

    def restore(self, rows: list[list[Any]], entries: list[dict[str, Any]]) -> None:
        """Take over what a state file held, as far as it is still configured.

        Raises:
            ValueError, TypeError, KeyError: something in it is none of ours.
        """
        self.totals.restore(rows)
        for entry in entries:
            self.apply(entry)
        if not self.settings.allow_unmapped:
            self.totals.keep({(source.destination.cluster, source.destination.device) for source in self.settings.sources})
        self.totals.promise(meaning.promised_events(self.settings))

    def take(self, post: Post) -> Taken:
        """Judge one post; it is refused as a whole or taken as a whole."""
        self._asker = f"from {post.address}"
        try:
            if not self._everybody.take(post.monotonic):
                raise Refusal(RATE, f"more than {self.settings.limits.requests_per_second:g} requests a second in all")
            token = self.identities.token(post.authorization)
            judge = self._judges.get(post.path)
            if judge is None:
                raise Refusal(UNKNOWN_PATH, "nothing is taken on this path")
            return judge(post, token)
        except Refusal as refusal:
            return Taken(self.refuse(post, refusal, self._asker), self._asker)

    def refuse(self, post: Post, refusal: Refusal, who: str) -> Reply:
        """Count and remember a refusal; the answer says it in the path's own style."""
        self.totals.refused[(post.path, refusal.reason.name)] += 1
        detail = self.identities.veiled(refusal.detail)
        self.refusals.add(Refused(post.wall, post.path, who, refusal.reason.name, detail))
        return refused(post.style, Refusal(refusal.reason, detail))

    def forget_totals(self) -> None:
        """Begin to count anew, as far as events are promised."""
        self.totals = Totals(self.settings.limits.versions_of_one)
        self.totals.promise(meaning.promised_events(self.settings))

    def tidy(self, wall: float, monotonic: float) -> None:
        """Forget what is not believed any longer, and unmapped devices that have been silent for an hour."""
        self.readings.sweep(monotonic)
        newest: dict[Labels, float] = {}
        for labels, at in self.totals.last_seen.items():
            if labels[0] == UNMAPPED_CLUSTER:
                newest[labels[:2]] = max(at, newest.get(labels[:2], 0.0))
        gone = {device for device, at in newest.items() if wall - at > FORGOTTEN_SECONDS}
        self.totals.forget(gone)
        self.observations.forget(gone)

    def apply(self, entry: dict[str, Any]) -> None:
        """Count a result that was kept, with its event."""
        confidence, at = float(entry["p"]), float(entry["at"])
        self.totals.tally(tuple(entry["r"])).count(confidence, at)
        self.totals.event(tuple(entry["e"])).count(confidence, at)

    def _hear(self, post: Post, field: str, name: str, token: Token | None) -> Heard:
        """Note who sends, and whether it may."""
        who = self.identities.who(field, name, token, post.address)
        self._asker = who.label
        if not self._rates.take(who.label, post.monotonic):
            raise Refusal(RATE, f"more than {self.settings.limits.requests_per_second_of_one:g} requests a second of one sender")
        beat = self.senders.hear(who, post)
        if who.source is None or who.why is not None:
            beat.refused += 1
            raise who.why or Refusal(UNKNOWN_PATH, "nobody is known")
        self.totals.last_seen[(*meaning.bridge_labels(who.source.destination, who.trust), post.path)] = post.wall
        return Heard(who, who.source, beat)

    def _usage(self, post: Post, token: Token | None) -> Taken:
        body = dialects.decode(post.body)
        heard = self._hear(post, "username", dialects.name(body, "username"), token)
        with _Judging(heard.beat):
            usage = payloads.usage(body)
        until = post.monotonic + self.senders.lasting(heard.beat)
        bridge = meaning.bridge_labels(heard.source.destination, heard.who.trust)
        if heard.source.usage:
            self.readings.put("edge_cpu_usage_ratio", (*bridge, HOST), usage.cpu_ratio, until)
            self.readings.put("edge_memory_usage_ratio", bridge, usage.memory_ratio, until)
        if usage.trouble is not None:  # the load counts all the same: it is the machine's, whatever runs there
            self.refuse(post, usage.trouble, self._asker)
        if usage.variant is not None and heard.source.package:
            labels = (*bridge, *meaning.workload_labels(heard.source.package, heard.source.destination))
            variant = self.totals.named(labels, (usage.variant.environment_class, usage.variant.version))
            self.readings.put("ai_workers", (*labels, *variant), 1.0, until)
        return Taken(done(post.style), self._asker)

    def _weather(self, post: Post, token: Token | None) -> Taken:
        body = dialects.decode(post.body)
        heard = self._hear(post, "nid", dialects.name(body, "nid"), token)
        with _Judging(heard.beat):
            weather = payloads.weather(body, self.settings.zone)
            seen = environment(weather.word, heard.source.classes, "res_class")
            _need_camera(heard.source.destination)
        heard.beat.clock_ahead_seconds = round(weather.said_at - post.wall, 1)
        self._see(post, heard, meaning.Read("", seen.environment, seen.assumed), weather.confidence_ratio)
        return Taken(done(post.style), self._asker)

    def _result(self, post: Post, token: Token | None) -> Taken:
        body = dialects.decode(post.body)
        heard = self._hear(post, "eid", dialects.name(body, "eid"), token)
        destination = heard.source.destination
        with _Judging(heard.beat):
            result = payloads.result(body, self.settings.zone)
            ai = self._ais.find(result, destination.device)
            read = meaning.read(ai, result.word, heard.source.classes)
            _need_camera(destination)
        heard.beat.clock_ahead_seconds = round(result.said_at - post.wall, 1)
        trust: Trust = heard.who.trust
        placement = (*meaning.bridge_labels(destination, trust), *meaning.workload_labels(ai.package, destination))
        series = (*placement, *self.totals.named(placement, (ai.variant_class, result.version)))
        if read.event:
            event = meaning.event_labels(ai, destination, trust, read.event)
            return Taken(done(post.style), self._asker, {"r": series, "e": event, "p": result.confidence_ratio, "at": post.wall})
        self.totals.tally(series).count(result.confidence_ratio, post.wall)
        if read.environment:
            self._see(post, heard, read, result.confidence_ratio)
        return Taken(done(post.style), self._asker)

    def _see(self, post: Post, heard: Heard, read: meaning.Read, confidence: float | None) -> None:
        """Believe an environment class; one that is only assumed is believed little, whoever says it."""
        destination = heard.source.destination
        bridge = meaning.bridge_labels(destination, LOW if read.assumed else heard.who.trust)
        if read.assumed:
            self.totals.assumed[bridge] += 1
        until = post.monotonic + self.senders.lasting(heard.beat)
        self.readings.put_environment(bridge, destination.camera, (read.environment, confidence), until)

    def _version(self, post: Post, token: Token | None) -> Taken:
        trigger = payloads.trigger(dialects.decode(post.body))
        label = f"token {token.name}" if token else f"from {post.address}"
        self._asker = label
        if not self._rates.take(label, post.monotonic):
            raise Refusal(RATE, f"more than {self.settings.limits.requests_per_second_of_one:g} requests a second of one sender")
        service = self.settings.service
        if service is not None and service.tokens_only and token is None:
            raise Refusal(TOKEN_MISSING, "a token is needed: send the header Authorization: Bearer TOKEN")
        self.senders.hear(Who(label, HIGH if token else LOW, None, token is not None), post)
        return Taken(done(post.style), label, trigger=(trigger, HIGH if token else LOW))

    def _observation(self, post: Post, token: Token | None) -> Taken:
        device = device_of(post.body, post.wall)
        heard = self._hear(post, "device", device, token)
        destination = heard.source.destination
        if destination.device != device:
            heard.beat.refused += 1
            raise Refusal(IDENTITY_CONFLICT, f"the placement names device {shown(device)}, and who sends is another")
        self.observations.accept(meaning.bridge_labels(destination, heard.who.trust), post.body)
        return Taken(done(post.style), self._asker)


HOST: Final = "host"
"""The scope of what C-03 says: the whole machine."""


class _Judging:
    """Counts a refusal on its sender's path, and lets it go on."""

    def __init__(self, beat: Beat) -> None:
        self._beat = beat

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Refusal):
            self._beat.refused += 1


def _need_camera(destination: Destination) -> None:
    if not destination.camera:
        raise Refusal(NO_CAMERA, f"device {shown(destination.device)} has no camera in the configuration")
