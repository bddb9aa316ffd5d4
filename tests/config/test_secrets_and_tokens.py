"""Secrets do not show themselves, and a tokens file is read whole or refused without repeating a token."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from decision_engine.config import ConfigError, Secret, Token, find_token, load_tokens, read_secret
from tests.builders.configuration import write_private

TOKENS = """\
# who may ask
kim operator aaaaaaaaaaaaaaaaaaaa

wall   viewer   bbbbbbbbbbbbbbbbbbbb
alerts alertmanager cccccccccccccccccccc
"""


def test_a_secret_shows_itself_to_nobody_but_reveal() -> None:
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    shown = f"{secret} {secret!r} {secret!s:>10} {[secret]} {Token('kim', 'viewer', secret)}"
    assert "hunter2" not in shown
    assert str(secret) == "***"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_secrets_are_equal_by_what_they_hide() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("ü").matches("ü")
    assert not Secret("a").matches("")


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        pytest.param("hunter2", 0o644, "is open to every user", id="readable"),
        pytest.param("hunter2", 0o602, "chmod o-rwx", id="writable"),
        pytest.param(" \n", 0o600, "is empty", id="empty"),
        pytest.param("hunter2\nhunter3\n", 0o600, "more than one line", id="two-lines"),
    ],
)
def test_a_bad_secret_file_is_one_sentence(tmp_path: Path, text: str, mode: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read_secret(write_private(tmp_path / "token", text, mode), "prometheus.bearer_token_file")
    assert caught.value.errors[0].startswith("prometheus.bearer_token_file: ")
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_a_secret_file_may_be_its_owners_and_groups(tmp_path: Path, mode: int) -> None:
    assert read_secret(write_private(tmp_path / "token", "hunter2\n", mode), "x").reveal() == "hunter2"


def test_a_missing_secret_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"x: .*none cannot be read: No such file"):
        read_secret(tmp_path / "none", "x")


def test_tokens_have_names_and_roles(tmp_path: Path) -> None:
    tokens = load_tokens(write_private(tmp_path / "tokens", TOKENS))
    assert [(token.name, token.role) for token in tokens] == [("kim", "operator"), ("wall", "viewer"), ("alerts", "alertmanager")]


@pytest.mark.parametrize(
    ("given", "name"),
    [("a" * 20, "kim"), ("b" * 20, "wall"), ("a" * 19, None), ("", None), ("kim", None), ("ü", None)],
    ids=["first", "second", "shorter", "empty", "name", "no-ascii"],
)
def test_a_token_is_found_by_its_whole_text(tmp_path: Path, given: str, name: str | None) -> None:
    found = find_token(load_tokens(write_private(tmp_path / "tokens", TOKENS)), given)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("kim operator", "tokens line 1: has 2 words", id="too-few"),
        pytest.param("kim operator aaaaaaaaaaaaaaaaaaaa x", "tokens line 1: has 4 words", id="too-many"),
        pytest.param(
            "\nkim boss hunter2hunter2hunter2",
            "tokens line 2: the second word is not a role; known are alertmanager, operator, viewer",
            id="role",
        ),
        pytest.param("kim operater hunter2hunter2hunter2", 'did you mean "operator"?', id="near-role"),
        pytest.param("kim operator hunter2hunter", "tokens line 1: the token has 13 characters; at least 16 are needed", id="short"),
        pytest.param("Kim/1 operator hunter2hunter2hunter2", "the first word is not a name", id="name"),
        pytest.param("kim hunter2hunter2hunter2 operator", "the second word is not a role", id="order"),
        pytest.param(
            "a viewer hunter2hunter2aa\na viewer hunter2hunter2bb", 'tokens line 2: name "a" stands already in line 1', id="name-twice"
        ),
        pytest.param(
            "a viewer hunter2hunter2aa\nb viewer hunter2hunter2aa", "tokens line 2: the token stands already in line 1", id="twice"
        ),
        pytest.param("# nobody\n", "names nobody", id="nobody"),
    ],
)
def test_a_wrong_line_is_told_without_its_token(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_tokens(write_private(tmp_path / "tokens", text))
    assert any(said in line for line in caught.value.errors), caught.value.errors
    assert "hunter2" not in str(caught.value)


def test_every_wrong_line_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_tokens(write_private(tmp_path / "tokens", "kim boss short\nx\n"))
    assert len(caught.value.errors) == 3


def test_a_tokens_file_that_is_open_to_everybody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="open to every user"):
        load_tokens(write_private(tmp_path / "tokens", TOKENS, 0o644))
