"""What can happen to a file of a board, which numbers such a file may then still say, and whose numbers it is at all."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Final, NamedTuple

from tests.builders.board_looks import Key
from tests.builders.boards import Damage, MemoryTree, removed, says, unreadable


def _errno(number: int) -> Damage:
    def refuse(text: str) -> str:
        raise OSError(number, text[:0])

    return refuse


STRUCTURAL: Final[Mapping[str, Damage]] = {
    "removed": removed,
    "unreadable": unreadable,
    "input/output error": _errno(5),
    "no data": _errno(61),
    "emptied": says(""),
    "only a newline": says("\n"),
}

GARBAGE: Final = (
    "nan\n", "inf\n", "-inf\n", "NaN", "1e99\n", "1e3\n", "0x10\n", "12.5\n", "1_000\n", "+5\n", "--1\n", "1 2\n", "1\n2\n", "5C\n",
    "N/A\n", "<unsupported>\n", "on\n", "true\n", "cat: Input/output error\n", "9" * 400 + "\n", "\0\0\0\0", "5\x000\n", "\x1b[31m50000\n",
    "½\n", "٣٤٥٦٧\n", "５００００\n", "\udcff\udcfe\udc00", "\udc89PNG\r\n", "{}\n", "[]\n", "null\n", "a" * 5000, "5\x1f\n", "\x0b7\n",
)  # fmt: skip
SENTINELS: Final = (
    "-1\n", "-256000\n", "-273200\n", "-274000\n", "100000\n", "50000\n", "127000\n", "127937\n", "255\n", "32767\n", "65535\n",
    "2147483647\n",    "-2147483648\n", "4294967295\n", "9223372036854775807\n", "18446744073709551615\n",
    "18446744073709551615000\n", "-0\n", "0\n",
)  # fmt: skip
"""What drivers and chips say where they have nothing to say, and numbers that look like it but can be true somewhere."""

APPENDED: Final = (" trailing", "C", " mV", "\0", "\x7f", "e5", ".5", "\n0", ",", "%")
"""Behind the last letter of what stood there."""

_WHOLE = re.compile(r"(?!-0)-?[0-9]{1,15}")
_NAME = re.compile(r"(?!(?:0x[0-9a-f]+|nan|inf|[0-9][0-9_.]*(?:e[0-9]+)?)$)[a-z0-9][ -~]{0,63}", re.IGNORECASE)
"""What a driver may call a thing; a number in its place is damage."""


class Rule(NamedTuple):
    """Numbers from ``lowest`` to ``highest`` in files of this name can be true, but for ``words``, which mean that there is none."""

    path: re.Pattern[str]
    lowest: int
    highest: int
    words: Container[int]


FULL_REGISTERS: Final = frozenset({32767, 65535})
"""0x7FFF and 0xFFFF: a register at its end, or a bus without a driver. Not in counters, clocks and shares, which may pass there."""

OPEN_DIODE: Final = frozenset(range(127_000, 128_000))
"""0x7F and whatever fraction: an LM86 or one of its kin whose diode is open. A Jetson has long switched itself off."""

NO_TEMPERATURE: Final = FULL_REGISTERS | OPEN_DIODE | {-1, 255}
"""Minus one for an error and 0xFF as it was read. 0 is a temperature: a board outdoors passes it."""

PMIC_CONSTANTS: Final = frozenset({50_000, 100_000, 120_000, 140_000})


def _rule(path: str, lowest: int, highest: int, words: Container[int] = frozenset()) -> Rule:
    return Rule(re.compile(path), lowest, highest, words)


RULES: Final = (
    _rule(r"sys/class/thermal/thermal_zone\d+/temp", -55_000, 150_000, NO_TEMPERATURE),
    _rule(r"sys/class/thermal/thermal_zone\d+/trip_point_\d+_temp", -300_000, 150_000, FULL_REGISTERS | OPEN_DIODE),
    _rule(r".*/temp\d_input", -55_000, 150_000, NO_TEMPERATURE),
    _rule(r"sys/class/thermal/cooling_device\d+/(?:cur|max)_state", 0, 10_000),
    _rule(r".*/in[1-3]_input", 0, 26_000, FULL_REGISTERS),
    _rule(r".*/curr[1-3]_input", 0, 163_840, FULL_REGISTERS),
    _rule(r".*/in_power\d_input", 0, 1_000_000, FULL_REGISTERS),
    _rule(r".*/power1_input", 0, 1_000_000_000, FULL_REGISTERS),
    _rule(r".*/(?:pwm1|target_pwm|cur_pwm)", 0, 255),
    _rule(r".*/(?:rpm|rpm_measured)", 0, 50_000, FULL_REGISTERS),
    _rule(r".*/oc\d_(?:event|irq)_cnt", 0, 2**32 - 2),
    _rule(r"sys/devices/.*/load", 0, 1000),
    _rule(r"sys/class/devfreq/.*/cur_freq", 1_000_000, 20_000_000_000),
    _rule(r"sys/kernel/.*/(?:rate|clk_rate)", 1_000_000, 20_000_000_000),
    _rule(r"sys/kernel/.*/mc_all", 0, 20_000_000),
    _rule(r"sys/devices/system/cpu/(?:present|online)", 0, 8191),
)
"""Ends by the chips' data sheets: 26 V and 163.84 mV over at least 1 mΩ for an INA3221, 8 bits of duty, 10 bits of load."""

