"""What CPU time goes to: sampled in real processes, added up from made-up stacks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.profiling import spent
from benchmarks.profiling.inside import sitecustomize
from benchmarks.profiling.spent import Sampled

BUSY = """
import os, threading, time
def burn(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(1000))
def burn_in_fork():
    burn(0.3)
child = os.fork()
if not child:
    burn_in_fork()
    os._exit(0)
os.waitpid(child, 0)
worker = threading.Thread(target=burn, args=(0.4,))
worker.start(); worker.join()
print(child, time.process_time())
"""


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    place = str(Path(sitecustomize.__file__).parent)
    env = {**os.environ, "PYTHONPATH": place, "ETL_PROFILE": str(folder)}
    told = subprocess.run(
        [sys.executable, "-c", BUSY],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    child, used = told.stdout.split()
    found = {it.pid: it for it in map(spent.read, folder.iterdir())}
    return found, int(child), float(used)


def seconds(sampled: Sampled, function: str) -> float:
    return sum(ns for stack, ns in sampled.stacks.items() if f"__main__:{function}" in stack) / 1e9


def test_a_process_accounts_for_all_of_its_cpu_time(sampled):
    found, child, used = sampled
    (parent,) = (it for pid, it in found.items() if pid != child)

    whole = sum(parent.stacks.values()) / 1e9
    assert whole == pytest.approx(used, rel=0.2)
    assert 0.5 * whole < seconds(parent, "burn") <= whole


def test_a_fork_that_runs_no_exit_handlers_has_a_file_of_its_own(sampled):
    found, child, _ = sampled

    assert found[child].parent in found
    whole = sum(found[child].stacks.values()) / 1e9
    assert 0.5 * whole < seconds(found[child], "burn_in_fork") <= whole


def test_a_line_that_was_cut_off_and_what_was_before_are_left_out(tmp_path):
    file = tmp_path / "7.folded"
    file.write_text("pid 3\na:f;b:g 10\na:f;b:g 5\na:f 2\nb:g 9")

    assert spent.read(file) == Sampled(7, 3, Counter({("a:f", "b:g"): 15, ("a:f",): 2}))
    first = len("pid 3\na:f;b:g 10\n")
    assert spent.read(file, begin=first).stacks["a:f", "b:g"] == 5
    assert spent.read(file, end=first).stacks["a:f", "b:g"] == 10


def test_what_is_no_sample_is_refused(tmp_path):
    file = tmp_path / "7.folded"
    file.write_text("a:f 3\n")

    with pytest.raises(ValueError, match=r"7\.folded does not begin"):
        spent.read(file)


def test_processes_are_named_by_what_started_them():
    parents = {10: 1, 11: 10, 12: 11, 13: 12, 20: 1, 21: 20, 30: 99}
    found = [Sampled(pid, parent, Counter()) for pid, parent in parents.items()]
    kinds = spent.kinds(found, {10: "scheduler", 20: "api-server"}, {11})

    assert {name: [it.pid for it in those] for name, those in kinds.items()} == {
        "scheduler": [10], "worker": [11], "task": [12, 13], "api-server": [20],
        "below api-server": [21], "others": [30],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stack", "package"),
    [
        (("__main__:<module>", "airflow.cli:main", "json:loads"), "airflow"),
        (("airflow.cli:main", "sqlalchemy.orm:query", "logging:info"), "sqlalchemy"),
        (("airflow.cli:main", "importlib._bootstrap:_load", "numpy:<module>"), spent.IMPORTS),
        (("__main__:<module>", "json:loads"), spent.INTERPRETER),
        (("(fork)",), spent.INTERPRETER),
        (("importlib._bootstrap:_load", "airflow_dags.chain:<module>", "airflow.dag:f"), "airflow"),
        (
            (
                "importlib._bootstrap:_load",
                "shared.x:<module>",
                "importlib._bootstrap:_load",
                "numpy:<module>",
            ),
            spent.IMPORTS,
        ),
    ],
)
def test_time_is_given_to_the_innermost_package(stack, package):
    assert spent.package(stack) == package


def test_of_functions_that_call_each_other_the_one_that_says_most_is_named():
    stacks = Counter({
        ("app:main", "app:loop", "app:work", "lib:parse"): 60,
        ("app:main", "app:loop", "app:work", "lib:send"): 35,
        ("app:main", "app:loop"): 5,
    })  # fmt: skip
    told = spent.heaviest(stacks)

    assert told == [("app:work", 95), ("lib:parse", 60), ("lib:send", 35)]


def test_a_recursion_counts_once():
    stacks = Counter({("app:walk", "app:walk", "app:walk"): 10})

    assert spent.heaviest(stacks) == [("app:walk", 10)]


def test_the_processes_of_a_kind_are_added_up():
    one = Sampled(1, 0, Counter({("app:main",): 3_000_000_000}))
    two = Sampled(2, 0, Counter({("app:main", "lib:f"): 1_000_000_000}))
    found = spent.spent("task", [one, two])

    assert (found.processes, found.cpu_s) == (2, 4.0)
    assert found.packages == (("app", 3.0), ("lib", 1.0))
    assert sum(s for _, s in found.packages) == found.cpu_s


def test_stacks_are_kept_as_flame_graph_programs_read_them():
    one = Sampled(1, 0, Counter({("a:f", "b:g"): 2_000_000, ("a:f",): 10}))

    assert spent.folded({"task": [one]}, 1000) == "task;a:f;b:g 2000\n"
