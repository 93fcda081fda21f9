"""The size of an environment is that of its files, and what was measured is kept beside results."""

import os

import pytest

from benchmarks import installation, instruments
from benchmarks.installation import Installation
from benchmarks.orchestrators.services import environment_of


def test_a_file_with_two_names_counts_once_and_a_link_not_at_all(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a").write_bytes(b"x" * 1000)
    os.link(tmp_path / "lib" / "a", tmp_path / "b")
    (tmp_path / "c").symlink_to("b")
    (tmp_path / "outside").symlink_to("/usr")

    assert installation.size(tmp_path) == (1000, 1)


def test_an_environment_has_the_packages_of_its_lock():
    environment = environment_of("bench").parent
    lock = installation.ROOT / "requirements" / "bench.txt"
    locked = [line for line in lock.read_text().splitlines() if "==" in line and line[0].isalnum()]

    assert 0 < installation.packages(environment) <= len(locked)


def test_an_environment_that_is_not_installed_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.orchestrators.services.ROOT", tmp_path)

    assert installation.installed(["airflow"]) == []


def test_what_was_measured_is_kept_and_read_again(tmp_path):
    found = [Installation("airflow", 146, 292_000_000, 13_840, cold_s=21.5)]
    installation.save(tmp_path, found)

    assert installation.load(tmp_path) == {"airflow": found[0]}


def test_older_results_have_neither_installation_nor_instruments(tmp_path):
    assert installation.load(tmp_path) == {}
    assert instruments.load(tmp_path) is None


@pytest.mark.parametrize("module", [installation, instruments])
@pytest.mark.parametrize("text", ['[{"engine": "airflow"}]', "no json", '{"unknown": 1}'])
def test_a_file_that_is_something_else_is_named(tmp_path, module, text):
    (tmp_path / module.FILE).write_text(text)

    with pytest.raises(ValueError, match=module.FILE):
        module.load(tmp_path)


def test_an_engine_without_a_lock_cannot_be_installed(tmp_path):
    with pytest.raises(RuntimeError, match="uv pip failed"):
        installation.install_s("luigi", tmp_path / "environment", tmp_path / "cache")


def test_measuring_has_a_price_on_every_host(tmp_path, monkeypatch):
    monkeypatch.setattr(instruments, "MANY", 20)
    found = instruments.measure()
    instruments.save(tmp_path, found)

    assert found.event_us > 0
    assert found.probe_ms > 0
    assert instruments.load(tmp_path) == found
