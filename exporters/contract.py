"""Every metric that devices and AI programs promise to say: name, kind, unit, labels and meaning.

Exporters, the simulated fleet, rules, dashboards and documentation are held to these tables by tests.
Nothing of edgeshift is imported here, so every room may import it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One promised metric family.

    ``name`` is the full exposition name (counters end in ``_total``); ``unit`` is a Prometheus base unit, or
    "" for a plain count or state; ``buckets`` are the upper bounds of a histogram, without ``+Inf``. ``lowest`` and
    ``highest``, in that unit, are the ends of what can be true: a number outside is never said.
    """

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()
    lowest: float = 0.0
    highest: float = math.inf


WORKLOAD_LABELS: Final = ("workload", "placement", "class", "version")
"""Identity of every AI series: ``package/camera/purpose``, ``workload@device#generation``, variant class, version."""

STREAM_LABELS: Final = (*WORKLOAD_LABELS, "stream")
"""One program may analyse several video streams of its workload; a program names at most a few, the rest is "other"."""

BRIDGE_LABELS: Final = ("cluster", "device", "trust")
"""Set by the bridge alone: catalogue ids by its configured mapping, and ``trust`` "high" (token or confirmed mapping) or "low"."""

ENVIRONMENT_CLASSES: Final = ("01", "02", "03", "04", "05", "06")
"""Sunny, rain, cloud, snow, sunrise, thunder. ``00`` is the environment AI itself and never an environment."""

LATENCY_BUCKETS_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

