"""The scrubber: addresses, UUIDs and serial numbers go, everything that a sensor says stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.emulated.boards import names
from exporters.recording.scrub import findings, is_telling_name, scrubbed
from tests.builders.boards import board


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("48:b0:2d:3c:4d:5e", "MAC address"),
        ("48-B0-2D-3C-4D-5E", "MAC address"),
        ("ether 48:b0:2d:3c:4d:5e up", "MAC address"),
        ("192.168.0.1", "IP address"),
        ("http://10.20.30.40:8080/x", "IP address"),
        ("fe80::4ab0:2dff:fe3c:4d5e", "IP address"),
        ("2001:db8:0:1:2:3:4:5", "IP address"),
        ("4c4c4544-0042-3510-8052-b4c04f4d3732", "UUID"),
        ("1423020012345", "serial number"),
        ("S/N:0420218901234\0", "serial number"),
    ],
)
def test_what_names_a_machine_is_removed(text: str, kind: str) -> None:
    clean, kinds = scrubbed(f"before {text} after\n")
    assert kinds == (kind,)
    assert f"removed-{kind.replace(' ', '-')}" in clean and clean.startswith("before ") and clean.endswith(" after\n")
    assert [(found.kind, found.line) for found in findings(f"first\nbefore {text} after\n")] == [(kind, 2)]
    assert list(findings(clean)) == []


@pytest.mark.parametrize(
    "text",
    [
        "cpu  21773548 348 5961816 178579342 518424 230392 296382 0 0 0",
        "MemTotal:       16106127 kB",
        "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, DATE: Wed Jan  8 01:49:37 UTC 2025",
        "Version: 36.4.3-20250107174145",
        "Version: 6.2.1+b38",
        "306000000 408000000 918000000",
        "nvidia,p3737-0000+p3701-0005",
        "07-05-2026 12:30:05 RAM 1787/7620MB (lfb 4x2MB) CPU [1%@1190,off] EMC_FREQ 0%@2133 tj@45.2C VDD_IN 4953mW/4953mW",
        "17000000.gpu",
        "1-0040",
        "999.1.2.3",
        "::",
        "-256000",
    ],
)
def test_what_sensors_and_releases_say_stays(text: str) -> None:
    assert scrubbed(text) == (text, ())
    assert list(findings(text)) == []


@pytest.mark.parametrize("name", names())
def test_no_file_of_a_constructed_board_is_changed(name: str) -> None:
    for path, text in board(name).files.items():
        assert scrubbed(text) == (text, ()), path


@given(st.text(alphabet="0123456789abcdefg:.- \n\0", max_size=120))
def test_what_is_scrubbed_once_is_clean(text: str) -> None:
    assert list(findings(scrubbed(text)[0])) == []


@given(st.binary(max_size=200))
def test_every_byte_that_tells_nothing_stays(data: bytes) -> None:
    text, kinds = scrubbed(data.decode("latin-1"))
    assert kinds or text.encode("latin-1") == data


@pytest.mark.parametrize(
    ("name", "telling"),
    [("serial-number", True), ("product_serial", True), ("product_uuid", True), ("address", True), ("hostname", True), ("machine-id", True),
     ("nvidia,mac_addr", True), ("temp", False), ("in1_label", False), ("model", False), ("stat", False)],
)  # fmt: skip
def test_some_names_tell_by_themselves(name: str, telling: bool) -> None:
    assert is_telling_name(name) is telling
