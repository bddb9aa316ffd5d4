"""YAML is read without its surprises, and what is written is read as the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_engine.catalog.document import DocumentError, as_json, dump_document, parse_document, read_text

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")))
)
DOCUMENTS = st.dictionaries(
    st.text("abc01._-", min_size=1),
    st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text("ab0"), inner), max_leaves=8),
)
CONFUSABLE = st.sampled_from(
    ["01", "0x01", "1e3", "off", "yes", "null", "~", "", "1:30", "2024-01-01", ".5", ".inf", "<<", "=", "-", "1_0", "true"]
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("off", "off", id="off-is-a-word"),
        pytest.param("yes", "yes", id="yes-is-a-word"),
        pytest.param("0x01", "0x01", id="device-ids-are-words"),
        pytest.param("1:30", "1:30", id="no-sexagesimal"),
        pytest.param("2024-01-01", "2024-01-01", id="no-dates"),
        pytest.param("16e9", 16e9, id="exponent"),
        pytest.param("1.6e+10", 1.6e10, id="signed-exponent"),
        pytest.param("08", 8, id="no-octal"),
        pytest.param("true", True, id="true"),
        pytest.param("", None, id="empty"),
        pytest.param('"01"', "01", id="quoted"),
    ],
)
def test_words_mean_what_people_mean(text: str, value: object) -> None:
    found = parse_document(f"key: {text}", "file")["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("a: 1\nb: 2\na: 3", "fleet.yaml line 3: the key 'a' stands twice", id="key-twice"),
        pytest.param("x:\n  - {a: 1, a: 2}", "fleet.yaml line 2: the key 'a' stands twice", id="key-twice-inside"),
        pytest.param("1: a", "line 1: the key '1' is no text", id="number-as-key"),
        pytest.param("- a", "must be a mapping", id="list"),
        pytest.param("", "must be a mapping", id="empty"),
        pytest.param("a: [", "fleet.yaml line", id="no-yaml"),
        pytest.param("\x00", "is no YAML", id="binary"),
        pytest.param("a: !!python/object/apply:os.getcwd []", "could not determine a constructor", id="code"),
    ],
)
def test_what_is_no_plain_mapping_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(text, "fleet.yaml")
    assert len(caught.value.errors) == 1
    assert said in caught.value.errors[0]
    assert "\n" not in caught.value.errors[0]


@pytest.mark.parametrize("text", ["a: &x [*x]", "a: !!binary aGk=", "a: !!timestamp 2024-01-01", "a: !!set {b}"])
def test_values_that_are_not_plain_are_refused(text: str) -> None:
    with pytest.raises(DocumentError, match=r"f\.yaml"):
        as_json(parse_document(text, "f.yaml"), "f.yaml")


@given(DOCUMENTS)
def test_what_is_written_is_read_as_the_same(document: dict[str, Any]) -> None:
    assert parse_document(dump_document(document), "file") == document


@given(st.dictionaries(CONFUSABLE.filter(bool), CONFUSABLE, min_size=1))
def test_words_that_look_like_something_else_stay_words(document: dict[str, str]) -> None:
    assert parse_document(dump_document(document), "file") == document


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe")
    for path, said in ((tmp_path / "none.yaml", "No such file"), (binary, "not UTF-8"), (tmp_path, "directory")):
        with pytest.raises(DocumentError, match=said) as caught:
            read_text(path)
        assert str(path) in caught.value.errors[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("a: !!bool abc", "f.yaml line 1: 'abc' is not true or false", id="bool"),
        pytest.param("a: !!int abc", "f.yaml line 1: 'abc' is not a whole number", id="int"),
        pytest.param("a: !!float ''", "f.yaml line 1: '' is not a number", id="float"),
        pytest.param("a: !!timestamp abc", "could not determine a constructor", id="timestamp"),
        pytest.param("a: !!set [1]", "could not determine a constructor", id="set"),
        pytest.param("? !!str {a: 1}\n: 2", "f.yaml line 1: the key here is no text", id="mapping-as-key"),
        pytest.param(f"a: 1{'0' * 5_000}", "f.yaml line 1: a number with 5001 digits", id="digits"),
        pytest.param("a: &x {<<: *x}", "f.yaml line 1: this value holds itself by an alias", id="holds-itself"),
        pytest.param(f"a: {'[' * 100_000}", "f.yaml line 1: values nest deeper than 100 levels", id="nested-lists"),
        pytest.param("? " * 100_000, "f.yaml line 1: values nest deeper than 100 levels", id="nested-keys"),
    ],
)
def test_damage_is_told_in_one_sentence_with_its_line(text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(text, "f.yaml")
    assert len(caught.value.errors) == 1
    assert said in caught.value.errors[0]
    assert "\n" not in caught.value.errors[0]


def aliased(first: str, opening: str, closing: str) -> str:
    """Nine levels of nine aliases each, which are some 400 million values when they are written out."""
    levels = (f"a{level}: &a{level} {opening}{', '.join([f'*a{level - 1}'] * 9)}{closing}" for level in range(1, 10))
    return "\n".join((f"a0: &a0 {first}", *levels))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(aliased("[x]", "[", "]"), id="lists"),
        pytest.param(aliased("{x: 1}", "{<<: [", "]}"), id="merges"),
        pytest.param(f"a: &a {'x' * 1_000_000}\nb: [{', '.join(['*a'] * 1_000)}]", id="long-text"),
    ],
)
def test_aliases_that_grow_without_end_are_refused_before_they_do(text: str) -> None:
    with pytest.raises(DocumentError, match=r"f\.yaml line 1: more than 2000000 values once its aliases are written out"):
        parse_document(text, "f.yaml")


def test_a_few_aliases_are_read() -> None:
    assert parse_document("a: &a [1, 2]\nb: {c: *a, d: *a}\ne: &e {x: 1}\nf: {<<: *e, y: 2}", "f.yaml") == {
        "a": [1, 2],
        "b": {"c": [1, 2], "d": [1, 2]},
        "e": {"x": 1},
        "f": {"x": 1, "y": 2},
    }


def test_a_path_that_no_system_has_is_one_sentence() -> None:
    with pytest.raises(DocumentError) as caught:
        read_text(Path("/x\0y"))
    assert caught.value.errors == ('"/x\\u0000y" cannot be read: embedded null byte; mend the path',)


def test_beyond_a_hundred_mistakes_only_their_number_is_told() -> None:
    assert len(DocumentError(tuple("x" * 100)).errors) == 100
    told = DocumentError(tuple(f"mistake {number}" for number in range(103)))
    assert told.errors[99:] == ("mistake 99", "and 3 more mistakes; mend these first")
    assert str(told).endswith("\nand 3 more mistakes; mend these first")
