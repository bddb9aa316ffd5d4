"""Each public form of a tegrastats line says what it should in the contract's words, and known lies say nothing."""

from __future__ import annotations

import pytest

from exporters.contract import BY_NAME
from exporters.device.source import Report, check
from exporters.jetson.tegrastats import parse
from tests.builders.tables import in_one_test
from tests.builders.tegrastats import BOARDS, LINES, SUFFIX, Line

MEBIBYTE = 1 << 20
EACH = pytest.mark.parametrize("line", LINES, ids=[line.id for line in LINES])
HEAD = "RAM 10/20MB (lfb 2x1MB) CPU [8%@1479,off]"


def said(report: Report, name: str, *labels: str) -> float | None:
    """The one value of a series; None where nothing is said of it."""
    found = [sample.value for sample in report.samples if sample.name == name and sample.labels == labels]
    assert len(found) <= 1
    return found[0] if found else None


def reason(report: Report, sensor: str) -> str | None:
    """The reason of a sensor; None where it is not spoken of."""
    found = [state.reason for state in report.sensors if state.sensor == sensor]
    assert len(found) <= 1
    return found[0] if found else None


def of(board: str, release: str) -> Report:
    """The first line of this board and release."""
    return parse(next(line.text for line in LINES if (line.board, line.release) == (board, release)))


def test_there_are_lines_of_all_eight_boards() -> None:
    boards = {"nano", "tx2", "xavier-nx", "agx-xavier", "orin-nano", "orin-nx", "agx-orin", "thor"}
    assert {line.board for line in LINES} == boards == {path.name.removesuffix(SUFFIX) for path in BOARDS.glob(f"*{SUFFIX}")}
    assert all(line.source.startswith("https://") and line.release.startswith("R") for line in LINES)


@EACH
def test_every_word_is_understood(line: Line) -> None:
    report = parse(line.text)
    assert reason(report, "line") == ""
    assert len({(sample.name, sample.labels) for sample in report.samples}) == len(report.samples)
    assert len({state.sensor for state in report.sensors}) == len(report.sensors)


@EACH
def test_every_sample_keeps_the_contract(line: Line) -> None:
    for sample in parse(line.text).samples:
        check(sample)
        assert BY_NAME[sample.name].kind == "gauge"


@EACH
def test_temperatures_power_cores_and_memory_are_always_there(line: Line) -> None:
    report = parse(line.text)
    cores = [sample for sample in report.samples if sample.name == "edge_cpu_core_online"]
    total = said(report, "edge_memory_total_bytes")
    assert len(cores) >= 4 and said(report, "edge_cpu_cores", "host") == sum(sample.value for sample in cores)
    assert total is not None and total > 3000 * MEBIBYTE
    assert sum(sample.name == "edge_temperature_celsius" for sample in report.samples) >= 4
    assert sum(sample.name == "edge_power_watts" for sample in report.samples) >= 3
    assert said(report, "edge_memory_usage_ratio") is None and said(report, "edge_memory_available_bytes") is None


@in_one_test(
    ("board", "release", "name", "labels", "value"),
    [
        ("nano", "R32.4", "edge_memory_total_bytes", (), 3956.0 * MEBIBYTE),
        ("nano", "R32.4", "edge_cpu_core_usage_ratio", ("0",), 0.18),
        ("nano", "R32.4", "edge_cpu_usage_ratio", ("host",), 0.22),
        ("nano", "R32.4", "edge_cpu_core_online", ("2",), 0.0),
        ("nano", "R32.4", "edge_cpu_core_usage_ratio", ("2",), None),
        ("nano", "R32.4", "edge_gpu_usage_ratio", (), 0.45),
        ("nano", "R32.4", "edge_gpu_frequency_hertz", (), None),
        ("nano", "R32.4", "edge_emc_usage_ratio", (), None),
        ("nano", "R32.4", "edge_temperature_celsius", ("CPU",), 36.0),
        ("nano", "R32.4", "edge_temperature_celsius", ("PMIC",), None),
        ("nano", "R32.4", "edge_power_watts", ("POM_5V_IN",), 3.427),
        ("nano", "R32.5.0", "edge_swap_total_bytes", (), 1978.0 * MEBIBYTE),
        ("nano", "R32.5.0", "edge_swap_used_bytes", (), 58.0 * MEBIBYTE),
        ("nano", "R32.5.0", "edge_emc_usage_ratio", (), 0.14),
        ("nano", "R32.5.0", "edge_emc_frequency_hertz", (), 1.331e9),
        ("nano", "R32.5.0", "edge_gpu_frequency_hertz", (), 6.14e8),
        ("nano", "R32.5.0", "edge_temperature_celsius", ("PMIC",), None),
        ("tx2", "R28.2", "edge_cpu_core_online", ("1",), 0.0),
        ("tx2", "R28.2", "edge_power_watts", ("VDD_IN",), 3.014),
        ("tx2", "R32.2", "edge_swap_total_bytes", (), None),
        ("agx-xavier", "R32.1", "edge_power_watts", ("GPU",), 1.238),
        ("agx-xavier", "R32.1", "edge_power_watts", ("CPU",), 0.927),
        ("agx-xavier", "R32.1", "edge_temperature_celsius", ("GPU",), 40.0),
        ("agx-xavier", "R35.4.1", "edge_power_watts", ("CV",), 0.0),
        ("xavier-nx", "R35.4.1", "edge_gpu_frequency_hertz", (), 3.18e8),
        ("orin-nx", "R35.3.1", "edge_gpu_frequency_hertz", (), 7.14e8),
        ("orin-nx", "R36.4.3", "edge_emc_frequency_hertz", (), 2.133e9),
        ("orin-nx", "R36.4.3", "edge_gpu_usage_ratio", (), 0.0),
        ("agx-orin", "R35.2.1", "edge_gpu_frequency_hertz", (), None),
        ("agx-orin", "R35.2.1", "edge_temperature_celsius", ("CV0",), None),
        ("agx-orin", "R35.2.1", "edge_power_watts", ("NC",), None),
        ("agx-orin", "R39.2", "edge_temperature_celsius", ("gpu",), 62.75),
        ("agx-orin", "R39.2", "edge_power_watts", ("VDD_GPU_SOC",), 12.286),
        ("agx-orin", "R39.2", "edge_gpu_usage_ratio", (), 0.64),
        ("thor", "R38.4.0", "edge_gpu_usage_ratio", (), None),
        ("thor", "R38.4.0", "edge_gpu_frequency_hertz", (), 6.3e8),
        ("thor", "R39.2.0", "edge_power_watts", ("VIN",), 71.348),
        ("thor", "R39.2.0", "edge_temperature_celsius", ("soc012",), 55.843),
    ],
)
def test_what_a_line_says(board: str, release: str, name: str, labels: tuple[str, ...], value: float | None) -> None:
    assert said(of(board, release), name, *labels) == (None if value is None else pytest.approx(value, rel=1e-12))


