"""Benches side by side: what they are asked for, what is told of them, and that they end."""

import sys
from types import SimpleNamespace

import psutil
import pytest

from benchmarks import side_by_side
from benchmarks.orchestrators import services

SAYS = "import sys, time; print('results: x'); print(sys.argv[1], flush=True); print('end')"
WAITS = "import signal; print('begun', flush=True); signal.pause()"


def asked(*setups, spared=()):
    scenarios = ("calm", "source-503", "power-lost")
    return SimpleNamespace(campaign="c", setups=setups, spared=spared, scenarios=scenarios)


BOTH = asked("bare/process/default", "airflow/local/default", "airflow/local/tuned")


@pytest.fixture
def programs(monkeypatch, runs):
    """Stand programs in for the benches, and return what the benches' guards are."""
    told, started, left = [], [], []
    real = services.Services.start

    def start(self, name, words, **more):
        started.append(real(self, name, words, **more))
        return started[-1]

    def stand_in(program):
        monkeypatch.setattr(
            side_by_side,
            "command",
            lambda plan, folder, setups: [sys.executable, "-c", program, *setups],
        )

    monkeypatch.setattr(side_by_side, "RUNS", runs)
    monkeypatch.setattr(side_by_side, "faults_left", lambda plan, folder: left)
    monkeypatch.setattr(services.Services, "start", start)
    return SimpleNamespace(stand_in=stand_in, told=told, started=started, left=left)


def test_each_engine_has_a_bench_for_the_faults_of_its_setups(tmp_path):
    lanes = side_by_side.by_engine(asked(*BOTH.setups, spared=("airflow/local/default",)))

    assert lanes == {"bare": ["bare/process/default"], "airflow": ["airflow/local/tuned"]}
    words = side_by_side.command(BOTH, tmp_path, lanes["airflow"])
    assert words[1:] == [
        *("run", "--resume", tmp_path, "--setups", "airflow/local/tuned"),
        *("--scenarios", "source-503,power-lost"),
    ]


def test_what_the_benches_say_is_told_and_what_each_repeats_is_not(programs, tmp_path, runs):
    programs.stand_in(SAYS)
    side_by_side.run(BOTH, tmp_path, programs.told.append, lambda *words: None)

    assert sorted(programs.told) == ["airflow/local/default", "bare/process/default", "end", "end"]
    assert not list(runs.glob("lanes-*"))


def test_trials_that_a_bench_left_out_are_an_error_that_says_how_to_go_on(programs, tmp_path):
    programs.stand_in(SAYS)
    programs.left.append("airflow-local-tuned-complaints-power-lost-1")

    with pytest.raises(RuntimeError, match=r"1 trials were not done, airflow.*--resume results/"):
        side_by_side.run(BOTH, tmp_path, programs.told.append, lambda *words: None)


def test_the_benches_end_with_the_one_that_started_them(programs, tmp_path):
    def stop(line):
        raise KeyboardInterrupt

    programs.stand_in(WAITS)
    with pytest.raises(KeyboardInterrupt):
        side_by_side.run(BOTH, tmp_path, stop, lambda *words: None)

    assert len(programs.started) == 2
    assert not any(psutil.pid_exists(it.pid) for it in programs.started)
