"""Writes metric families as Prometheus text, with names, kinds and meanings from the contract and from nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from exporters.contract import BY_NAME

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_HELP_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n"})


def head(name: str) -> str:
    """The HELP and TYPE lines of a family of the contract.

    Raises:
        KeyError: the contract promises no such metric.
    """
    metric = BY_NAME[name]
    return f"# HELP {name} {metric.meaning.translate(_HELP_ESCAPES)}\n# TYPE {name} {metric.kind}\n"


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels without their braces, values escaped: ``a="b",c="d"``."""
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())


def sample(name: str, labels: str, value: float) -> str:
    """One line; ``labels`` as ``labels_text`` wrote them."""
    return f"{name}{{{labels}}} {value!r}\n" if labels else f"{name} {value!r}\n"


def histogram(name: str, labels: str, counts: Iterable[int], total: float) -> str:
    """The lines of one histogram; ``counts`` per bucket of the contract, the last one above all bounds."""
    cumulative = list(accumulate(counts))
    bounds = [*(repr(bound) for bound in BY_NAME[name].buckets), "+Inf"]
    buckets = "".join(f'{name}_bucket{{{labels},le="{bound}"}} {count}\n' for bound, count in zip(bounds, cumulative, strict=True))
    return f"{buckets}{name}_sum{{{labels}}} {total!r}\n{name}_count{{{labels}}} {cumulative[-1]}\n"
