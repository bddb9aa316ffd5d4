"""The console script: what runs on a device is handed over before anything of the engine is imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Final

DEVICE_COMMANDS: Final = ("exporter", "bridge")
ENGINE_MODULES: Final = ("aiohttp", "alembic", "msgspec", "numpy", "pandas", "pydantic", "rich", "sklearn", "sqlalchemy", "typer", "yaml")
"""What the extra `engine` brings, by import name; a device needs none of it."""
EXIT_FAILED: Final = 1


def main(argv: Sequence[str] | None = None) -> int | None:
    """Run ``edgeshift`` with the given words, or with those of the command line; the answer is the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in DEVICE_COMMANDS:
        from exporters.cli import main as run_on_device

        return run_on_device(words)
    if refusal := why_no_engine(_is_installed):
        print(refusal, file=sys.stderr)
        return EXIT_FAILED
    from decision_engine.cli import app

    app(args=words, prog_name="edgeshift")
    return None


def why_no_engine(is_installed: Callable[[str], bool]) -> str:
    """Why only device commands can run, as a sentence; "" when all can."""
    missing = [name for name in ENGINE_MODULES if not is_installed(name)]
    if not missing:
        return ""
    device = " and ".join(f"`edgeshift {command}`" for command in DEVICE_COMMANDS)
    return f"Only {device} can run here, because {', '.join(missing)} is not installed; edgeshift's extra «engine» brings it"


def _is_installed(name: str) -> bool:
    return find_spec(name) is not None


if __name__ == "__main__":
    sys.exit(main())
