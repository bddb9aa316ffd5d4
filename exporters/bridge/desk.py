"""Where every post is judged: taken as a whole or refused as a whole, and charged to whom it turned out to come from."""

from __future__ import annotations

from collections.abc import Callable

from exporters.bridge.books import Books
from exporters.bridge.case import Case, Taken
from exporters.bridge.observations import Clocks
from exporters.bridge.posts import OBSERVATIONS, SAVE, USAGE, VERSION, WEATHER, Post
from exporters.bridge.replies import UNKNOWN_PATH, Refusal
from exporters.bridge.settings import Settings

__all__ = ["Desk", "Taken"]


class Desk(Books):
    """The books, and who writes in them. One thread only: the event loop's."""

    def __init__(self, settings: Settings, clocks: Clocks) -> None:
        super().__init__(settings, clocks)
        self._judges: dict[str, Callable[[Case], Taken]] = {
            USAGE: Case.usage,
            SAVE: Case.weather,
            WEATHER: Case.weather,
            VERSION: Case.version,
            OBSERVATIONS: Case.observation,
        }

    def take(self, post: Post) -> Taken:
        """Judge one post."""
        case = Case(self, post)
        try:
            case.prove()
            judge = Case.result if post.path == self.settings.result_path else self._judges.get(post.path)
            if judge is None:
                raise Refusal(UNKNOWN_PATH, "nothing is taken on this path")
            return judge(case)
        except Refusal as refusal:
            return Taken(self.refuse(post, self._charged(case, post, refusal), case.asker), case.asker)

    def _charged(self, case: Case, post: Post, refusal: Refusal) -> Refusal:
        """The refusal of a post that nobody has paid for yet: a stranger's who may have none left."""
        if case.charged:
            return refusal
        try:
            self.budgets.charge_stranger(post.address, post.monotonic)
        except Refusal as over:
            return over
        return refusal
