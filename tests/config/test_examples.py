"""The examples in docs/examples are right, belong together, and show the defaults that the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_engine.catalog.store import YamlCatalogStore
from decision_engine.check import run_checks
from decision_engine.config import load_settings
from decision_engine.core.limits import Limits
from decision_engine.policies import POLICIES
from decision_engine.wiring import actuators_of

EXAMPLES = Path(__file__).resolve().parents[2] / "docs/examples"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Both files, copied as their first lines say; the settings."""
    for name in ("edgeshift", "fleet"):
        text = (EXAMPLES / f"{name}.example.yaml").read_text(encoding="utf-8")
        assert f"to {name}.yaml" in text
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "edgeshift.yaml"


def test_the_settings_load_and_show_the_defaults(copied: Path) -> None:
    settings = load_settings(copied)
    limits = settings.limits
    assert Limits(limits.times, limits.overload, limits.foresight, limits.moving, limits.budget) == Limits()
    assert settings.catalog == copied.parent / "fleet.yaml"
    assert set(limits.autonomy) == {policy.scenario for policy in POLICIES}


def test_the_command_that_the_first_lines_name_has_nothing_to_say_against_the_copies(copied: Path) -> None:
    unreachable = copied.read_text(encoding="utf-8").replace("http://127.0.0.1:9090", "http://127.0.0.1:1")
    copied.write_text(unreachable, encoding="utf-8")
    assert "edgeshift check --config edgeshift.yaml" in unreachable
    assert {line.subject for line in run_checks(copied) if not line.ok} == {"Prometheus"}


def test_the_catalogue_loads_and_its_actuators_are_in_the_settings(copied: Path) -> None:
    settings = load_settings(copied)
    catalog, version = YamlCatalogStore(settings.catalog).load()
    assert version
    assert set(actuators_of(settings, catalog)) == {cluster.actuator for cluster in catalog.clusters.values()}
    assert [workload.id for workload in catalog.workloads.values() if catalog.version_of(workload) is None] == []
    assert settings.actuators.process is not None
    assert set(settings.actuators.process.commands) == set(catalog.packages)


def test_what_is_commented_out_is_right_too(tmp_path: Path) -> None:
    text = (EXAMPLES / "edgeshift.example.yaml").read_text(encoding="utf-8")
    keys = ("# bearer_token_file:", "# journal_url:", "# tokens_file:", "# simulated:", "# directory:", "# overrides:", "#   cpu:")
    for key in keys:
        assert key in text
        text = text.replace(key, key.replace("# ", "", 1).replace("#", " ", 1))
    (tmp_path / "edgeshift.yaml").write_text(text, encoding="utf-8")
    token = tmp_path / "prometheus.token"
    token.write_text("t" * 20, encoding="utf-8")
    token.chmod(0o600)
    settings = load_settings(tmp_path / "edgeshift.yaml")
    assert settings.journal_url == f"sqlite:///{settings.state_directory}/journal.db"
    assert settings.recorder.directory == settings.state_directory / "recorder"
    assert settings.actuators.simulated is not None
    assert settings.signals.overrides["cpu"]["promql"] == 'edge_cpu_usage_ratio{scope="host"}'
