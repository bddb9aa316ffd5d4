"""The catalogue feeds a real Prometheus (http_sd and file_sd), and the engine runs on what plain node_exporters say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.builders.prometheus_process import PrometheusProcess, running_prometheus, served_page, within
from tests.builders.serve_process import Serving, edgeshift, serving, write_settings

NODE_PAGE = """\
# TYPE node_memory_MemAvailable_bytes gauge
node_memory_MemAvailable_bytes 6e9
# TYPE node_memory_MemTotal_bytes gauge
node_memory_MemTotal_bytes 8e9
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 100
node_cpu_seconds_total{cpu="0",mode="user"} 50
"""
SCRAPE = "global: {scrape_interval: 500ms, scrape_timeout: 400ms}\n"


def one_device(directory: Path, address: str, **settings: Any) -> Path:
    """Settings and a catalogue of one Jetson at this address, with nothing to run."""
    directory.mkdir(exist_ok=True)
    catalog = {
        "schema": 1,
        "sites": [{"id": "north"}],
        "clusters": [{"id": "gate", "actuator": "simulated", "site": "north"}],
        "devices": [{"id": "jetson-01", "cluster": "gate", "address": address, "cores": 8.0, "memory_bytes": 8e9, "gpu": True}],
    }
    (directory / "fleet.yaml").write_text(yaml.safe_dump(catalog), encoding="utf-8")
    return write_settings(directory, **settings)


def device_seen(engine: Serving) -> dict[str, Any]:
    status, fleet = engine.get("/api/v1/fleet")
    return fleet["devices"][0] if status == 200 else {}


def labels_of(prometheus: PrometheusProcess) -> dict[str, str]:
    return {
        name: value
        for name, value in prometheus.wait_for("up{device!=''}", within_seconds=30.0)[0]["metric"].items()
        if name in ("device", "cluster")
    }


def test_targets_by_http_sd_and_an_engine_on_node_exporter_alone(tmp_path: Path) -> None:
    with served_page(NODE_PAGE) as page:
        config = one_device(tmp_path / "engine", page.address, signals={"preset": "node_exporter"})
        listen = yaml.safe_load(config.read_text(encoding="utf-8"))["service"]["listen"]
        discovery = f"  - job_name: devices\n    http_sd_configs: [{{url: 'http://{listen}/api/v1/targets', refresh_interval: 1s}}]\n"
        with running_prometheus(tmp_path / "prometheus", SCRAPE + "scrape_configs:\n" + discovery) as prometheus:
            document = yaml.safe_load(config.read_text(encoding="utf-8"))
            document["prometheus"]["url"] = prometheus.url
            config.write_text(yaml.safe_dump(document), encoding="utf-8")
            with serving(config) as engine:
                assert labels_of(prometheus) == {"device": "jetson-01", "cluster": "gate"}
                assert within(20.0, lambda: device_seen(engine).get("load", {}).get("memory", {}).get("quality") == "fresh"), device_seen(
                    engine
                )
                load = device_seen(engine)["load"]
                assert load["memory"]["ratio"] == 0.25
                assert "gpu" not in load  # unknown, and nothing is said of it


def test_targets_by_file_sd_outlive_the_service(tmp_path: Path) -> None:
    with served_page(NODE_PAGE) as page:
        config = one_device(tmp_path / "engine", page.address)
        written = edgeshift("catalog", "targets", "--config", str(config), "--output", str(tmp_path / "prometheus-targets.json"))
        assert written.code == 0, written.err
        text = (
            SCRAPE
            + f"scrape_configs:\n  - job_name: devices\n    file_sd_configs: [{{files: ['{tmp_path / 'prometheus-targets.json'}']}}]\n"
        )
        with running_prometheus(tmp_path / "prometheus", text) as prometheus:
            assert labels_of(prometheus) == {"device": "jetson-01", "cluster": "gate"}
