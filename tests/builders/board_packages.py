"""A package list as long as a real one, with people's names in it, grown around the few entries that a board's file holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from exporters.emulated.boards import Board

PACKAGES: Final = "var/lib/dpkg/status"
MANY: Final = 2600
"""A Jetson with a desktop and JetPack has about as many packages."""

_MAINTAINERS: Final = ("Jörg Groß", "Łukasz Żółw", "山田 太郎", "Ubuntu Developers", "José Peña")
_DESCRIPTION: Final = " A long description goes on for several lines, as they do, with “quotation marks”, a µ and an — em dash.\n" * 9
"""About as long as an average entry."""


def packages(first: int, number: int) -> Iterator[str]:
    """So many entries, each with the empty line behind it."""
    for place in range(first, first + number):
        yield (
            f"Package: libexample{place}\nStatus: install ok installed\nPriority: optional\nSection: libs\nInstalled-Size: {place}\n"
            f"Maintainer: {_MAINTAINERS[place % len(_MAINTAINERS)]}\nArchitecture: arm64\nVersion: 1.{place}-1ubuntu2\n"
            f"Depends: libc6 (>= 2.34), nvidia-jetpack | nvidia-l4t-core\nDescription: example {place}\n{_DESCRIPTION}\n"
        )


def with_many_packages(board: Board, many: int = MANY) -> Board:
    """The same board, with its own entries in the last third of a long list."""
    before = many * 2 // 3
    text = "".join((*packages(0, before), board.files[PACKAGES].rstrip("\n"), "\n\n", *packages(before, many - before)))
    return replace(board, files={**board.files, PACKAGES: text})
