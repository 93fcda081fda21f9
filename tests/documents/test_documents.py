"""The documents say what is there: commands, files, environments, locks."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from benchmarks.model import PIPELINES
from benchmarks.orchestrators.services import clean_environment
from benchmarks.scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BENCH_COMMANDS = re.search(r"## The bench\n\n```sh\n(.*?)```", README, re.S).group(1)
ALIKE = (*(f"{p}.py" for p in PIPELINES), "synthetic.py", "retries.py", "once.py", "README.md")
IMPLEMENTATIONS = ("airflow_dags", "prefect_impl", "dagster_impl")


def run(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env=clean_environment({}),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "command",
    [
        line.partition("#")[0].strip()
        for line in re.search(r"## The bench\n\n```sh\n(.*?)```", README, re.S)
        .group(1)
        .splitlines()
        if "--help" in line or line.startswith("make help") or " list" in line
    ],
)
def test_a_command_of_the_readme_that_starts_nothing_runs(command):
    done = run(command)

    assert done.returncode == 0, done.stderr


def test_every_make_target_of_the_readme_is_listed_by_make_help():
    listed = run("make help").stdout

    assert [t for t in re.findall(r"^make ([a-z-]+)", README, re.M) if t not in listed] == []


def test_every_bench_command_of_the_documents_is_a_command_of_the_bench():
    text = README + "".join(p.read_text() for p in (ROOT / "docs").glob("*.md"))
    offered = run(".venvs/bench/bin/bench --help").stdout

    named = set(re.findall(r"\bbench ([a-z]+)\b(?= |`|$|\n)", text)) & {
        *("doctor", "list", "setup", "verify", "run", "report", "replay"),
        *("up", "down", "library", "compare", "installation"),
    }
    assert [name for name in named if name not in offered] == []


def test_every_link_of_the_readme_leads_to_a_file():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)

    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("folder", IMPLEMENTATIONS)
@pytest.mark.parametrize("name", ALIKE)
def test_the_three_implementations_have_the_same_files(folder, name):
    assert (ROOT / folder / name).is_file()


@pytest.mark.parametrize("package", ["shared", "benchmarks"])
def test_library_and_bench_import_no_orchestrator(package):
    pattern = re.compile(r"^\s*(?:import|from) (?:prefect|airflow|dagster)\b", re.M)

    guilty = [f for f in (ROOT / package).rglob("*.py") if pattern.search(f.read_text())]

    assert guilty == []


def test_the_library_imports_nothing_of_the_bench():
    guilty = [
        f
        for f in (ROOT / "shared").glob("*.py")
        if re.search(r"import .*benchmarks", f.read_text())
    ]

    assert guilty == []


def test_every_dependency_of_the_project_is_locked_with_a_hash():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {
        environment: project["dependencies"] + extras[environment]
        for environment in ("bench", "airflow", "prefect", "dagster", "dlt")
    }

    missing = [
        (environment, name)
        for environment, requirements in wanted.items()
        for name in (re.match(r"[A-Za-z0-9-]+", r).group().lower() for r in requirements)
        if f"\n{name}==" not in (ROOT / f"requirements/{environment}.txt").read_text()
    ]

    assert missing == []


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("[a-z]*[a-z].txt")))
def test_a_lock_has_hashes_and_no_index_address(lock):
    text = lock.read_text()
    if lock.name.endswith("overrides.txt"):
        pytest.skip("an input of a lock, not a lock")

    assert "--hash=sha256:" in text
    assert "//" not in text


def test_the_example_environment_sets_no_secret():
    lines = (ROOT / ".env.example").read_text().splitlines()

    assert [line for line in lines if re.match(r"(GITHUB_TOKEN|YOUTUBE_API_KEY)=.", line)] == []


def test_every_scenario_is_a_value_of_the_command_line():
    offered = run(".venvs/bench/bin/bench list").stdout

    assert [name for name in SCENARIOS if name not in offered] == []


def test_the_example_environment_is_a_valid_one():
    done = run(
        "set -a; . ./.env.example; set +a; "
        ".venvs/bench/bin/python -c 'from shared.config import settings; print(settings().source)'"
    )

    assert (done.stdout.strip(), done.stderr) == ("standin", "")
