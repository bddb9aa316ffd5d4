"""Every metric that devices and AI programs promise to say: name, kind, unit, labels and meaning.

Exporters, the simulated fleet, rules, dashboards and documentation are held to these tables by tests.
Nothing of edgeshift is imported here, so every room may import it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One promised metric family.

    ``name`` is the full exposition name (counters end in ``_total``); ``unit`` is a Prometheus base unit, or
    "" for a plain count or state; ``buckets`` are the upper bounds of a histogram, without ``+Inf``.
    """

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


WORKLOAD_LABELS: Final = ("workload", "placement", "class", "version")
"""Identity of every AI series: ``package/camera/purpose``, ``workload@device#generation``, variant class, version."""

ENVIRONMENT_CLASSES: Final = ("01", "02", "03", "04", "05", "06")
"""Sunny, rain, cloud, snow, sunrise, thunder. ``00`` is the environment AI itself and never an environment."""

LATENCY_BUCKETS_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

CONFIDENCE_BUCKETS_RATIO: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""0.4, 0.5 and 0.6 are edges on purpose: the ambiguous band (SC-5) must begin and end on an edge."""

SCOPES: Final = ("host", "lent")
"""What a CPU load is measured against: the whole machine, or the cores that its owner lends to the fleet."""

DEVICE_METRICS: Final[tuple[Metric, ...]] = (
    Metric(
        "edge_cpu_usage_ratio",
        "gauge",
        "ratio",
        ("scope",),
        "CPU time in use over the last window: of all online cores (scope host), or by AI programs over the lent cores (scope lent)",
    ),
    Metric("edge_cpu_seconds_total", "counter", "seconds", ("mode",), "CPU time of all cores since boot, by mode"),
    Metric("edge_cpu_cores", "gauge", "", ("scope",), "Cores that edge_cpu_usage_ratio is measured against"),
    Metric("edge_memory_usage_ratio", "gauge", "ratio", (), "Memory not available to new programs, over all memory"),
    Metric("edge_memory_total_bytes", "gauge", "bytes", (), "Memory of the device"),
    Metric("edge_memory_available_bytes", "gauge", "bytes", (), "Memory available to new programs without swapping"),
    Metric("edge_gpu_usage_ratio", "gauge", "ratio", (), "GPU load of the device; absent where there is no GPU"),
    Metric("edge_disk_usage_ratio", "gauge", "ratio", ("mountpoint",), "Used share of a file system"),
    Metric("edge_temperature_celsius", "gauge", "celsius", ("zone",), "Temperature of a thermal zone"),
    Metric("edge_temperature_limit_celsius", "gauge", "celsius", ("zone",), "Temperature at which the zone begins to throttle"),
    Metric("edge_boot_timestamp_seconds", "gauge", "seconds", (), "When the device was started, Unix time"),
    Metric("edge_sensor_up", "gauge", "", ("sensor", "reason"), "1 when the sensor answered at this scrape; 0 with the reason why not"),
)

WORKLOAD_METRICS: Final[tuple[Metric, ...]] = (
    Metric("ai_frames_total", "counter", "", WORKLOAD_LABELS, "Frames that the AI program received"),
    Metric("ai_results_total", "counter", "", WORKLOAD_LABELS, "Frames analysed to the end; a frame without a finding is a result"),
    Metric("ai_inference_latency_seconds", "histogram", "seconds", WORKLOAD_LABELS, "Time from frame to result", LATENCY_BUCKETS_SECONDS),
    Metric("ai_confidence_ratio", "histogram", "ratio", WORKLOAD_LABELS, "Confidence of each result", CONFIDENCE_BUCKETS_RATIO),
    Metric("ai_last_frame_timestamp_seconds", "gauge", "seconds", WORKLOAD_LABELS, "When the newest frame was received, Unix time"),
    Metric("ai_last_result_timestamp_seconds", "gauge", "seconds", WORKLOAD_LABELS, "When the newest result was made, Unix time"),
    Metric("ai_process_cpu_seconds_total", "counter", "seconds", WORKLOAD_LABELS, "CPU time used by the AI program"),
    Metric("ai_process_resident_memory_bytes", "gauge", "bytes", WORKLOAD_LABELS, "Resident memory of the AI program"),
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

METRICS: Final[tuple[Metric, ...]] = DEVICE_METRICS + WORKLOAD_METRICS

BY_NAME: Final[dict[str, Metric]] = {metric.name: metric for metric in METRICS}
