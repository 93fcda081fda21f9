"""The warehouse locked by another, and its server away: when it is due, and that it is undone."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from histories import history
from sqlalchemy.exc import OperationalError

from benchmarks import checks, workloads
from benchmarks.faults import database
from benchmarks.faults.database import (
    FillDisk,
    KillServer,
    LockWarehouse,
    file_of,
    may_mount,
)
from benchmarks.model import Outcome, Scene, State
from benchmarks.runner import run_trial
from benchmarks.sampling import Sampler
from benchmarks.scenarios import SCENARIOS, unsupported
from benchmarks.setups import SETUPS
from shared import warehouse

WAREHOUSE = KillServer("warehouse-killed", "written", of="warehouse")
LOAD = ((0, "submitted", ":k"), (1, "started", "load"))
WRITTEN = (*LOAD, (2, "written", "load"))
BARE = SETUPS["bare/process/default"]


def test_the_lock_is_due_when_a_load_begins():
    assert not LockWarehouse().due(history(LOAD[0]))
    assert LockWarehouse().due(history(*LOAD))


def test_the_server_is_killed_with_a_transaction_open():
    assert not WAREHOUSE.due(history(*LOAD))
    assert WAREHOUSE.due(history(*WRITTEN))


def test_a_load_that_ended_before_was_missed():
    hit = (3, "fault_injected", "load")

    assert WAREHOUSE.landed(history(*WRITTEN, hit, (4, "failed", "load")))
    assert not WAREHOUSE.landed(history(*WRITTEN, (2.5, "finished", "load"), hit))


@pytest.fixture
def world(warehouse_url, tmp_path):
    (tmp_path / "holds").mkdir()
    scene = Scene("r", workloads.WORKLOADS["complaints"])
    return SimpleNamespace(warehouse_url=warehouse_url, holds=tmp_path / "holds", scene=scene)


def test_nobody_else_writes_while_the_warehouse_is_locked(world):
    fault, told = LockWarehouse(), history(*LOAD)
    warehouse.empty(world.warehouse_url)
    fault.inject(world, told)
    with warehouse.engine(world.warehouse_url).connect() as other:
        other.exec_driver_sql("PRAGMA busy_timeout = 1")
        with pytest.raises(OperationalError, match="locked"):
            other.exec_driver_sql("BEGIN IMMEDIATE")
        other.exec_driver_sql("PRAGMA busy_timeout = 30000")
    fault.heal(world)
    fault.heal(world)

    warehouse.empty(world.warehouse_url)


class Server:
    def __init__(self):
        self.told = []

    def kill(self):
        self.told.append("kill")

    def start(self):
        self.told.append("start")


def test_the_server_that_was_killed_is_started_again_and_what_died_of_it(world):
    world.warehouse, world.orchestrator = Server(), Server()
    (world.holds / "armed").touch()
    struck = WAREHOUSE.inject(world, history(*WRITTEN))
    WAREHOUSE.heal(world)

    assert struck.step == "load"
    assert world.warehouse.told == ["kill", "start"]
    assert world.orchestrator.told == ["start"]
    assert list(world.holds.iterdir()) == []


def test_a_lock_shorter_than_a_writer_waits_is_not_noticed(stand_of):
    stand, workload = stand_of(), workloads.WORKLOADS["complaints"]
    scenario = replace(SCENARIOS["warehouse-locked"], fault=LockWarehouse(lasts_s=1.0))
    done = run_trial(stand, scenario, workload, "r", Sampler(stand.orchestrator.services))

    assert scenario.fault.landed(done.history)
    assert (done.state, done.ledger.complete) == (State.SUCCEEDED, True)


def test_a_disk_that_is_full_fails_a_load_and_loses_nothing(stand_of):
    if why := unsupported("disk-full", BARE):
        pytest.skip(why)
    stand, workload = stand_of(), workloads.WORKLOADS["complaints"]
    scenario = SCENARIOS["disk-full"]
    done = run_trial(stand, scenario, workload, "r", Sampler(stand.orchestrator.services))
    failures = [e.detail for e in done.history if (e.kind, e.step) == ("failed", "load")]
    file = file_of(stand)

    assert scenario.fault.landed(done.history)
    assert "disk is full" in failures[0]
    assert checks.outcome_of(done.state, done.history) is Outcome.RESUMED
    assert done.ledger.complete
    assert file.is_file() and not file.is_symlink()
    assert not file.with_name("disk").is_mount()


@pytest.mark.parametrize(("capabilities", "may"), [("000001ffffffffff", True), ("0", False)])
def test_who_may_mount_has_the_capability(tmp_path, capabilities, may):
    (tmp_path / "status").write_text(f"Name:\tx\nCapEff:\t{capabilities}\n")

    assert may_mount(tmp_path / "status") is may


def test_disks_of_a_bench_that_is_gone_are_taken_away_and_no_others(tmp_path, monkeypatch):
    runs, gone = tmp_path / "runs", []
    ours, dead = runs / f"run-1-{os.getpid()}" / "disk", runs / f"run-1-{2**22 + 1}" / "a" / "disk"
    places = (ours, dead, tmp_path / "other", Path("/"))
    mounts = tmp_path / "mounts"
    mounts.write_text("".join(f"tmpfs {place} tmpfs rw 0 0\n" for place in places))
    monkeypatch.setattr(database, "unmount", gone.append)

    assert database.unmount_leftovers(runs, mounts) == gone == [dead]


def test_a_load_that_did_not_fail_had_room():
    hit = (2, "fault_injected", "load")

    assert FillDisk().landed(history(*LOAD, hit, (3, "failed", "load")))
    assert not FillDisk().landed(history(*LOAD, hit, (3, "finished", "load")))


def test_a_warehouse_on_a_server_has_no_disk_of_its_own():
    assert "on SQLite" in unsupported("disk-full", BARE, "postgresql", "postgresql")


@pytest.mark.parametrize(
    ("metadata", "given", "why"),
    [
        ("postgresql", "sqlite", "no server"),
        ("postgresql", "postgresql", ""),
        ("sqlite", "postgresql://somebody@somewhere/else", "given"),
    ],
)
def test_only_a_server_of_the_benchs_own_is_killed(metadata, given, why):
    said = unsupported("warehouse-killed", BARE, metadata, given)

    assert (why in said) if why else said == ""
