"""`make env`: secrets are made once, kept, and never shown."""

import stat
from pathlib import Path

import make_env

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"


def written(folder):
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_a_first_env_is_the_example_with_every_secret_set(tmp_path):
    (tmp_path / ".env.example").write_text(EXAMPLE.read_text())

    make_env.main(tmp_path)

    values = written(tmp_path)
    assert all(len(values[name]) >= 40 for name in make_env.SECRETS)
    assert len({values[name] for name in make_env.SECRETS}) == len(make_env.SECRETS)
    assert values["ETL_SOURCE"] == "standin"


def test_what_is_there_stays_and_what_is_missing_or_empty_is_added(tmp_path):
    (tmp_path / ".env").write_text("ETL_SOURCE=live\nWAREHOUSE_PASSWORD=mine\nAIRFLOW_JWT_SECRET=")

    make_env.main(tmp_path)

    values = written(tmp_path)
    assert (values["ETL_SOURCE"], values["WAREHOUSE_PASSWORD"]) == ("live", "mine")
    assert values["AIRFLOW_JWT_SECRET"]
    assert set(make_env.SECRETS) <= set(values)


def test_a_second_time_changes_nothing(tmp_path):
    (tmp_path / ".env.example").write_text(EXAMPLE.read_text())
    make_env.main(tmp_path)
    before = (tmp_path / ".env").read_text()

    make_env.main(tmp_path)

    assert (tmp_path / ".env").read_text() == before


def test_secrets_are_for_the_owners_eyes_and_not_printed(tmp_path, capsys):
    (tmp_path / ".env").write_text("ETL_SOURCE=standin\n")
    (tmp_path / ".env").chmod(0o644)

    make_env.main(tmp_path)

    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    said = capsys.readouterr().out
    assert [name for name, value in written(tmp_path).items() if value in said] == []