SENTINEL_NUMBERS: Final = frozenset({2**31 - 1, 2**32 - 1})
"""All bits set: in no file of these boards a measurement."""

_TEXTS = re.compile(r"(?:.*/(?:name|type|in\d_label|rail_name_\d|model|compatible|governor)|etc/nv_tegra_release)")


def is_name(path: str) -> bool:
    """Whether a file holds what a thing is called, and no number."""
    return _TEXTS.fullmatch(path) is not None


def legitimate(path: str, text: str, thing: str = "") -> bool:
    """Whether a damaged file says something that can be true; ``thing`` is what its zone is called."""
    word = text.strip(" \t\r\n")
    if is_name(path):
        return _NAME.fullmatch(word) is not None
    rule = next((rule for rule in RULES if rule.path.fullmatch(path)), None)
    if rule is None or not _WHOLE.fullmatch(word):
        return False
    number = int(word)
    if thing.upper().startswith("PMIC") and path.endswith("/temp") and number in PMIC_CONSTANTS:
        return False
    return rule.lowest <= number <= rule.highest and number not in rule.words and number not in SENTINEL_NUMBERS


_OWNERS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(path), metrics)
    for path, metrics in (
        (r"proc/stat", "edge_cpu_(?:cores|seconds_total|usage_ratio|core_usage_ratio)|edge_boot_timestamp_seconds"),
        (r"edgeshift/earlier/proc/stat", "edge_cpu_(?:usage|core_usage)_ratio"),
        (r"proc/meminfo", "edge_(?:memory|swap)_.*|edge_gpu_memory_used_bytes"),
        (r"proc/uptime", "edge_boot_timestamp_seconds"),
        (r"sys/devices/system/cpu/(?:present|online|possible|offline|cpu\d+/online)", "edge_cpu_core_online"),
        (r"sys/class/thermal/thermal_zone\d+/.*", "edge_temperature_(?:limit_)?celsius"),
        (r"sys/class/thermal/cooling_device\d+/.*", "edge_throttling_ratio"),
        (r".*/oc\d_.*", "edge_over_current_events_total"),
        (r".*pwm.*|.*/rpm.*|.*/tach_enable|.*/temp_control", "edge_fan_.*"),
        (r".*/(?:(?:in|curr)\d_.*|shunt\d_resistor|power1_input|(?:in_|rail_|warn_|crit_).*_?\d.*)", "edge_power_watts"),
        (r".*/temp1_input", "edge_temperature_celsius"),
        (r".*/(?:hwmon\d|iio:device\d)/name", "edge_(?:power_watts|fan_.*|over_current_events_total|temperature_celsius)"),
        (r"sys/devices/.*/load", "edge_gpu_usage_ratio"),
        (r"sys/devices/.*/runtime_status", "edge_gpu_frequency_hertz"),
        (r"sys/class/devfreq/bwmgr/.*", "edge_emc_.*"),
        (r"sys/class/devfreq/.*", "edge_gpu_frequency_hertz"),
        (r"sys/kernel/.*", "edge_emc_.*"),
        (r"etc/nvpmodel.*|var/lib/nvpmodel/.*", "edge_power_mode_info"),
        (r"etc/nv_tegra_release|var/lib/dpkg/status|sys/firmware/.*", "edge_board_info"),
        (r"edgeshift/disk.json", "edge_disk_.*"),
    )
)
"""Whose numbers a file may take with it: of all files that match, the first."""

_ONE_OF_MANY: Final = (
    (re.compile(r"(sys/class/thermal/(?:thermal_zone|cooling_device)\d+)/.*"), "{0}/type"),
    (re.compile(r"(.*/hwmon\d+)/(?:in|curr)(\d)_.*"), "{0}/in{1}_label"),
    (re.compile(r"(.*/iio:device\d+)/(?:in_power|in_current|in_voltage|rail_name_)(\d).*"), "{0}/rail_name_{1}"),
    (re.compile(r".*/(oc\d)_.*"), "={0}"),
)
"""Files of one of several like things, and where its name stands."""


def may_take(tree: MemoryTree, path: str, key: Key) -> bool:
    """Whether a number may depend on a file at all: by its metric, and by its label where the file is one thing's of many."""
    metrics = next((metrics for pattern, metrics in _OWNERS if pattern.fullmatch(path)), None)
    if metrics is None or not re.fullmatch(metrics, key[0]):
        return False
    for pattern, place in _ONE_OF_MANY:
        if match := pattern.fullmatch(path):
            named = place.format(*match.groups())
            return key[1] == ((named[1:],) if named.startswith("=") else (tree.files[named].strip(),))
    return True
