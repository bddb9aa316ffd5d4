"""Lays the constructed boards out on the disk once for all tests that only read them."""

from __future__ import annotations

import pytest

from tests.builders.boards import BoardsOnDisk


@pytest.fixture(scope="session")
def boards_on_disk(tmp_path_factory: pytest.TempPathFactory) -> BoardsOnDisk:
    return BoardsOnDisk(tmp_path_factory.mktemp("boards"))
