"""Pids on both sides of a container's wall, read from what the kernel says."""

import os
import socket
import subprocess
import sys

import psutil
import pytest

from benchmarks import processes
from benchmarks.sampling import Sampler, pss_mb
from shared.journal import Event

ID = "4f" * 32


@pytest.mark.parametrize(
    ("cgroups", "container"),
    [
        (f"0::/system.slice/docker-{ID}.scope\n", ID),
        (f"12:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/\n", ID),
        ("0::/user.slice/user-1000.slice/session-2.scope\n", ""),
        ("", ""),
    ],
)
def test_the_cgroup_of_a_process_names_its_container(cgroups, container):
    assert processes.container_in(cgroups) == container


@pytest.mark.parametrize(
    ("line", "pid"), [("NSpid:\t4711\t42\n", 42), ("NSpid:\t4711\n", 4711), ("Pid:\t4711\n", 0)]
)
def test_the_last_number_of_a_status_is_the_pid_in_the_container(line, pid):
    assert processes.innermost(f"Name:\tpython\n{line}VmPeak:\t1 kB\n") == pid


def test_a_process_is_alive_until_it_has_ended_also_before_its_parent_knows():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        event = Event(0, 0, "started", "r", pid=child.pid, host=socket.gethostname())
        before = processes.alive(event)
        child.stdin.close()
        psutil.wait_procs([psutil.Process(child.pid)])
        after = processes.alive(event)

    assert (before, after) == (True, False)


def test_an_event_of_this_host_has_the_pid_that_it_names():
    event = Event(at=0, wall=0, kind="started", run="r", pid=42, host=socket.gethostname())

    assert processes.pid_of(event) == 42


def test_a_process_of_a_container_that_is_gone_is_not_found():
    event = Event(at=0, wall=0, kind="started", run="r", pid=42, host="no-such-host")

    with pytest.raises(ProcessLookupError, match="process 42 of container no-such-host"):
        processes.pid_of(event)


def test_a_process_that_has_ended_is_in_no_container():
    assert processes.container_of(2**30) == ""
    assert processes.inner_pid(2**30) == 0


class Roots:
    """Processes that a test lists."""

    def __init__(self, *roots):
        self.listed = roots

    def roots(self):
        return self.listed

    def processes(self):
        return self.listed


def test_cpu_seconds_are_unknown_when_a_root_has_ended_or_none_is_seen():
    here = psutil.Process()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    group = Roots(here, psutil.Process(child.pid))
    with Sampler(group) as gone:
        child.communicate()
        group.listed = (here,)
    with Sampler(Roots()) as unseen:
        pass
    with Sampler(Roots(here)) as seen:
        sum(range(10_000))

    assert (gone.cpu, unseen.cpu) == (None, None)
    assert seen.cpu is not None


def test_cpu_seconds_of_a_database_that_was_started_anew_are_unknown():
    here, another = psutil.Process(), psutil.Process(os.getppid())
    database = Roots(another)
    with Sampler(Roots(here), database=database) as anew:
        database.listed = (here,)
    with Sampler(Roots(here), database=Roots(here)) as same:
        pass

    assert anew.usage()["metadata_cpu_s"] is None
    assert same.usage()["metadata_cpu_s"] >= 0


def test_memory_that_may_not_be_read_is_unknown():
    class Closed:
        def memory_full_info(self):
            raise psutil.AccessDenied

    assert pss_mb([psutil.Process(), Closed()]) is None
    assert pss_mb([]) is None
    assert pss_mb([psutil.Process()]) > 1
