"""Says in plain words how a child process ended: by which signal, with which exit code, and what its log said last."""

from __future__ import annotations

import re
import signal
from typing import Final

FIELD: Final = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
STAMP: Final = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*\s+(?:[A-Z]+\s+)?(?:[\w.]+:\s+)?")
"""«2026-01-01 12:00:00,000 ERROR edgeshift: » in front of what Python's logging says."""
GRAVE: Final = frozenset({"error", "fatal", "crit", "critical"})
MOST_LETTERS: Final = 200
ADDRESS_IN_USE: Final = "address already in use"


def how_it_ended(returncode: int | None, log: str) -> str:
    """One clause. A signal says all there is to say: whatever the log said last was said before it."""
    if returncode is not None and returncode < 0:
        return f"it was ended by {_signal_name(-returncode)}"
    code = "" if returncode is None else f"exit code {returncode}, "
    return f"{code}{last_sentence(log)}"


def last_sentence(log: str) -> str:
    """The last thing that a log said, its newest grave line before any other, without stamps, callers and levels."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    fields = [_fields(line) for line in lines]
    grave = [number for number, found in enumerate(fields) if found.get("level", "").lower() in GRAVE]
    if not lines:
        return "and its log is empty"
    number = grave[-1] if grave else len(lines) - 1
    sentence = _sentence(lines[number], fields[number])
    if len(sentence) > MOST_LETTERS:
        sentence = sentence[: MOST_LETTERS - 1].rstrip() + "…"
    return f"its log says: {sentence}" if sentence else "and its log says nothing in words"


def _fields(line: str) -> dict[str, str]:
    return {name: _plain(value) for name, value in FIELD.findall(line)}


def _plain(value: str) -> str:
    return value[1:-1].replace('\\"', '"').replace("\\\\", "\\") if value.startswith('"') else value


def _sentence(line: str, fields: dict[str, str]) -> str:
    """Of a logfmt line its message and its error; of any other all that follows the stamp."""
    if "level" not in fields:
        return STAMP.sub("", line)
    words = [fields[name] for name in ("msg", "err", "error") if fields.get(name)]
    return ": ".join(dict.fromkeys(words))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
