"""The PromQL that ships: one table for fleets with our exporter, one for node_exporter, cAdvisor and kube-state-metrics alone.

Everything here is a default that configuration may replace. ``{window}`` becomes the read window (in ``history_promql``:
one grid cell), ``{rate_window}`` some scrapes; both are Prometheus durations.
"""

from __future__ import annotations

from typing import Final

Row = dict[str, object]

CONTAINERS: Final = 'container!="",container!="POD"'
"""cAdvisor also counts the pod's pause container and the pod as a whole; adding those would count everything twice."""

ANNOTATION: Final = "annotation_edgeshift_io_placement"
PLACEMENT_OF_POD: Final = f'label_replace(kube_pod_annotations{{{ANNOTATION}!=""}}, "placement", "$1", "{ANNOTATION}", "(.+)")'
"""kube-state-metrics says which placement a pod is, when started with --metric-annotations-allowlist=pods=[edgeshift.io/placement]."""


def _by_pod(expression: str) -> str:
    """Sum a container series per placement."""
    per_pod = f"sum by (namespace, pod) ({expression})"
    return f"sum by (placement) ({per_pod} * on (namespace, pod) group_left (placement) {PLACEMENT_OF_POD})"


BELIEVED: Final = '{trust!="low"}'
"""What the bridge heard from a sender without token or confirmed mapping decides nothing; what devices say carries no such label."""


def _node_cpu(window: str) -> str:
    return f'1 - avg by (device) (rate(node_cpu_seconds_total{{mode="idle"}}[{window}]))'


def _cadvisor_cpu(window: str) -> str:
    return _by_pod(f"rate(container_cpu_usage_seconds_total{{{CONTAINERS}}}[{window}])")


EDGESHIFT: Final[dict[str, Row]] = {
    "cpu": {
        "promql": f"edge_cpu_usage_ratio{BELIEVED}",
        "unit": "ratio",
        "kind": "range",
        "key": "device",
        "history": True,
        "history_promql": f"avg_over_time(edge_cpu_usage_ratio{BELIEVED}[{{window}}])",
    },
    "memory": {
        "promql": f"edge_memory_usage_ratio{BELIEVED}",
        "unit": "ratio",
        "kind": "range",
        "key": "device",
        "history": True,
        "history_promql": f"avg_over_time(edge_memory_usage_ratio{BELIEVED}[{{window}}])",
    },
    "gpu": {
        "promql": f"edge_gpu_usage_ratio{BELIEVED}",
        "unit": "ratio",
        "kind": "range",
        "key": "device",
        "history": True,
        "history_promql": f"avg_over_time(edge_gpu_usage_ratio{BELIEVED}[{{window}}])",
    },
    "thermal_headroom": {
        "promql": "min by (device) (edge_temperature_limit_celsius - on (device, zone) edge_temperature_celsius)",
        "unit": "kelvin",
        "kind": "instant",
        "key": "device",
        "freshness": "min by (device) (timestamp(edge_temperature_celsius))",
    },
    "workload_cpu_cores": {
        # A slope and not a rate: while its window fills, after a start or a gap, rate() says too little, which looks like a ramp.
        "promql": "max by (placement) (clamp_min(deriv(ai_process_cpu_seconds_total[{rate_window}]), 0))",
        "unit": "cores",
        "kind": "instant",
        "key": "placement",
        "freshness": "max by (placement) (timestamp(ai_process_cpu_seconds_total))",
        "history": True,
        "history_promql": "sum by (device) (clamp_min(deriv(ai_process_cpu_seconds_total[{rate_window}]), 0))",
    },
    "workload_memory_bytes": {
        "promql": "max by (placement) (ai_process_resident_memory_bytes)",
        "unit": "bytes",
        "kind": "instant",
        "key": "placement",
        "freshness": "max by (placement) (timestamp(ai_process_cpu_seconds_total))",
        "history": True,
        "history_promql": "sum by (device) (avg_over_time(ai_process_resident_memory_bytes[{window}]))",
    },
    "last_result": {
        "promql": f"ai_last_result_timestamp_seconds{BELIEVED}",
        "unit": "seconds",
        "kind": "range",
        "key": "placement",
    },
    "confidence": {
        "promql": (
            f"sum by (placement) (rate(ai_confidence_ratio_sum{BELIEVED}[{{rate_window}}]))"
            f" / sum by (placement) (rate(ai_confidence_ratio_count{BELIEVED}[{{rate_window}}]))"
        ),
        "unit": "ratio",
        "kind": "instant",
        "key": "placement",
        "freshness": "max by (placement) (timestamp(ai_process_cpu_seconds_total))",
    },
    "last_frame": {
        "promql": f"ai_last_frame_timestamp_seconds{BELIEVED}",
        "unit": "seconds",
        "kind": "range",
        "key": "placement",
    },
    "ambiguous": {
        "promql": (
            f"sum by (placement) (rate(ai_results_ambiguous_total{BELIEVED}[{{rate_window}}]))"
            f" / sum by (placement) (rate(ai_results_total{BELIEVED}[{{rate_window}}]))"
        ),
        "unit": "ratio",
        "kind": "instant",
        "key": "placement",
        "freshness": "max by (placement) (timestamp(ai_process_cpu_seconds_total))",
    },
    "environment": {
        # Each class that is said to be seen, with the time of the sample that says so.
        "promql": f"timestamp(ai_environment_state{BELIEVED}) and ai_environment_state{BELIEVED} == 1",
        "unit": "seconds",
        "kind": "instant",
        "key": "camera",
        "value_is_time": True,
    },
    "environment_confidence": {
        "promql": f"ai_environment_confidence_ratio{BELIEVED}",
        "unit": "ratio",
        "kind": "range",
        "key": "camera",
    },
}

