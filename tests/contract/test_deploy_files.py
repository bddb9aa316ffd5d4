"""What is shipped under deploy/ is safe by its own words, and names only ports, paths, flags and packages that there are."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from exporters.bridge.loading import parse
from exporters.cli import main as run_on_device
from exporters.options import parser, settings
from exporters.workload.listener import DEFAULT_SOCKET
from scripts.image_pins import device_pins
from tests.builders.contract import ROOT
from tests.builders.deploy import CONTAINERFILE, DEPLOY, KUBERNETES, SYSTEMD, Manifest, documents, final, instructions, manifest, pod, unit

EXPORTER_PORT, BRIDGE_PORT = 9750, 6432
NOBODY = 65532
PINS = (DEPLOY / "container/requirements.lock").read_text(encoding="utf-8")
PODS = {"exporter": ("DaemonSet", "edgeshift-exporter"), "bridge": ("Deployment", "edgeshift-bridge")}
UNITS = ("edgeshift-exporter.service", "edgeshift-bridge.service")
ONLY_ROOT = "socket-folder"
BRIDGE_TOML = tomllib.loads((KUBERNETES / "bridge/bridge.toml").read_text(encoding="utf-8"))


def containers(spec: Manifest) -> list[Manifest]:
    """All of a pod's, but the one that makes the socket's folder as root."""
    return [one for one in (*spec.get("initContainers", ()), *spec["containers"]) if one["name"] != ONLY_ROOT]


def pins() -> dict[str, str]:
    """Name to version, of what the image installs."""
    return dict(re.findall(r"(?m)^([a-z0-9.-]+)==([^\s;]+)", PINS))


@pytest.mark.parametrize("room", PODS)
def test_pods_may_do_nothing_that_they_need_not(room: str) -> None:
    spec = pod(*PODS[room])
    inside = spec["securityContext"]
    assert (inside["runAsNonRoot"], inside["runAsUser"], inside["runAsGroup"]) == (True, NOBODY, NOBODY)
    assert inside["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert not any(spec.get(word) for word in ("hostNetwork", "hostPID", "hostIPC", "serviceAccountName"))
    for container in containers(spec):
        may = container["securityContext"]
        assert may["capabilities"] == {"drop": ["ALL"]}
        assert (may["readOnlyRootFilesystem"], may["allowPrivilegeEscalation"]) == (True, False)
        assert not may.get("privileged") and "runAsUser" not in may
        assert "cpu" not in container["resources"]["limits"] and container["resources"]["limits"]["memory"]


def test_the_only_root_process_may_give_a_folder_away_and_sees_nothing_else() -> None:
    (container,) = pod(*PODS["exporter"])["initContainers"]
    may = container["securityContext"]
    assert container["name"] == ONLY_ROOT and may["runAsUser"] == 0
    assert may["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]} and may["readOnlyRootFilesystem"] is True
    assert [one["name"] for one in container["volumeMounts"]] == ["socket"]
    compile(container["command"][-1], "the init container", "exec")
    assert f"'{Path(DEFAULT_SOCKET).parent}', {NOBODY}, {NOBODY}" in container["command"][-1]


def test_the_host_is_read_and_only_the_sockets_folder_written() -> None:
    spec = pod(*PODS["exporter"])
    places = {one["name"]: one["hostPath"]["path"] for one in spec["volumes"]}
    assert places == {"host": "/", "socket": str(Path(DEFAULT_SOCKET).parent)}
    (container,) = spec["containers"]
    writable = {one["name"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert writable == {"socket"}
    assert spec["priorityClassName"] == "system-node-critical"


@pytest.mark.parametrize(("room", "port"), [("exporter", EXPORTER_PORT), ("bridge", BRIDGE_PORT)])
def test_everything_speaks_of_the_same_port(room: str, port: int) -> None:
    kind, name = PODS[room]
    (container,) = pod(kind, name)["containers"]
    ((listens),) = container["ports"]
    assert listens["containerPort"] == port
    assert {container[probe]["httpGet"]["port"] for probe in ("readinessProbe", "livenessProbe")} == {listens["name"]}
    policy = manifest("NetworkPolicy", name)["spec"]
    assert [one["port"] for rule in policy["ingress"] for one in rule["ports"]] == [port]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["podSelector"] == manifest(kind, name)["spec"]["selector"]
    assert str(port) in final("EXPOSE")[0].rest.split()


def test_prometheus_finds_the_exporter_at_its_node_and_senders_the_bridge_at_its_service() -> None:
    assert pod(*PODS["exporter"])["containers"][0]["ports"][0]["hostPort"] == EXPORTER_PORT
    service = manifest("Service", "edgeshift-bridge")["spec"]
    assert [one["port"] for one in service["ports"]] == [BRIDGE_PORT]
    assert service["selector"] == manifest(*PODS["bridge"])["spec"]["selector"]["matchLabels"]
    assert manifest("NetworkPolicy", "edgeshift-exporter")["spec"]["egress"] == []


def test_the_bridges_settings_are_understood_and_fit_its_pod(tmp_path: Path) -> None:
    settings = parse(BRIDGE_TOML, tmp_path)
    assert (settings.listen.host, settings.listen.port) == ("0.0.0.0", BRIDGE_PORT)
    spec = pod(*PODS["bridge"])
    mounts = {one["name"]: one["mountPath"] for one in spec["containers"][0]["volumeMounts"]}
    assert settings.state_file is not None and str(settings.state_file.parent) == mounts["state"]
    assert spec["containers"][0]["args"] == ["bridge", "--config", f"{mounts['settings']}/bridge.toml"]
    assert manifest(*PODS["bridge"])["spec"]["strategy"] == {"type": "Recreate"}  # the state file is one bridge's alone


def test_every_manifest_belongs_to_a_kustomization_and_every_patch_hits() -> None:
    for path in KUBERNETES.rglob("kustomization.yaml"):
        (kustomization,) = documents(path)
        beside = {entry.name for entry in path.parent.iterdir()} - {path.name, "components", "bridge.toml"}
        assert set(kustomization.get("resources", ())) == beside, path
        for patch in kustomization.get("patches", ()):
            for pointer in re.findall(r"path: (/\S+)", patch["patch"]):
                assert at(manifest(patch["target"]["kind"], patch["target"]["name"]), pointer) is not None


def at(document: Any, pointer: str) -> Any:
    """What a JSON pointer leads to; raises KeyError or IndexError where it leads nowhere."""
    for step in pointer.split("/")[1:]:
        document = document[int(step)] if isinstance(document, list) else document[step.replace("~1", "/")]
    return document


def test_pods_run_the_image_that_the_kustomization_names() -> None:
    (kustomization,) = documents(KUBERNETES / "kustomization.yaml")
    (image,) = kustomization["images"]
    used = {one["image"] for where in PODS.values() for one in (*pod(*where).get("initContainers", ()), *pod(*where)["containers"])}
    assert used == {image["name"]}
    assert image["newTag"] == tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


@pytest.mark.parametrize("command", ["exporter", "bridge"])
def test_flags_and_commands_exist(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        *(one["args"] for where in PODS.values() for one in pod(*where)["containers"]),
        *(unit(name)["ExecStart"][0].split()[1:] for name in UNITS),
        final("CMD")[0].words(),
    ]
    given = [words for words in lines if words[0] == command]
    assert len(given) >= 2
    assert run_on_device([command, "--help"]) == 0
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert {word for words in given for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize(
    ("kind", "name", "volume"), [("Deployment", "edgeshift-bridge", "state"), ("DaemonSet", "edgeshift-exporter", "socket")]
)
def test_the_volume_that_components_patch_is_the_second(kind: str, name: str, volume: str) -> None:
    assert pod(kind, name)["volumes"][1]["name"] == volume


def test_an_exporter_learns_its_device_from_the_environment_and_only_where_somebody_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "EDGESHIFT_DEVICE"
    (given,) = [one["env"] for one in pod(*PODS["exporter"])["containers"]]
    assert given == [{"name": name, "value": ""}]
    assert f"{name}=" in unit("edgeshift-exporter.service")["Environment"]
    (patch,) = documents(KUBERNETES / "components/node-is-device/kustomization.yaml")[0]["patches"]
    (replaced,) = yaml.safe_load(patch["patch"])
    assert replaced["path"].endswith("/env/0") and replaced["value"]["name"] == name
    for said, device in (("", None), ("edge-07", "edge-07")):
        monkeypatch.setenv(name, said)
        assert settings(parser().parse_args([])).device == device


@pytest.mark.parametrize("name", UNITS)
def test_units_are_hardened_and_bounded(name: str) -> None:
    service = unit(name)
    assert service["User"][0] not in ("", "root") and f"u {service['User'][0]} " in (SYSTEMD / "edgeshift-sysusers.conf").read_text()
    wanted = {"NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "ProtectSystem": "strict", "Restart": "on-failure"}
    assert {key: service[key][0] for key in wanted} == wanted
    assert service["MemoryMax"] and service["CPUWeight"] and service["TasksMax"]


def test_the_exporters_unit_sees_what_it_reads_and_yields_to_ai() -> None:
    service = unit("edgeshift-exporter.service")
    assert not {"ProtectProc", "ProcSubset", "PrivateNetwork", "PrivateDevices", "RootDirectory"} & service.keys()
    assert f"/run/{service['RuntimeDirectory'][0]}" == str(Path(DEFAULT_SOCKET).parent)
    assert f"d {Path(DEFAULT_SOCKET).parent} 0755 {NOBODY} {NOBODY}" in (SYSTEMD / "edgeshift-tmpfiles.conf").read_text()
    assert int(service["Nice"][0]) > 0 and int(service["CPUWeight"][0]) < 100 and int(service["OOMScoreAdjust"][0]) < 0
    assert f"LISTEN=0.0.0.0:{EXPORTER_PORT}" in service["Environment"]


def test_the_image_runs_as_a_number_and_needs_no_shell() -> None:
    (user,) = final("USER")
    assert user.rest == f"{NOBODY}:{NOBODY}"
    assert final("RUN") == []  # whatever is made is made where there is a shell and pip
    assert final("ENTRYPOINT")[0].words() == ["/opt/edgeshift/bin/edgeshift"]
    assert final("CMD")[0].words()[0] == "exporter"
    assert final("HEALTHCHECK")[0].words()[0].startswith("/opt/edgeshift/bin/")
    assert final("STOPSIGNAL")[0].rest == "SIGTERM"


def test_bases_are_arguments_with_a_python_that_is_supported() -> None:
    arguments = dict(one.rest.split("=", 1) for one in instructions() if one.stage == 0)
    assert [one.rest.split()[0] for one in instructions() if one.word == "FROM"] == ["${BUILDER}", "${BASE}"]
    assert arguments["BUILDER"] == "${BASE}"
    assert re.search(r"python:3\.(11|12|13)-slim$", arguments["BASE"])


def test_nothing_but_wheels_and_pins_goes_to_the_builder() -> None:
    ignored = (CONTAINERFILE.parent / ".containerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    assert "*" in ignored and "https://" not in CONTAINERFILE.read_text(encoding="utf-8")
    copied = [one.rest.split()[0] for one in instructions() if one.word == "COPY" and "--from" not in one.rest]
    assert len(copied) == len(allowed)
    for source in copied:
        assert any(fnmatch(f"{source}edgeshift-1.whl" if source.endswith("/") else source, pattern) for pattern in allowed), source
    assert (CONTAINERFILE.parent / "Containerfile.dockerignore").resolve() == (CONTAINERFILE.parent / ".containerignore").resolve()


def test_the_images_pins_are_those_of_the_lock() -> None:
    lock, project = ((ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "pyproject.toml"))
    assert device_pins(lock, project) == PINS
    assert "prometheus-client" in pins() and "aiohttp" in pins() and "numpy" not in pins()
    assert PINS.count("--hash=sha256:") >= len(pins())


def test_the_images_pins_need_nothing_that_is_not_pinned() -> None:
    for name in pins():
        for line in requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": "", "python_version": f"3.{minor}"}) for minor in (11, 12, 13)
            ):
                assert canonicalize_name(needed.name) in pins(), f"{name} needs {line}"


def test_a_dependency_that_the_lock_lacks_is_said() -> None:
    project = '[project]\ndependencies = ["nowhere>=1"]\n[project.optional-dependencies]\nbridge = []\n'
    with pytest.raises(ValueError, match=r"does not pin nowhere"):
        device_pins("aiohttp==1.0 \\\n    --hash=sha256:00\n    # via edgeshift\n", project)