@pytest.mark.parametrize(
    ("board", "release", "sensor", "expected"),
    [
        ("nano", "R32.4", "temperature/PMIC", "no_sensor"),
        ("nano", "R32.4", "emc_usage", "not_permitted"),
        ("nano", "R32.4", "gpu_frequency", "not_permitted"),
        ("agx-orin", "R35.2.1", "gpu_frequency", "switched_off"),
        ("agx-orin", "R35.2.1", "temperature/GPU", "switched_off"),
        ("agx-orin", "R35.2.1", "power/NC", None),
        ("thor", "R38.4.0", "gpu_usage", "elsewhere"),
        ("thor", "R39.2.0", "gpu_usage", None),
    ],
)
def test_why_a_line_does_not_say_it(board: str, release: str, sensor: str, expected: str | None) -> None:
    assert reason(of(board, release), sensor) == expected


@pytest.mark.parametrize(
    ("rest", "sensor", "expected"),
    [
        ("SWAP 30/20MB (cached 0MB)", "swap", "out_of_range"),
        ("SWAP 0/1982 (cached 0MB)", "swap", "unparsable"),
        ("GR3D_FREQ 101% APE 25", "gpu_usage", "out_of_range"),
        ("GR3D_FREQ 0%@99999 APE 25", "gpu_frequency", "out_of_range"),
        ("GR3D_FREQ 5%@[0,0] APE 25", "gpu_frequency", "out_of_range"),
        ("GR3D_FREQ 5%@[305", "gpu_usage", "unparsable"),
        ("EMC_FREQ 0%@0 APE 25", "emc_usage", "not_permitted"),
        ("EMC_FREQ @2750 APE 25", "emc_usage", "missing"),
        ("EMC_FREQ 3%@20", "emc_frequency", "unparsable"),
        ("CPU@151C", "temperature/CPU", "out_of_range"),
        ("CPU@46C CPU@47C", "temperature/CPU", "unparsable"),
        ("VIN 1000001mW/1mW", "power/VIN", "out_of_range"),
        ("VIN -392mW/0mW", "power/VIN", None),
        ("VIN 392/0mW", "power/VIN", None),
        ("VIN 392mW/0", "power/VIN", None),
        ("VIN 5517mW", "power/VIN", None),
        ("RAM 1/2MB", "memory", None),
    ],
)
def test_what_cannot_be_true_or_is_not_whole_is_not_said(rest: str, sensor: str, expected: str | None) -> None:
    report = parse(f"{HEAD} {rest}\n")
    assert reason(report, sensor) == expected
    assert not {state.sensor for state in report.sensors if state.reason == ""} & {sensor}


@pytest.mark.parametrize(
    ("head", "sensor"),
    [
        ("RAM 0/0MB CPU [1%@1]", "memory"),
        ("RAM 21/20MB CPU [1%@1]", "memory"),
        ("RAM 1/2MB CPU [off,off]", "cpu_cores"),
        ("RAM 1/2MB CPU [1%@1,101%@1]", "cpu_usage"),
        ("RAM 1/2MB CPU [1%@1,on]", "cpu_cores"),
        ("RAM 1/2MB CPU []", "cpu_cores"),
    ],
)
def test_one_bad_field_costs_no_other(head: str, sensor: str) -> None:
    report = parse(f"{head} APE 25 CPU@46C\n")
    assert reason(report, sensor) not in ("", None)
    assert said(report, "edge_temperature_celsius", "CPU") == 46.0


def test_the_older_form_of_cores_is_read_too() -> None:
    report = parse("RAM 1/2MB CPU [17%, 13%,off,5%]@408 EMC_FREQ 1%@408 APE 25\n")
    assert said(report, "edge_cpu_core_usage_ratio", "3") == 0.05 and said(report, "edge_cpu_cores", "host") == 3.0


@pytest.mark.parametrize("text", ["", "\n", " \n", "RAM", "RAM \n", "RAM 1", "tegrastats: command not found\n", "RRAM 1/2MB\n", "\x00\n"])
def test_what_is_no_line_says_nothing(text: str) -> None:
    report = parse(text)
    assert report.samples == [] and reason(report, "line") == "unparsable"


def test_the_last_word_of_a_line_without_its_newline_does_not_count() -> None:
    cut = f"{HEAD} APE 25 GPU@41C CPU@46C"
    assert said(parse(cut), "edge_temperature_celsius", "CPU") is None
    assert said(parse(cut), "edge_temperature_celsius", "GPU") == 41.0
    assert said(parse(cut + "\n"), "edge_temperature_celsius", "CPU") == 46.0
