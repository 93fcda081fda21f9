"""Samples what a Python process spends its CPU time on, from its start, its forks included.

Python imports this module by its name when the folder is on PYTHONPATH. It samples where
ETL_PROFILE names a folder: `PID.folded` there gets a line `pid PPID`, then lines `STACK NS`, frames
from the outermost on, and can be cut off at any time. It runs in every engine's environment: the
standard library alone.

A profiler that looks from outside sees the forks of a few tenths of a second late, and the wall
clock says nothing of a thread that waits. So each look gives every thread's stack the CPU time that
the kernel has counted for it since the last look (proc_pid_schedstat(5), nanoseconds). What is left
of the process's CPU time has a name of its own, so that the lines add up to all of it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time

PERIOD_S = 0.02
# Who waits for the interpreter gets it at the other's next input or output, or after this long: the
# 5 ms of the default would find every busy thread just about to read or write.
SWITCH_S = 0.0002
LEAST_NS = 500_000  # of CPU time since the last look, for another one
FLUSH_LOOKS = 10
START = "(start of the interpreter)"
REST = "(threads that have ended, or are not Python's)"
OWN = "(this profile)"
NAME = "profile"


class Profile:
    """The CPU time of this process, by stack."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.begin(START)

    def begin(self, first: str) -> None:
        """Start anew, at the start of a process or of a fork; `first` is what was before."""
        self.spent: dict[str, int] = {}
        self.clocks: dict[int, int] = {}  # native id of a thread -> its CPU time at the last look
        self.total = 0
        self.file = os.open(
            f"{self.folder}/{os.getpid()}.folded", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644
        )
        os.write(self.file, f"pid {os.getppid()}\n".encode())
        self.look(first)
        threading.Thread(target=self.keep_looking, name=NAME, daemon=True).start()

    def begin_in_fork(self) -> None:
        os.close(self.file)
        self.begin("(fork)")

    def keep_looking(self) -> None:
        for number in range(sys.maxsize):
            time.sleep(PERIOD_S)
            if time.process_time_ns() - self.total > LEAST_NS:
                self.look()
            if not number % FLUSH_LOOKS:
                self.flush()

    def look(self, instead: str = "") -> None:
        """Give each stack what its thread has used since the last look."""
        frames, given = sys._current_frames(), 0
        for ident, thread in list(threading._active.items()):  # type: ignore[attr-defined]
            # Before Python 3.12 a fork's main thread has the native id of its parent's.
            main = thread is threading.main_thread()
            used = self.since(os.getpid() if main else thread.native_id)
            if used > 0:
                own = thread.name == NAME
                self.add(instead or (OWN if own else stack(frames.get(ident))), used)
                given += used
        total = time.process_time_ns()
        self.add(instead or REST, total - self.total - given)
        self.total = total

    def since(self, native_id: int | None) -> int:
        try:
            with open(f"/proc/self/task/{native_id}/schedstat") as told:
                now = int(told.read().split()[0])
        except (OSError, IndexError):  # it has ended, before the file was opened or after
            return 0
        used = now - self.clocks.get(native_id or 0, 0)
        self.clocks[native_id or 0] = now
        return used

    def add(self, where: str, ns: int) -> None:
        if ns > 0:
            self.spent[where] = self.spent.get(where, 0) + ns

    def flush(self) -> None:
        spent, self.spent = self.spent, {}
        if spent:
            os.write(self.file, "".join(f"{it} {ns}\n" for it, ns in spent.items()).encode())

    def end(self) -> None:
        """Write what is left: called at the end of the process, also by `os._exit`."""
        with contextlib.suppress(Exception):
            self.look()
            self.flush()


def stack(frame: object) -> str:
    """Return a thread's frames as module and function, from the outermost on, without our own."""
    names = []
    while frame is not None:
        module = frame.f_globals.get("__name__", "?")  # type: ignore[attr-defined]
        if module != __name__:
            names.append(f"{module}:{frame.f_code.co_qualname}")  # type: ignore[attr-defined]
        frame = frame.f_back  # type: ignore[attr-defined]
    return ";".join(reversed(names)).replace(" ", "_") or REST


def start(folder: str) -> None:
    """Sample this process until it ends."""
    sys.setswitchinterval(SWITCH_S)
    profile, leave = Profile(folder), os._exit

    def ended(status: int) -> None:
        profile.end()
        leave(status)

    os._exit = ended  # type: ignore[assignment]  # what forks end with, which runs no `atexit`
    atexit.register(profile.end)
    os.register_at_fork(after_in_child=profile.begin_in_fork)


if os.environ.get("ETL_PROFILE"):
    start(os.environ["ETL_PROFILE"])
