"""One post before the desk: who sends it, what it says, and what of that is believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from exporters.bridge import dialects, meaning, observations, payloads
from exporters.bridge.books import Books
from exporters.bridge.classes import environment
from exporters.bridge.identity import HIGH, LOW, Trust, Who
from exporters.bridge.posts import Post
from exporters.bridge.refusals import shown
from exporters.bridge.replies import IDENTITY_CONFLICT, NO_CAMERA, TOKEN_NEEDED, TOO_OLD, UNKNOWN_PATH, Refusal, Reply, done
from exporters.bridge.senders import Beat
from exporters.bridge.settings import Destination, Source, Token

HOST: Final = "host"
"""The scope of what C-03 says: the whole machine."""
EVENT: Final = "event"
"""Events have a budget of their own, so that a flood of readings under the same name cannot silence them."""


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

    def __enter__(self) -> Heard:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """A refusal is counted on its sender's path, and goes on."""
        if isinstance(error, Refusal):
            self.beat.refused += 1


class Case:
    """``asker`` is how people see who posted, as far as that is known yet; ``charged`` whether somebody's budget has paid for it."""

    __slots__ = ("_books", "_post", "_token", "asker", "charged")

    def __init__(self, books: Books, post: Post) -> None:
        self._books = books
        self._post = post
        self._token: Token | None = None
        self.asker = f"from {post.address}"
        self.charged = False

    def prove(self) -> None:
        """Look at the token, where there is one.

        Raises:
            Refusal: it is none of ours, or none was given although one is needed.
        """
        self._token = self._books.identities.token(self._post.authorization)

    def usage(self) -> Taken:
        """C-03."""
        books, post = self._books, self._post
        body = dialects.decode(post.body)
        with self._hear("username", dialects.name(body, "username")) as heard:
            usage = payloads.usage(body)
            self._charge(heard.who)
        until = post.monotonic + books.senders.lasting(heard.beat)
        bridge = meaning.bridge_labels(heard.source.destination, heard.who.trust)
        if heard.source.usage:
            books.readings.put("edge_cpu_usage_ratio", (*bridge, HOST), usage.cpu_ratio, until)
            books.readings.put("edge_memory_usage_ratio", bridge, usage.memory_ratio, until)
        if usage.trouble is not None:  # the load counts all the same: it is the machine's, whatever runs there
            books.refuse(post, usage.trouble, self.asker)
        if usage.variant is not None and heard.source.package:
            labels = (*bridge, *meaning.workload_labels(heard.source.package, heard.source.destination))
            variant = books.totals.named(labels, (usage.variant.environment_class, usage.variant.version))
            books.readings.put("ai_workers", (*labels, *variant), 1.0, until)
        return self._done()

    def weather(self) -> Taken:
        """C-04 and C-05."""
        body = dialects.decode(self._post.body)
        with self._hear("nid", dialects.name(body, "nid")) as heard:
            weather = payloads.weather(body, self._books.settings.zone)
            seen = environment(weather.word, heard.source.classes, "res_class")
            _need_camera(heard.source.destination)
            self._age(heard, weather.said_at)
            self._charge(heard.who)
        self._see(heard, meaning.Read("", seen.environment, seen.assumed), weather.confidence_ratio)
        return self._done()

    def result(self) -> Taken:
        """C-07."""
        books, at = self._books, self._post.wall
        body = dialects.decode(self._post.body)
        with self._hear("eid", dialects.name(body, "eid")) as heard:
            destination = heard.source.destination
            result = payloads.result(body, books.settings.zone)
            ai = books.ais.find(result, destination.device)
            read = meaning.read(ai, result.word, heard.source.classes)
            _need_camera(destination)
            age_seconds = self._age(heard, result.said_at)
            self._charge(heard.who, EVENT if read.event else "")
        trust: Trust = heard.who.trust
        placement = (*meaning.bridge_labels(destination, trust), *meaning.workload_labels(ai.package, destination))
        series = (*placement, *books.totals.named(placement, (ai.variant_class, result.version)))
        if read.event:
            event = meaning.event_labels(ai, destination, trust, read.event)
            seen = result.said_at if age_seconds >= 0 else at
            return self._done({"r": series, "e": event, "p": result.confidence_ratio, "at": at, "seen": seen})
        books.totals.tally(series).count(result.confidence_ratio, at)
        if read.environment:
            self._see(heard, read, result.confidence_ratio)
        return self._done()

    def version(self) -> Taken:
        """C-15."""
        books, post, token = self._books, self._post, self._token
        trigger = payloads.trigger(dialects.decode(post.body))
        if token is None and books.settings.service is not None and books.settings.service.tokens_only:
            raise Refusal(TOKEN_NEEDED, "a trigger is only handed on with a token: send the header Authorization: Bearer TOKEN")
        self.asker = f"token {token.name}" if token else f"from {post.address}"
        who = Who(("trigger", self.asker), self.asker, HIGH if token else LOW, None, token is not None)
        self._charge(who)
        books.senders.hear(who, post)
        return Taken(done(post.style), self.asker, trigger=(trigger, who.trust))

    def observation(self) -> Taken:
        """What our own publisher says."""
        observation = observations.read(self._post.body, self._post.wall)
        device = observations.device_of(observation)
        with self._hear("device", device) as heard:
            destination = heard.source.destination
            if destination.device != device:
                raise Refusal(IDENTITY_CONFLICT, f"the placement names device {shown(device)}, and who sends is another")
            if observation.camera not in (observations.camera_of(observation), destination.camera):
                detail = f"camera {shown(observation.camera)} is neither the workload's nor that of device {shown(device)}"
                raise Refusal(IDENTITY_CONFLICT, detail)
            self._charge(heard.who)
            self._books.observations.accept(meaning.bridge_labels(destination, heard.who.trust), observation)
        return self._done()

    def _done(self, entry: dict[str, Any] | None = None) -> Taken:
        return Taken(done(self._post.style), self.asker, entry)

    def _hear(self, field: str, name: str) -> Heard:
        """Note who sends, and whether it may."""
        books, post = self._books, self._post
        who = books.identities.who(field, name, self._token, post.address)
        self.asker = who.label
        beat = books.senders.hear(who, post)
        if who.source is None or who.why is not None:
            beat.refused += 1
            raise who.why or Refusal(UNKNOWN_PATH, "nobody is known")
        books.totals.last_seen[(*meaning.bridge_labels(who.source.destination, who.trust), post.path)] = post.wall
        return Heard(who, who.source, beat)

    def _charge(self, who: Who, kind: str = "") -> None:
        """Let the sender's own budget pay for a post that can be taken."""
        budgets, post = self._books.budgets, self._post
        self.charged = True
        key = (*who.key, kind)
        if self._token is not None:
            budgets.charge_sender((self._token.name, *key), post.monotonic)
        elif who.mapped:
            budgets.charge_known(key, f"{who.trust} {kind}", post.address, post.monotonic)
        else:
            budgets.charge_stranger(post.address, post.monotonic)
            budgets.charge_sender((post.address, *key), post.monotonic)

    def _age(self, heard: Heard, said_at: float) -> float:
        """How old a message is by its sender's clock, in seconds; below 0 where that clock is ahead of ours.

        Raises:
            Refusal: it is too old to say anything of now.
        """
        age_seconds = self._post.wall - said_at
        heard.beat.clock_ahead_seconds = round(-age_seconds, 1)
        most = self._books.settings.most_age_seconds
        if age_seconds > most:
            detail = f"its time is {age_seconds:.0f} s ago, and {most:g} s are believed; look at the sender's clock and zone"
            raise Refusal(TOO_OLD, detail)
        return age_seconds

    def _see(self, heard: Heard, read: meaning.Read, confidence: float | None) -> None:
        """Believe an environment class; one that is only assumed is believed little, whoever says it."""
        books, destination = self._books, heard.source.destination
        bridge = meaning.bridge_labels(destination, LOW if read.assumed else heard.who.trust)
        if read.assumed:
            books.totals.assumed[bridge] += 1
        until = self._post.monotonic + books.senders.lasting(heard.beat)
        books.readings.put_environment(bridge, destination.camera, (read.environment, confidence), until)


def _need_camera(destination: Destination) -> None:
    if not destination.camera:
        raise Refusal(NO_CAMERA, f"device {shown(destination.device)} has no camera in the configuration")
