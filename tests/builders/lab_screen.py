"""Shows what the lab draws as a terminal without colours would, at the two sizes that it is made for."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console, RenderableType

Size = tuple[int, int]
SIZES = [pytest.param((100, 30), id="100x30"), pytest.param((160, 45), id="160x45")]


def text_of(renderable: RenderableType, size: Size) -> list[str]:
    """The rendered lines as a terminal without colours shows them."""
    console = Console(width=size[0], height=size[1], file=StringIO(), no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get().splitlines()
