"""GPU, memory controller, fan, throttling and power mode, found by walking in the layouts of several releases."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from exporters.device.sensor import FAILED, MISSING, NOT_PERMITTED, OUT_OF_RANGE, SWITCHED_OFF, UNPARSABLE, SensorError
from exporters.device.source import Source
from exporters.jetson.gpu import gpu_usage
from exporters.jetson.identity import RELEASE
from exporters.jetson.sources import jetson_sources
from tests.builders.jetson_tree import SmallTree, said, under

Files = Mapping[str, str | Exception]
GPU = "sys/class/devfreq/17000000.ga10b"
COOLER = "sys/class/thermal/cooling_device"


def part(name: str, files: Files) -> Source:
    """One source of a small tree."""
    return next(source for source in jetson_sources(SmallTree(files)) if source.name == name)


@pytest.mark.parametrize(
    "path",
    [
        "sys/devices/gpu.0/load",
        "sys/devices/platform/gpu.0/load",
        "sys/devices/57000000.gpu/load",
        "sys/devices/17000000.gv11b/load",
        "sys/devices/platform/17000000.gp10b/load",
        "sys/devices/platform/bus@0/17000000.gpu/load",
        "sys/devices/platform/50000000.host1x/57000000.gpu/load",
        "sys/class/devfreq/17000000.ga10b/device/load",
        "sys/class/devfreq/17000000.gb10c/device/load",
    ],
)
def test_the_load_file_is_found_wherever_it_is(path: str) -> None:
    assert gpu_usage(SmallTree({path: "512\n"})) == 0.512


@pytest.mark.parametrize(
    ("files", "reason"),
    [({}, MISSING), ({"sys/devices/gpu.0/load": "\n"}, MISSING), ({"sys/devices/gpu.0/load": "1e2"}, UNPARSABLE)],
    ids=["no-file", "empty", "garbage"],
)
def test_no_load_is_never_0(files: Files, reason: str) -> None:
    with pytest.raises(SensorError) as caught:
        gpu_usage(SmallTree(files))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("files", "hertz", "reason"),
    [
        pytest.param({"cur_freq": "1300500000"}, 1.3005e9, "", id="no-power-folder"),
        pytest.param({"cur_freq": "306000000", "device/power/runtime_status": "active"}, 3.06e8, "", id="active"),
        pytest.param({"cur_freq": "306000000", "device/power/runtime_status": "suspended"}, None, SWITCHED_OFF, id="suspended"),
        pytest.param({"cur_freq": "0"}, None, SWITCHED_OFF, id="0-Hz-is-off"),
        pytest.param({"cur_freq": "306000000", "device/power/runtime_status": "\n"}, None, MISSING, id="state-empty"),
        pytest.param({"cur_freq": "306000000", "device/power/control": "auto"}, None, MISSING, id="state-removed"),
        pytest.param({"cur_freq": "306000"}, None, OUT_OF_RANGE, id="in-kHz"),
        pytest.param({"max_freq": "306000000"}, None, MISSING, id="removed"),
    ],
)
def test_the_clock_of_a_gpu_that_has_power(files: Files, hertz: float | None, reason: str) -> None:
    numbers, states = said(part("sysfs/gpu", under(GPU, files)))
    assert numbers == ({("edge_gpu_frequency_hertz", ()): hertz} if hertz else {})
    assert states == {"gpu_frequency": reason}


def test_the_clock_of_thor_is_its_first_graphics_cluster() -> None:
    folder = "sys/class/devfreq"
    files = {f"{folder}/gpu-gpc-0/cur_freq": "1386000000", f"{folder}/gpu-gpc-1/cur_freq": "1", f"{folder}/gpu-nvd-0/cur_freq": "2"}
    assert said(part("sysfs/gpu", files))[0] == {("edge_gpu_frequency_hertz", ()): 1.386e9}


def test_shared_memory_is_said_where_debugfs_is() -> None:
    clients = "sys/kernel/debug/nvmap/iovmm/clients"
    assert said(part("sysfs/gpu", {clients: "total       8K\n"})) == ({("edge_gpu_memory_used_bytes", ()): 8192.0}, {"gpu_memory": ""})
    assert said(part("sysfs/gpu", {clients: PermissionError()})) == ({}, {"gpu_memory": NOT_PERMITTED})


def test_the_memory_controller_by_debugfs_and_its_activity() -> None:
    files = {"sys/kernel/debug/bpmp/debug/clk/emc/rate": "2133000000\n", "sys/kernel/actmon_avg_activity/mc_all": "213300\n"}
    numbers, states = said(part("sysfs/emc", files))
    assert numbers == {("edge_emc_frequency_hertz", ()): 2.133e9, ("edge_emc_usage_ratio", ()): 0.1}
    assert set(states.values()) == {""}


def test_an_activity_without_a_clock_or_of_unknown_weight_is_no_share() -> None:
    _, states = said(part("sysfs/emc", {"sys/kernel/actmon_avg_activity/mc_all": "213300\n"}))
    assert states == {"emc_usage": MISSING}
    assert said(part("sysfs/emc", {"sys/kernel/debug/cactmon/mc_all": "5"})) == ({}, {})


def test_a_closed_debugfs_is_not_a_missing_clock() -> None:
    files: Files = {RELEASE: "", "sys/kernel/debug/bpmp/debug/clk/emc/rate": PermissionError()}
    assert said(part("sysfs/emc", files)) == ({}, {"emc_frequency": NOT_PERMITTED})


R32 = "sys/devices/platform/pwm-fan"


@pytest.mark.parametrize(
    ("files", "duty", "rpm"),
    [
        pytest.param({"sys/devices/pwm-fan/target_pwm": "51", "sys/devices/pwm-fan/cur_pwm": "40"}, 0.2, None, id="R32"),
        pytest.param({f"{R32}/cur_pwm": "51", f"{R32}/rpm_measured": "900", f"{R32}/tach_enable": "1"}, 0.2, 900, id="R32-nano"),
        pytest.param({"sys/devices/generic_pwm_tachometer/hwmon/hwmon1/rpm": "2875"}, None, 2875, id="R32-tachometer"),
        pytest.param({"sys/class/hwmon/hwmon0/pwm1": "51", "sys/class/hwmon/hwmon2/rpm": "1773"}, 0.2, 1773, id="R35"),
        pytest.param({"sys/class/hwmon/hwmon0/pwm1": "51", "sys/class/hwmon/hwmon0/fan1_input": "0"}, 0.2, 0, id="kernel-driver"),
    ],
)
def test_fans_of_all_releases(files: Files, duty: float | None, rpm: float | None) -> None:
    numbers, states = said(part("sysfs/fan", files))
    assert numbers.get(("edge_fan_duty_ratio", ("fan1",))) == duty
    assert numbers.get(("edge_fan_speed_rpm", ("fan1",))) == rpm
    assert set(states.values()) == {""}


@pytest.mark.parametrize(("enable", "reason"), [("0", "switched_off"), ("7", "out_of_range"), (None, "missing")])
def test_a_tachometer_that_is_switched_off_counts_nothing(enable: str | None, reason: str) -> None:
    files: Files = {f"{R32}/cur_pwm": "51", f"{R32}/rpm_measured": "0"} | ({f"{R32}/tach_enable": enable} if enable else {})
    numbers, states = said(part("sysfs/fan", files))
    assert ("edge_fan_speed_rpm", ("fan1",)) not in numbers
    assert states["fan_speed/fan1"] == reason


@pytest.mark.parametrize(
    ("files", "sensor", "reason"),
    [
        ({"pwm1": "255", "pwm1_enable": "0\n"}, "fan_duty/fan1", SWITCHED_OFF),
        ({"fan1_input": "30000", "fan1_fault": "1\n"}, "fan_speed/fan1", FAILED),
        ({"fan1_input": "0", "fan1_enable": "0\n"}, "fan_speed/fan1", SWITCHED_OFF),
    ],
    ids=["nobody controls it", "faulty", "not measured"],
)
def test_a_fan_that_its_driver_disowns_is_not_believed(files: Files, sensor: str, reason: str) -> None:
    assert said(part("sysfs/fan", under("sys/class/hwmon/hwmon0", files))) == ({}, {sensor: reason})


@pytest.mark.parametrize(("name", "sensor"), [("pwmfan", "fan_duty/fan1"), ("pwm_tach", "fan_speed/fan1")])
def test_a_fan_that_lost_its_file_is_missed(name: str, sensor: str) -> None:
    assert said(part("sysfs/fan", {"sys/class/hwmon/hwmon0/name": name})) == ({}, {sensor: MISSING})


def cooler(number: int, kind: str, now: str, most: str) -> Files:
    """One cooling device."""
    return under(f"{COOLER}{number}", {"type": kind, "cur_state": now, "max_state": most})


def test_what_holds_clocks_back_and_nothing_else() -> None:
    files = {
        **cooler(0, "cpufreq-cpu0\n", "12\n", "48\n"),
        **cooler(1, "pwm-fan\n", "4\n", "4\n"),
        **cooler(2, "gpu-throttle-alert\n", "1\n", "2\n"),
        **cooler(3, "hot-surface-alert\n", "1\n", "1\n"),
        **cooler(4, "thermal-devfreq-0\n", "0\n", "0\n"),
        **cooler(5, "some-device\n", "1\n", "1\n"),
        **cooler(6, "tegra-heavy\n", "1\n", "1\n"),
    }
    numbers, _ = said(part("sysfs/throttling", files))
    assert {labels[0]: ratio for (_, labels), ratio in numbers.items()} == {
        "cpufreq-cpu0": 0.25,
        "gpu-throttle-alert": 0.5,
        "thermal-devfreq-0": 0.0,
        "tegra-heavy": 1.0,
    }


@pytest.mark.parametrize(
    ("files", "sensor", "reason"),
    [
        pytest.param(cooler(0, "", "1", "2"), "throttling/cooling_device0", MISSING, id="it-may-be-a-fan"),
        pytest.param(cooler(0, "cpufreq-cpu0", "-1", "2"), "throttling/cpufreq-cpu0", OUT_OF_RANGE, id="off"),
        pytest.param(cooler(0, "cpufreq-cpu0", "3", "2"), "throttling/cpufreq-cpu0", OUT_OF_RANGE, id="further-than-it-can"),
        pytest.param(cooler(0, "cpufreq-cpu0", "3", "x"), "throttling/cpufreq-cpu0", UNPARSABLE, id="garbage"),
    ],
)
def test_a_cooling_device_that_cannot_be_believed(files: Files, sensor: str, reason: str) -> None:
    assert said(part("sysfs/throttling", files)) == ({}, {sensor: reason})


@pytest.mark.parametrize("counter", ["event_cnt", "irq_cnt"])
def test_over_current_counters_of_orin_and_of_xavier(counter: str) -> None:
    files = under("sys/class/hwmon/hwmon3", {"name": "soctherm_oc", f"oc1_{counter}": "0", f"oc3_{counter}": "37", "oc3_throt_en": "1"})
    numbers, _ = said(part("sysfs/over_current", files))
    assert numbers == {("edge_over_current_events_total", (oc,)): events for oc, events in [("oc1", 0.0), ("oc3", 37.0)]}


def test_a_counter_that_is_lost_is_missed() -> None:
    files = under("sys/class/hwmon/hwmon3", {"oc1_event_cnt": "5", "oc1_throt_en": "1", "oc2_throt_en": "1"})
    assert said(part("sysfs/over_current", files))[1] == {"over_current/oc1": "", "over_current/oc2": MISSING}


CONF = "< POWER_MODEL ID=2 NAME=MODE_30W >\n"


@pytest.mark.parametrize(
    ("status", "conf", "labels", "reason"),
    [
        ("pmode:0002\n", CONF, ("2", "MODE_30W"), ""),
        ("pmode:0002\n", "", ("2", ""), ""),
        ("pmode:0009\n", CONF, None, OUT_OF_RANGE),
        ("pmode\n", CONF, None, UNPARSABLE),
        (FileNotFoundError(), CONF, None, MISSING),
    ],
    ids=["named", "no-names", "unknown-mode", "garbage", "never-set"],
)
def test_power_mode(status: str | Exception, conf: str, labels: tuple[str, str] | None, reason: str) -> None:
    numbers, states = said(part("power_mode", {"var/lib/nvpmodel/status": status, "etc/nvpmodel.conf": conf}))
    assert list(numbers) == ([("edge_power_mode_info", labels)] if labels else [])
    assert states == {"power_mode": reason}


def test_nothing_is_said_of_a_machine_that_is_no_jetson() -> None:
    assert [said(source) for source in jetson_sources(SmallTree({"proc/stat": "cpu 1 2 3 4\n"}))] == [({}, {})] * 8


def test_a_jetson_of_which_nothing_is_left_misses_what_it_must_have() -> None:
    missing = {sensor for source in jetson_sources(SmallTree({"sys/module/nvgpu/refcnt": "1"})) for sensor in said(source)[1]}
    assert missing == {"gpu_frequency", "emc_frequency", "power", "fan", "throttling", "power_mode", "board"}
