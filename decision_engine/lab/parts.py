"""The lab's child processes, each with its own command: Prometheus, Alertmanager, the engine, and this machine's exporter."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from actuators.process.settings import ProcessSettings
from decision_engine.config import load_settings
from decision_engine.evaluation.fleet import FLEET_CLUSTER, HOST_CLUSTER
from decision_engine.lab.children import Child, LabError, find_program, python_child
from decision_engine.lab.stage import Stage
from exporters.simulated.backfill import write_backfill
from exporters.simulated.plant import Plant
from exporters.simulated.stories import LENT_DEVICE_ID

BACKFILL_STEP_SECONDS = 2.0
"""Two samples fall into every rate window of the lab's one-second rhythm, as they must for a rate to exist."""
PROMTOOL_WITHIN_SECONDS = 60.0
"""It takes about a second; one that hangs must not hang the lab."""
JOB = "devices"
ALERT_RESEND_SECONDS = 5
"""What fires before Prometheus has found Alertmanager is lost until it is sent again: after a minute as shipped, half a story."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the programs that are not ours."""

    prometheus: str
    promtool: str
    alertmanager: str

    @staticmethod
    def find() -> Programs:
        """Look for all three.

        Raises:
            LabError: the first that is missing, with its Debian package and the variable that can point at another.
        """
        return Programs(
            find_program("EDGESHIFT_PROMETHEUS", ("prometheus",), "prometheus"),
            find_program("EDGESHIFT_PROMTOOL", ("promtool",), "prometheus"),
            find_program("EDGESHIFT_ALERTMANAGER", ("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager"),
        )


class Parts:
    """All children of one lab."""

    def __init__(self, stage: Stage, programs: Programs, lent_cores: float) -> None:
        directory, addresses = stage.directory, stage.addresses
        url = addresses.url
        self._stage, self._programs = stage, programs
        self.prometheus = Child("prometheus", (
            programs.prometheus, "--config.file=prometheus.yml", f"--storage.tsdb.path={stage.prometheus_data}",
            f"--web.listen-address=127.0.0.1:{addresses.prometheus_port}", "--storage.tsdb.retention.time=30d", "--log.level=warn",
            f"--rules.alert.resend-delay={ALERT_RESEND_SECONDS}s",
        ), directory, f"{url(addresses.prometheus_port)}/-/ready")  # fmt: skip
        self.alertmanager = Child("alertmanager", (
            programs.alertmanager, "--config.file=alertmanager.yml", "--storage.path=alertmanager-data", "--log.level=warn",
            f"--web.listen-address=127.0.0.1:{addresses.alertmanager_port}", "--cluster.listen-address=",
        ), directory, f"{url(addresses.alertmanager_port)}/-/ready")  # fmt: skip
        self.engine = python_child(
            "engine", ["serve", "--config", str(stage.config_path)], directory, f"{url(addresses.service_port)}/healthz"
        )
        self.exporter = python_child("exporter", [
            "exporter", "--listen", stage.host_address, "--socket", str(stage.socket), "--lent-cores", f"{lent_cores:g}",
            "--device", LENT_DEVICE_ID,
        ], directory, f"http://{stage.host_address}/healthz")  # fmt: skip

    @property
    def all(self) -> tuple[Child, ...]:
        """In the order in which they are stopped: who acts first, who is asked last."""
        return (self.engine, self.exporter, self.alertmanager, self.prometheus)

    async def backfill(self, plant: Plant, story_began: float) -> int:
        """Put the plant's past into Prometheus' storage; answers the number of samples.

        Raises:
            LabError: promtool refused it.
        """
        text, data = self._stage.directory / "past.om", self._stage.prometheus_data
        labels = {
            device.id: {"device": device.id, "cluster": _cluster_of(device.id), "job": JOB,
                        "instance": f"{device.address}:{self._stage.addresses.device_port}"}
            for device in plant.blueprint.devices
        }  # fmt: skip
        samples = await asyncio.to_thread(write_backfill, plant, text, story_began, labels, BACKFILL_STEP_SECONDS)
        data.mkdir(exist_ok=True)
        promtool = Child("promtool", (
            self._programs.promtool, "tsdb", "create-blocks-from", "openmetrics", "-q", str(text), str(data),
        ), self._stage.directory)  # fmt: skip
        await promtool.start()
        try:
            code = await promtool.ended(PROMTOOL_WITHIN_SECONDS)
        finally:
            await promtool.kill()
            text.unlink(missing_ok=True)
        if code:
            raise LabError(f"promtool refused the backfill: {promtool.last_words()}")
        return samples


def process_settings(stage: Stage) -> ProcessSettings:
    """What the engine's process actuator is told, for the lab's own first and last orders."""
    process = load_settings(stage.config_path).actuators.process
    assert process is not None
    return ProcessSettings(
        state_directory=process.state_directory, devices=(LENT_DEVICE_ID,), commands=process.commands, environment=process.environment,
        stop_grace_seconds=process.stop_grace_seconds, owner_pid=os.getpid(),
    )  # fmt: skip


def _cluster_of(device: str) -> str:
    return HOST_CLUSTER if device == LENT_DEVICE_ID else FLEET_CLUSTER
