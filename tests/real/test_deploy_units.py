"""What is shipped for systems that run it: systemd accepts the units, kustomize the manifests, and the health check tells the truth."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.builders.contract import ROOT
from tests.builders.deploy import KUBERNETES, SYSTEMD, final

pytestmark = pytest.mark.real

PATIENCE_SECONDS = 30.0
UNITS = ("edgeshift-exporter.service", "edgeshift-bridge.service")
HIGHEST_EXPOSURE = 20
"""In tenths: systemd's own judgement of what a unit may do, from 0 to 100; below 50 it says OK. Ours have 16 and 12."""

PROGRAM = "/opt/edgeshift/bin/edgeshift"
EXPORTER = "import sys; from exporters.cli import main; sys.exit(main(sys.argv[1:]))"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd-analyze, which needs no running systemd."""
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def with_program(unit: str, folder: Path) -> Path:
    """A copy of a unit whose program is there: verify wants to see it, and here it is not installed."""
    text = (SYSTEMD / unit).read_text(encoding="utf-8")
    assert PROGRAM in text
    copy = folder / unit
    copy.write_text(text.replace(PROGRAM, sys.executable), encoding="utf-8")
    return copy


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_every_line_of_a_unit(unit: str, tmp_path: Path) -> None:
    found = analyze("verify", "--man=no", str(with_program(unit, tmp_path)))
    assert (found.returncode, [line for line in found.stderr.splitlines() if unit in line]) == (0, [])


@needs_systemd
def test_verify_would_find_a_word_that_systemd_does_not_know(tmp_path: Path) -> None:
    copy = with_program(UNITS[0], tmp_path)
    copy.write_text(copy.read_text(encoding="utf-8").replace("NoNewPrivileges=", "NoNewPriviliges="), encoding="utf-8")
    assert "NoNewPriviliges" in analyze("verify", "--man=no", str(copy)).stderr


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_may_do_little(unit: str, tmp_path: Path) -> None:
    found = analyze("security", "--offline=true", f"--threshold={HIGHEST_EXPOSURE}", str(with_program(unit, tmp_path)))
    assert found.returncode == 0, found.stdout


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("components", [(), ("every-node", "prepared-nodes", "kept-state")], ids=["as it is", "with all components"])
def test_kustomize_builds_the_manifests(components: tuple[str, ...], tmp_path: Path) -> None:
    own = tmp_path / "overlay"
    own.mkdir()
    up = os.path.relpath(KUBERNETES, own.resolve())
    lines = ["kind: Kustomization", f"resources: [{up}]", f"components: [{', '.join(f'{up}/components/{one}' for one in components)}]"]
    (own / "kustomization.yaml").write_text("\n".join(lines), encoding="utf-8")
    built = subprocess.run(["kubectl", "kustomize", str(own)], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert built.returncode == 0, built.stderr
    documents = {one["kind"]: one for one in yaml.safe_load_all(built.stdout)}
    exporter = documents["DaemonSet"]["spec"]["template"]["spec"]
    assert exporter["containers"][0]["image"].startswith("registry.example/")
    assert ("kubernetes.io/arch" in exporter["nodeSelector"], "initContainers" in exporter) == (not components, not components)
    assert ("PersistentVolumeClaim" in documents) is bool(components)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def health(port: int) -> int:
    """What the image's health check says of a port, by the interpreter that runs here."""
    words = [sys.executable, *final("HEALTHCHECK")[0].words()[1:]]
    environment = {"EDGESHIFT_HEALTH_PORT": str(port)}
    return subprocess.run(words, env=environment, capture_output=True, timeout=PATIENCE_SECONDS, check=False).returncode


def test_the_health_check_says_whether_the_exporter_answers(tmp_path: Path) -> None:
    port = free_port()
    assert health(port) != 0
    words = ["exporter", "--listen", f"127.0.0.1:{port}", "--socket", str(tmp_path / "ai.sock")]
    process = subprocess.Popen([sys.executable, "-c", EXPORTER, *words], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while health(port) != 0 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert health(port) == 0
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
    assert health(port) != 0
