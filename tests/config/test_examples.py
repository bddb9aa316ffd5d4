"""The examples in docs/examples are right, belong together, and show the defaults that the code has."""

from __future__ import annotations

from pathlib import Path

from decision_engine.catalog.store import YamlCatalogStore
from decision_engine.config import load_settings
from decision_engine.core.limits import Limits

EXAMPLES = Path(__file__).resolve().parents[2] / "docs/examples"


def test_the_settings_load_and_show_the_defaults() -> None:
    settings = load_settings(EXAMPLES / "edgeshift.example.yaml")
    limits = settings.limits
    assert Limits(limits.times, limits.overload, limits.foresight, limits.moving, limits.budget) == Limits()
    assert settings.catalog == EXAMPLES / "fleet.example.yaml"


def test_the_catalogue_loads_and_its_actuators_are_in_the_settings() -> None:
    settings = load_settings(EXAMPLES / "edgeshift.example.yaml")
    catalog, version = YamlCatalogStore(settings.catalog).load()
    assert version
    assert all(getattr(settings.actuators, cluster.actuator) is not None for cluster in catalog.clusters.values())
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
