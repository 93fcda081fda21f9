"""Services die with the bench, however it dies. All processes are those of the tests."""

import os
import subprocess
import sys

import psutil
import pytest

from benchmarks.model import Role
from benchmarks.orchestrators import services
from benchmarks.orchestrators.services import Services, clean_environment, end_leftovers

GONE_WITHIN_S = 5.0
DEADLINE_S = 30.0

# A service with a child, a child in a session of its own, and a daemon that forked twice.
FAMILY = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
note = lambda: open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
child = "import os, signal, sys; print(os.getpid(), file=open(sys.argv[1], 'a')); signal.pause()"
subprocess.Popen([sys.executable, "-c", child, sys.argv[1]])
subprocess.Popen([sys.executable, "-c", child, sys.argv[1]], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        note()
        signal.pause()
    os._exit(0)
note()
signal.pause()
"""
BENCH = """
import signal, sys
from pathlib import Path
from benchmarks.orchestrators import services
services.RUNS = Path(sys.argv[1])
started = services.Services(Path(sys.argv[1]))
started.start("family", [sys.executable, "-c", sys.argv[2], sys.argv[3]], environment={})
print("started", flush=True)
signal.pause()
"""


def until(true, timeout_s=DEADLINE_S):
    services.wait_until(true, timeout_s=timeout_s, because="what the test waits for", poll_s=0.02)


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def noted(file):
    return [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.fixture
def family(runs):
    """Return the file in which the four processes of a family write their ids."""
    file = runs / "family"
    yield file
    for pid in noted(file):
        if alive(pid):
            os.kill(pid, 9)


@pytest.fixture
def started(runs):
    """Return services that are ended with the test."""
    made = Services(runs)
    yield made
    made.stop_all(grace_s=0)


def start_family(started, file):
    service = started.start("family", [sys.executable, "-c", FAMILY, file], environment={})
    until(lambda: len(noted(file)) == 4)
    return service


@pytest.fixture
def bench(runs, family):
    """Start a bench as a process of its own, with a family below it."""
    command = [sys.executable, "-c", BENCH, str(runs), FAMILY, str(family)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    until(lambda: len(noted(family)) == 4)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_nothing_outlives_a_bench_that_is_killed(bench, family, runs):
    below = psutil.Process(bench.pid).children(recursive=True)
    bench.kill()
    bench.wait()

    until(lambda: not any(map(alive, noted(family))), GONE_WITHIN_S)
    until(lambda: not any(alive(process.pid) for process in below), GONE_WITHIN_S)
    assert len(below) >= 5


def test_after_a_kill_the_next_start_works(bench, family, started):
    bench.kill()
    bench.wait()
    until(lambda: not any(map(alive, noted(family))), GONE_WITHIN_S)
    family.unlink()
    service = start_family(started, family)

    assert service.running()


def test_a_stop_ends_all_that_a_service_started_also_what_detached_itself(started, family):
    service = start_family(started, family)
    started.stop("family", grace_s=0.1)

    assert not any(map(alive, [*noted(family), service.guard.pid]))
    started.stop("family")
    started.stop_all()
    assert started.pids(Role.CONTROL) == []


def test_a_killed_service_leaves_nobody(started, family):
    service = start_family(started, family)
    started.kill("family")

    assert not any(map(alive, [*noted(family), service.guard.pid]))


def test_what_a_service_left_behind_when_it_died_is_still_found(started, family):
    service = start_family(started, family)
    os.kill(service.pid, 9)
    until(lambda: not service.running())

    until(lambda: len(service.processes()) == 3)  # the dead are collected
    with pytest.raises(RuntimeError, match="family ended by itself"):
        started.check()
    started.stop_all(grace_s=0)
    assert not any(map(alive, noted(family)))


def test_leftovers_of_a_bench_that_lives_are_left_alone(started, family):
    service = start_family(started, family)

    assert end_leftovers() == 0
    assert service.running()
    assert end_leftovers(bench_too=True) == 1
    until(lambda: not any(map(alive, noted(family))), GONE_WITHIN_S)


def test_where_nothing_was_started_nothing_is_written(runs, monkeypatch):
    missing = runs / "missing"
    monkeypatch.setattr(services, "RUNS", missing)

    assert end_leftovers() == 0
    assert not missing.exists()


def test_other_benches_are_counted_and_the_own_services_are_not(started, family, runs):
    start_family(started, family)
    assert services.benches_beside() == 0
    noted_ = services.orjson.loads((runs / "guards.jsonl").read_bytes())
    other = services.orjson.dumps({**noted_, "bench": os.getpid() + 1})
    gone = services.orjson.dumps({**noted_, "bench": os.getpid() + 2, "created": 1.0})
    above = services.orjson.dumps({**noted_, "bench": os.getppid()})  # it waits for this one
    with (runs / "guards.jsonl").open("ab") as stream:
        stream.write(b"\n".join((other, other, gone, above)) + b"\n")

    assert services.benches_beside() == 1


def test_a_process_that_got_the_id_of_a_guard_is_left_alone(runs):
    bystander = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    line = {"pid": bystander.pid, "bench": 2**22 + 1, "created": 1.0}
    (runs / "guards.jsonl").write_bytes(services.orjson.dumps(line) + b"\n")
    ended = end_leftovers()
    lived = bystander.poll() is None
    bystander.kill()
    bystander.wait()

    assert (ended, lived) == (0, True)


def test_a_service_gets_nothing_of_our_environment_but_what_it_needs(started, monkeypatch):
    monkeypatch.setenv("ETL_SOURCE", "live")
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "99")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    service = started.start("env", ["/usr/bin/env"], environment={"ETL_VIDEOS": "7"})
    until(lambda: not service.running())
    seen = dict(line.split("=", 1) for line in service.log.read_text().splitlines())

    assert seen["ETL_VIDEOS"] == "7"
    assert set(seen) - {"ETL_VIDEOS", "PYTHONUNBUFFERED", *services.INHERITED} <= {"LC_CTYPE"}


def test_what_is_given_wins_over_what_is_inherited(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")

    assert clean_environment({"TZ": "UTC"})["TZ"] == "UTC"
    assert clean_environment({})["TZ"] == "Europe/Berlin"


def test_waiting_ends_with_the_last_error_at_the_deadline():
    def refused():
        raise ConnectionRefusedError("refused")

    with pytest.raises(TimeoutError, match="the source: not in 0.01 s; last: refused"):
        services.wait_until(refused, timeout_s=0.01, because="the source", poll_s=0.001)
