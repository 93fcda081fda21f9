"""The launcher that looks whether a run's process is alive."""

import os
import subprocess
import time

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus

from dagster_impl import launcher
from dagster_impl.launcher import HealthCheckedRunLauncher, began_at


@dg.job
def nothing():
    pass


@pytest.fixture
def checked():
    """Return a function that says how a run is of whose process the log says this pid."""
    with dg.DagsterInstance.ephemeral() as instance:
        ours = HealthCheckedRunLauncher()
        ours.register_instance(instance)

        def check(*pids):
            run = instance.create_run_for_job(nothing)
            for pid in pids:
                instance.report_engine_event(f"Started process for run (pid: {pid}).", run)
            return ours.check_run_worker_health(run).status

        yield check


@pytest.fixture
def gone():
    """Return the pid of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_run_monitoring_asks_this_launcher():
    assert HealthCheckedRunLauncher().supports_check_run_worker_health
    assert not dg.DefaultRunLauncher().supports_check_run_worker_health


def test_a_run_is_well_while_its_process_lives_and_before_it_has_one(checked):
    assert checked() is WorkerStatus.RUNNING
    assert checked(os.getpid()) is WorkerStatus.RUNNING


def test_a_run_whose_process_is_gone_is_given_time_until_it_could_be_retried(
    checked, gone, monkeypatch
):
    assert checked(gone) is WorkerStatus.RUNNING
    monkeypatch.setattr(launcher, "SETTLE_S", 0.0)
    assert checked(gone) is WorkerStatus.FAILED


def test_a_run_has_failed_when_its_last_process_is_gone(checked, gone, monkeypatch):
    monkeypatch.setattr(launcher, "SETTLE_S", 0.0)
    assert checked(gone) is WorkerStatus.FAILED
    assert checked(os.getpid(), gone) is WorkerStatus.FAILED
    assert checked(gone, os.getpid()) is WorkerStatus.RUNNING


def test_a_pid_that_is_another_process_by_now_is_not_the_runs(checked, monkeypatch):
    monkeypatch.setattr(launcher, "SETTLE_S", 0.0)
    monkeypatch.setattr(launcher, "began_at", lambda pid: time.time() + 60)

    assert checked(os.getpid()) is WorkerStatus.FAILED


def test_a_process_that_has_ended_and_was_not_waited_for_is_gone():
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert began_at(process.pid) is None
    process.wait()


def test_when_a_process_began_is_known_to_the_second():
    before = time.time()
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    began = began_at(process.pid)
    process.communicate()

    assert before - 1 <= began <= time.time() + 1