NODE_EXPORTER: Final[dict[str, Row]] = {
    "cpu": {
        "promql": _node_cpu("{rate_window}"),
        "unit": "ratio",
        "kind": "instant",
        "key": "device",
        "freshness": 'min by (device) (timestamp(node_cpu_seconds_total{mode="idle"}))',
        "history": True,
        "history_promql": _node_cpu("{rate_window}"),
    },
    "memory": {
        "promql": "1 - min by (device) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
        "unit": "ratio",
        "kind": "instant",
        "key": "device",
        "freshness": "min by (device) (timestamp(node_memory_MemAvailable_bytes))",
        "history": True,
        "history_promql": (
            "1 - min by (device) (avg_over_time(node_memory_MemAvailable_bytes[{window}])"
            " / avg_over_time(node_memory_MemTotal_bytes[{window}]))"
        ),
    },
    "gpu": {"promql": "", "unit": "ratio", "kind": "range", "key": "device"},
    "thermal_headroom": {"promql": "", "unit": "kelvin", "kind": "instant", "key": "device"},
    "workload_cpu_cores": {
        "promql": _cadvisor_cpu("{rate_window}"),
        "unit": "cores",
        "kind": "instant",
        "key": "placement",
        "freshness": _by_pod(f"timestamp(container_cpu_usage_seconds_total{{{CONTAINERS}}})").replace("sum by", "min by"),
        "history": True,
        "history_promql": _cadvisor_cpu("{rate_window}"),
    },
    "workload_memory_bytes": {
        "promql": _by_pod(f"container_memory_working_set_bytes{{{CONTAINERS}}}"),
        "unit": "bytes",
        "kind": "instant",
        "key": "placement",
        "freshness": _by_pod(f"timestamp(container_cpu_usage_seconds_total{{{CONTAINERS}}})").replace("sum by", "min by"),
        "history": True,
        "history_promql": _by_pod(f"avg_over_time(container_memory_working_set_bytes{{{CONTAINERS}}}[{{window}}])"),
    },
    "last_result": {"promql": "", "unit": "seconds", "kind": "range", "key": "placement"},
    "confidence": {"promql": "", "unit": "ratio", "kind": "instant", "key": "placement"},
    "last_frame": {"promql": "", "unit": "seconds", "kind": "range", "key": "placement"},
    "ambiguous": {"promql": "", "unit": "ratio", "kind": "instant", "key": "placement"},
    "environment": {"promql": "", "unit": "seconds", "kind": "instant", "key": "camera"},
    "environment_confidence": {"promql": "", "unit": "ratio", "kind": "range", "key": "camera"},
}

PRESETS: Final[dict[str, dict[str, Row]]] = {"edgeshift": EDGESHIFT, "node_exporter": NODE_EXPORTER}