CONFIDENCE_BUCKETS_RATIO: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""0.4, 0.5 and 0.6 are edges on purpose: the ambiguous band (SC-5) must begin and end on an edge."""


def _ratio(name: str, labels: tuple[str, ...], meaning: str) -> Metric:
    """A gauge between 0 and 1."""
    return Metric(name, "gauge", "ratio", labels, meaning, highest=1.0)


COLDEST_CELSIUS: Final = -55.0
"""Below this no silicon is specified to run: Jetsons say -256 °C for a zone whose power is off."""

HOTTEST_CELSIUS: Final = 150.0
"""Above this no silicon runs."""

COLDEST_LIMIT_CELSIUS: Final = 20.0
"""A throttle point below room temperature is a trip point that is switched off (0, -273.2 or -274 °C)."""

_FASTEST_HERTZ: Final = 2e10
"""Three times the fastest clock of any processor or memory on the market."""

_STRONGEST_WATTS: Final = 1000.0
"""A Thor takes 130 W and the largest graphics card 600 W."""

_FASTEST_FAN_RPM: Final = 50_000.0
"""The fastest small fans turn at 30,000 revolutions per minute."""

DEVICE_METRICS: Final[tuple[Metric, ...]] = (
    Metric(
        "edge_cpu_usage_ratio",
        "gauge",
        "ratio",
        ("scope",),
        "CPU time in use over the last window: of all online cores (scope host), or by AI programs over the lent cores (scope lent)",
    ),
    _ratio("edge_cpu_core_usage_ratio", ("core",), "CPU time in use of one core over the last window; absent while the core is offline"),
    Metric("edge_cpu_core_online", "gauge", "", ("core",), "1 while the core is online, 0 while it is switched off", highest=1.0),
    Metric("edge_cpu_seconds_total", "counter", "seconds", ("mode",), "CPU time of all cores since boot, by mode"),
    Metric("edge_cpu_cores", "gauge", "", ("scope",), "Cores that edge_cpu_usage_ratio is measured against"),
    _ratio("edge_memory_usage_ratio", (), "Memory not available to new programs, over all memory; on a Jetson CPU and GPU share it"),
    Metric("edge_memory_total_bytes", "gauge", "bytes", (), "Memory of the device"),
    Metric("edge_memory_available_bytes", "gauge", "bytes", (), "Memory available to new programs without swapping"),
    Metric("edge_swap_total_bytes", "gauge", "bytes", (), "Swap space of the device, compressed memory (zram) among it"),
    Metric("edge_swap_used_bytes", "gauge", "bytes", (), "Swap space in use"),
    _ratio("edge_gpu_usage_ratio", (), "GPU load over the last window; absent where there is no GPU or its load cannot be told"),
    Metric(
        "edge_gpu_frequency_hertz", "gauge", "hertz", (), "Clock of the GPU now; absent while it is switched off", highest=_FASTEST_HERTZ
    ),
    Metric("edge_gpu_memory_total_bytes", "gauge", "bytes", (), "The GPU's own memory; absent where it shares the CPU's"),
    Metric("edge_gpu_memory_used_bytes", "gauge", "bytes", (), "Memory that the GPU uses, of its own or of the shared memory"),
    _ratio("edge_emc_usage_ratio", (), "Bandwidth in use of the memory controller (EMC)"),
    Metric("edge_emc_frequency_hertz", "gauge", "hertz", (), "Clock of the memory controller (EMC) now", highest=_FASTEST_HERTZ),
    _ratio("edge_disk_usage_ratio", ("mountpoint",), "Used share of a file system"),
    Metric("edge_disk_total_bytes", "gauge", "bytes", ("mountpoint",), "Size of a file system"),
    Metric("edge_disk_available_bytes", "gauge", "bytes", ("mountpoint",), "Room in a file system for others than the administrator"),
    Metric(
        "edge_temperature_celsius",
        "gauge",
        "celsius",
        ("zone",),
        "Temperature of a thermal zone",
        lowest=COLDEST_CELSIUS,
        highest=HOTTEST_CELSIUS,
    ),
    Metric(
        "edge_temperature_limit_celsius",
        "gauge",
        "celsius",
        ("zone",),
        "Temperature at which the zone begins to throttle",
        lowest=COLDEST_LIMIT_CELSIUS,
        highest=HOTTEST_CELSIUS,
    ),
    Metric("edge_power_watts", "gauge", "watts", ("rail",), "Power drawn through a supply rail now", highest=_STRONGEST_WATTS),
    _ratio("edge_fan_duty_ratio", ("fan",), "Share of full speed that a fan is told to run at"),
    Metric("edge_fan_speed_rpm", "gauge", "rpm", ("fan",), "Speed of a fan by its tachometer", highest=_FASTEST_FAN_RPM),
    Metric("edge_power_mode_info", "gauge", "", ("id", "mode"), "1 for the power mode (nvpmodel) in force", highest=1.0),
    _ratio(
        "edge_throttling_ratio",
        ("cooler",),
        "How far a cooling device holds a clock back: 0 not at all, 1 as far as it can; fans are not meant",
    ),
    Metric(
        "edge_over_current_events_total", "counter", "", ("input",), "Times that hardware throttled because of over-current, since boot"
    ),
    Metric("edge_boot_timestamp_seconds", "gauge", "seconds", (), "When the device was started, Unix time"),
    Metric(
        "edge_board_info",
        "gauge",
        "",
        ("board", "model", "l4t", "jetpack", "architecture"),
        '1; which board it is by its short name and its own words, and which release runs on it; "" is what cannot be told',
        highest=1.0,
    ),
    Metric(
        "edge_sensor_up",
        "gauge",
        "",
        ("sensor", "source", "reason"),
        "1 when the sensor answered this source at this scrape; 0 with the reason why not",
        highest=1.0,
    ),
    Metric("edge_exporter_read_seconds", "gauge", "seconds", ("source",), "How long the exporter's last look at a source took"),
    Metric("edge_exporter_resident_memory_bytes", "gauge", "bytes", (), "Resident memory of the exporter itself"),
    Metric("edge_exporter_cpu_seconds_total", "counter", "seconds", (), "CPU time of the exporter itself"),
)

WORKLOAD_METRICS: Final[tuple[Metric, ...]] = (
    Metric("ai_frames_total", "counter", "", WORKLOAD_LABELS, "Frames that the AI program received"),
    Metric("ai_results_total", "counter", "", WORKLOAD_LABELS, "Frames analysed to the end; a frame without a finding is a result"),
    Metric("ai_results_empty_total", "counter", "", WORKLOAD_LABELS, "Results without a finding"),
    Metric(
        "ai_results_ambiguous_total",
        "counter",
        "",
        WORKLOAD_LABELS,
        "Results whose confidence lies within the ambiguous band of the program (0.40 to 0.60 unless it says otherwise)",
    ),
    Metric("ai_inference_latency_seconds", "histogram", "seconds", WORKLOAD_LABELS, "Time from frame to result", LATENCY_BUCKETS_SECONDS),
    Metric("ai_confidence_ratio", "histogram", "ratio", WORKLOAD_LABELS, "Confidence of each result", CONFIDENCE_BUCKETS_RATIO),
    Metric("ai_last_frame_timestamp_seconds", "gauge", "seconds", WORKLOAD_LABELS, "When the newest frame was received, Unix time"),
    Metric("ai_last_result_timestamp_seconds", "gauge", "seconds", WORKLOAD_LABELS, "When the newest result was made, Unix time"),
    Metric("ai_process_cpu_seconds_total", "counter", "seconds", WORKLOAD_LABELS, "CPU time used by the AI program"),
    Metric("ai_process_resident_memory_bytes", "gauge", "bytes", WORKLOAD_LABELS, "Resident memory of the AI program"),
    Metric("ai_workers", "gauge", "", WORKLOAD_LABELS, "Processes that publish for the placement now"),
    Metric(
        "ai_stream_frames_total",
        "counter",
        "",
        STREAM_LABELS,
        "Frames that the AI program received, by video stream; streams over the limit are counted together as other",
    ),
    Metric("ai_stream_results_total", "counter", "", STREAM_LABELS, "Frames analysed to the end, by video stream"),
    Metric(
        "ai_stream_last_result_timestamp_seconds", "gauge", "seconds", STREAM_LABELS, "When a stream's newest result was made, Unix time"
    ),
    Metric(
        "ai_streams_over_limit", "gauge", "", WORKLOAD_LABELS, "Video streams that are counted as other, because there are too many to name"
    ),
    Metric(
        "ai_environment_state", "gauge", "", ("camera", "environment"), "1 for the environment class seen by the camera, 0 for the others"
    ),
    Metric("ai_environment_confidence_ratio", "gauge", "ratio", ("camera",), "Confidence of the environment class seen by the camera"),
    Metric(
        "ai_events_total",
        "counter",
        "",
        (*WORKLOAD_LABELS, "event"),
        "Security events seen; starts at 0 for every event the program may report",
    ),
    Metric("ai_event_last_timestamp_seconds", "gauge", "seconds", (*WORKLOAD_LABELS, "event"), "When the event was last seen, Unix time"),
    Metric("ai_event_confidence_ratio", "gauge", "ratio", (*WORKLOAD_LABELS, "event"), "Confidence of the event last seen"),
    Metric(
        "ai_observations_lost_total",
        "counter",
        "",
        WORKLOAD_LABELS,
        "Observations that never arrived, by gaps in the program's sequence numbers",
    ),
    Metric(
        "ai_observations_refused_total", "counter", "", ("reason",), "Observations that the device exporter could not accept, by reason"
    ),
)

BRIDGE_METRICS: Final[tuple[Metric, ...]] = (
    Metric("edge_bridge_posts_total", "counter", "", ("path", "code"), "Requests answered, by path and by the code in the reply"),
    Metric("edge_bridge_refused_total", "counter", "", ("path", "reason"), "Requests or readings that could not be accepted, by reason"),
    Metric(
        "edge_bridge_post_seconds",
        "histogram",
        "seconds",
        ("path",),
        "Time from a request's last byte to its reply",
        LATENCY_BUCKETS_SECONDS,
    ),
    Metric("edge_bridge_sources", "gauge", "", ("trust",), "Senders that are heard now, by how far they can be believed"),
    Metric(
        "edge_bridge_last_seen_timestamp_seconds",
        "gauge",
        "seconds",
        (*BRIDGE_LABELS, "path"),
        "When a device's sender was heard last, Unix time",
    ),
    Metric(
        "edge_bridge_assumed_classes_total", "counter", "", BRIDGE_LABELS, "Bare class numbers taken by a map that nobody has confirmed"
    ),
    Metric("edge_bridge_forwarded_total", "counter", "", ("path", "outcome"), "Requests handed on to the service, by what came of it"),
)
"""What the bridge says of itself. What it passes on carries BRIDGE_LABELS before the labels that the same metric has on a device."""

METRICS: Final[tuple[Metric, ...]] = DEVICE_METRICS + WORKLOAD_METRICS + BRIDGE_METRICS

BY_NAME: Final[dict[str, Metric]] = {metric.name: metric for metric in METRICS}
