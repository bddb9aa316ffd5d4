"""Which files a recording holds: an allow-list of folders and file names, everything that a reader asks for and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from posixpath import basename, dirname
from typing import Final, NamedTuple

from exporters.jetson.packages import PACKAGES, READ, stanzas

_HWMON: Final = (
    r"name|label|rpm|rpm_measured|(cur|target)_pwm|(in|curr|power|temp|fan|pwm)\d+"
    r"(_(input|label|enable|max|min|crit|lcrit|target|alarm|(max|min|crit|lcrit)_alarm|type|average))?|shunt\d+_resistor"
    r"|oc\d+_(event_cnt|irq_cnt|throt_en|priority)"
)
_IIO: Final = r"name|rail_name_\d+|in_(current|voltage|power)\d+(_trigger)?_input|(crit|warn)_current_limit_\d+|shunt_resistor_\d+"
_DEVFREQ: Final = r"name|governor|load|(cur|target|min|max)_freq|available_frequencies"
_CLOCK: Final = r"rate|(min|max)_rate|clk_rate|clk_(min|max)_rate|state|mrq_rate_locked"
_GPUS: Final = ("gpu.*", "*.gpu", "*.gp10b", "*.gv11b", "*.ga10b", "*.gb10b", "*.gm20b")
_GPU_FOLDERS: Final = ("sys/devices", "sys/devices/platform", "sys/devices/platform/*")


class Allowed(NamedTuple):
    """Files whose names match ``names`` in folders that match ``folder``, part by part."""

    folder: str
    names: str


ALLOWED: Final = (
    Allowed("proc", r"stat|meminfo|uptime|cpuinfo"),
    Allowed("proc/sys/kernel", r"arch"),
    Allowed("proc/device-tree", r"model|compatible"),
    Allowed("sys/firmware/devicetree/base", r"model|compatible"),
    Allowed("sys/class/dmi/id", r"product_name"),
    Allowed("sys/devices/system/cpu", r"present|possible|online|offline"),
    Allowed("sys/devices/system/cpu/cpu[0-9]*", r"online"),
    Allowed("sys/class/thermal/thermal_zone*", r"type|temp|mode|trip_point_\d+_(type|temp|hyst)"),
    Allowed("sys/class/thermal/cooling_device*", r"type|cur_state|max_state"),
    Allowed("sys/class/thermal/thermal_zone*/hwmon*", r"name"),
    Allowed("sys/class/hwmon/hwmon*", _HWMON),
    Allowed("sys/class/devfreq/*", _DEVFREQ),
    Allowed("sys/class/devfreq/*/device", r"load|railgate_enable"),
    Allowed("sys/class/devfreq/*/device/power", r"runtime_status|control"),
    *(Allowed(f"{above}/{gpu}", r"load|railgate_enable") for above in _GPU_FOLDERS for gpu in _GPUS),
    *(Allowed(f"{above}/{gpu}/power", r"runtime_status|control") for above in _GPU_FOLDERS for gpu in _GPUS),
    *(Allowed(f"{above}/{gpu}/devfreq/*", _DEVFREQ) for above in _GPU_FOLDERS for gpu in _GPUS),
    Allowed("sys/bus/i2c/drivers/ina*/*/iio:device*", _IIO),
    Allowed("sys/bus/i2c/drivers/ina*/*/hwmon/hwmon*", _HWMON),
    Allowed("sys/bus/i2c/devices/*/iio:device*", _IIO),
    Allowed("sys/bus/i2c/devices/*/hwmon/hwmon*", _HWMON),
    *(Allowed(f"{above}/{folder}", r"(cur|target)_pwm|rpm|rpm_measured|pwm_cap|tach_enable|temp_control")
      for above in ("sys/devices", "sys/devices/platform") for folder in ("*pwm*fan*", "*tach*")),
    *(Allowed(f"{above}/{folder}/hwmon/hwmon*", _HWMON)
      for above in ("sys/devices", "sys/devices/platform") for folder in ("*pwm*fan*", "*tach*", "soctherm-oc-event")),
    Allowed("sys/kernel/actmon_avg_activity", r"mc_all"),
    Allowed("sys/kernel/debug/cactmon", r"mc_all"),
    Allowed("sys/kernel/debug/bpmp/debug/clk/emc", _CLOCK),
    Allowed("sys/kernel/debug/clk/*emc*", _CLOCK),
    Allowed("sys/kernel/debug/nvmap/iovmm", r"clients"),
    Allowed("etc", r"nv_tegra_release|nvpmodel\.conf"),
    Allowed("var/lib/nvpmodel", r"status"),
    Allowed(dirname(PACKAGES), re.escape(basename(PACKAGES))),
)  # fmt: skip
"""proc(5) and https://docs.kernel.org/hwmon/sysfs-interface.html for names; NVIDIA's developer guides for what is Jetson's own:
https://docs.nvidia.com/jetson/archives/r36.4/DeveloperGuide/SD/PlatformPowerAndPerformance.html"""

OF_A_TREE: Final = (
    Allowed("edgeshift/earlier/proc", r"stat"),
    Allowed("", r"tegrastats\.txt"),
)
"""What a recorded tree says beside the machine's own files and the size of its disk; looked for where the root is no machine's."""


def wanted(allowed: Allowed, names: Callable[[str], list[str]]) -> Iterator[str]:
    """Paths of the files that an entry asks for; ``names`` says what a folder holds, sorted."""
    folders = [""]
    for part in filter(None, allowed.folder.split("/")):
        if _is_plain(part):
            folders = [_join(folder, part) for folder in folders]
        else:
            folders = [_join(folder, name) for folder in folders for name in names(folder) if fnmatchcase(name, part)]
    for folder in folders:
        yield from (_join(folder, name) for name in names(folder) if re.fullmatch(allowed.names, name))


def reduced(path: str, text: str) -> str:
    """What may be kept of a file that also tells what nobody asked for: two packages of all, one sum of all programs."""
    if path == PACKAGES:
        return _releases(text)
    lines = text.splitlines(keepends=True)
    if path.startswith("sys/kernel/debug/nvmap/"):
        return "".join(line for line in lines if line.split(maxsplit=1)[:1] == ["total"])
    if path == "proc/cpuinfo":  # some kernels tell a serial number there
        return "".join(dict.fromkeys(line for line in lines if line.partition(":")[0].strip() in _PROCESSOR_FIELDS))
    return text


_PROCESSOR_FIELDS: Final = ("CPU architecture", "flags")
_PACKAGE_FIELDS: Final = ("Package", "Status", "Architecture", "Version")


def _releases(text: str) -> str:
    """The stanzas of the packages that tell a release, without people's names and addresses."""
    kept = []
    for stanza in stanzas([text.encode("latin-1")], READ).values():
        kept += [line for line in stanza.splitlines() if line.partition(":")[0] in _PACKAGE_FIELDS]
        kept += [""]
    return "".join(f"{line}\n" for line in kept)


def _is_plain(part: str) -> bool:
    return not set(part) & set("*?[")


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
