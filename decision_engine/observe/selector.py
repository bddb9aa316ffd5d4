"""Tells a plain selector from any other expression, and asks several metrics with one selector."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NAME_LABEL: Final = "__name__"
METRIC: Final = r"[A-Za-z_:][A-Za-z0-9_:]*"
"""Nothing in such a name means anything to a regular expression; a name written in quotation marks is no plain one."""
QUOTED: Final = r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`"""
MATCHER: Final = re.compile(rf"\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*({QUOTED})\s*", re.ASCII)
PLAIN: Final = re.compile(rf"({METRIC})\s*(?:\{{(.*)\}})?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Selector:
    """One metric by name, and the matchers of its labels in the order of their text."""

    metric: str
    matchers: tuple[str, ...] = ()

    @staticmethod
    def of(promql: str) -> Selector | None:
        """The selector that an expression is; None where it is anything more, or names its metric in another way."""
        whole = PLAIN.fullmatch(promql.strip())
        matchers = None if whole is None else _matchers(whole[2] or "")
        return None if whole is None or matchers is None else Selector(whole[1], tuple(sorted(matchers)))


def together(metrics: Iterable[str], matchers: tuple[str, ...]) -> str:
    """One selector for several metrics with the same matchers; its answer tells them apart by ``__name__``."""
    return "{" + ",".join((f'{NAME_LABEL}=~"{"|".join(metrics)}"', *matchers)) + "}"


def _matchers(inside: str) -> set[str] | None:
    """What stands between the braces, each matcher in one spelling; None where it is no list of matchers."""
    found: set[str] = set()
    at = 0
    while inside[at:].strip():
        matcher = MATCHER.match(inside, at)
        if matcher is None or matcher[1] == NAME_LABEL:
            return None
        found.add("".join(matcher.groups()))
        at = matcher.end()
        if at < len(inside) and inside[at] != ",":
            return None
        at += 1
    return found
