"""What samples of CPU time say: by process, by package, by function. Pure but for the reading."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks.model import CODE

FOLDER = "profiles"  # beside the results
IMPORTS = "imports"
INTERPRETER = "Python itself"  # what no package called for
SHARE_FROM = 0.1  # of a process's time; smaller functions are not named
ALL_OF = 0.9  # a function that spends so much in one other is left out for that one
FUNCTIONS = 6
MACHINERY = ("importlib._bootstrap", "importlib._bootstrap_external")
# Modules whose bodies are the pipelines themselves: to run them is an engine's work, no import.
BODIES = (*CODE, "unusual_prefix_")  # the last is what Airflow calls a DAG's file
Stacks = Counter[tuple[str, ...]]  # CPU nanoseconds by frames, `module:function`, outermost first


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds of the processes of one kind in all trials together.

    `packages` are those whose functions were at work (`imports` when a module was being loaded);
    `functions` those with all that they call. Both are the greatest first.
    """

    process: str
    processes: int
    cpu_s: float
    packages: tuple[tuple[str, float], ...]
    functions: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """What some runs of a workload cost on a setup; `cpu_s` is what the kernel counted for them.

    What of it is not in `spent` was used by processes that are not Python, or that were killed
    before they had written.
    """

    setup: str
    workload: str
    runs: int
    steps: int  # of one run
    cpu_s: float | None
    spent: tuple[Spent, ...]


@dataclass(frozen=True, slots=True)
class Sampled:
    """What one process wrote: its parent, and its CPU time by stack."""

    pid: int
    parent: int
    stacks: Stacks


def read(file: Path, begin: int = 0, end: int | None = None) -> Sampled:
    """Return what a process wrote between two bytes; a line that is cut off is left out.

    Raises:
        ValueError: the file does not begin as one of a process does.

    """
    text = file.read_bytes()
    head = text.split(b"\n", 1)[0].split()
    if len(head) != 2 or head[0] != b"pid":
        raise ValueError(f"profile: {file.name} does not begin with `pid PARENT`")
    stacks: Stacks = Counter()
    for line in text[begin:end].decode(errors="replace").splitlines(keepends=True):
        where, _, spent = line.rpartition(" ")
        if line.endswith("\n") and where != "pid" and spent.strip().isdecimal():
            stacks[tuple(where.split(";"))] += int(spent)
    return Sampled(int(file.stem), int(head[1]), stacks)


def kinds(
    found: Iterable[Sampled], services: Mapping[int, str], workers: Iterable[int]
) -> dict[str, list[Sampled]]:
    """Group processes by what they are: a service, a worker, or what one of these has started."""
    named, workers = dict(services), set(workers)
    parents = {it.pid: it.parent for it in found}
    grouped: dict[str, list[Sampled]] = defaultdict(list)
    for it in found:
        grouped[_kind(it.pid, parents, named, workers)].append(it)
    return dict(grouped)


def _kind(
    pid: int, parents: Mapping[int, int], services: Mapping[int, str], workers: set[int]
) -> str:
    if pid in services:
        return services[pid]
    if pid in workers:
        return "worker"
    while pid in parents:
        pid = parents[pid]
        if pid in workers:
            return "task"
        if pid in services:
            return f"below {services[pid]}"
    return "others"


def spent(process: str, sampled: Sequence[Sampled]) -> Spent:
    """Add up the processes of one kind."""
    stacks: Stacks = Counter()
    for it in sampled:
        stacks.update(it.stacks)
    packages: Counter[str] = Counter()
    for stack, ns in stacks.items():
        packages[package(stack)] += ns
    total = sum(stacks.values())
    functions = [(name, ns / 1e9) for name, ns in heaviest(stacks)]
    by_package = tuple((name, ns / 1e9) for name, ns in packages.most_common() if ns)
    return Spent(process, len(sampled), total / 1e9, by_package, tuple(functions))


def package(stack: Sequence[str]) -> str:
    """Return whose code was at work: the innermost frame's that is not of the standard library.

    When a module of a package was being loaded, that is `imports`, whoever wanted it.
    """
    modules = [frame.partition(":")[0] for frame in stack]
    if any(it.startswith("(") for it in modules):
        return INTERPRETER
    if _loads(stack, modules):
        return IMPORTS
    tops = (it.partition(".")[0] for it in reversed(modules))
    return next((it for it in tops if it not in sys.stdlib_module_names and it != "__main__"),
                INTERPRETER)  # fmt: skip


def _loads(stack: Sequence[str], modules: Sequence[str]) -> bool:
    """Whether a module that is no pipeline's was being looked for, or its body was run."""
    begun = next((n for n, it in enumerate(modules) if it in MACHINERY), None)
    if begun is None:
        return False
    bodies = [it for it, frame in zip(modules[begun:], stack[begun:], strict=True)
              if frame.endswith(":<module>")]  # fmt: skip
    return not bodies or not all(it.startswith(BODIES) for it in bodies)


def heaviest(stacks: Stacks) -> list[tuple[str, int]]:
    """Return the functions that say most: much time, and not nearly all of it in one other."""
    total = sum(stacks.values())
    whole: Counter[str] = Counter()
    within: dict[str, Counter[str]] = defaultdict(Counter)
    for stack, ns in stacks.items():
        for name in dict.fromkeys(stack):
            whole[name] += ns
        for caller, called in _calls(stack):
            within[caller][called] += ns
    told = [
        (name, ns)
        for name, ns in whole.most_common()
        if ns >= SHARE_FROM * total and not _passes_on(within[name], ns) and _of_a_package(name)
    ]
    return told[:FUNCTIONS]


def _calls(stack: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return each pair of a function and what it called, once; the machinery is skipped."""
    plain = [name for name in stack if _of_a_package(name)]
    pairs = dict.fromkeys(zip(plain, plain[1:], strict=False))
    return (it for it in pairs if it[0] != it[1])


def _passes_on(called: Counter[str], ns: int) -> bool:
    return any(it >= ALL_OF * ns for it in called.values())


def _of_a_package(name: str) -> bool:
    module = name.partition(":")[0]
    top = module.partition(".")[0]
    return not module.startswith("(") and top not in sys.stdlib_module_names and top != "__main__"


def folded(grouped: Mapping[str, Sequence[Sampled]], least_ns: int) -> str:
    """Return the stacks as flame graph programs read them: `KIND;FRAME;... MICROSECONDS`."""
    lines = []
    for kind, sampled in grouped.items():
        stacks: Stacks = Counter()
        for it in sampled:
            stacks.update(it.stacks)
        lines += [f"{';'.join((kind, *stack))} {ns // 1000}"
                  for stack, ns in sorted(stacks.items()) if ns >= least_ns]  # fmt: skip
    return "\n".join(lines) + "\n"


def load(folder: Path) -> list[Profile]:
    """Return the profiles beside some results, by setup and workload."""
    return [
        _loaded(orjson.loads(it.read_bytes())) for it in sorted((folder / FOLDER).glob("*.json"))
    ]


def _loaded(told: dict[str, Any]) -> Profile:
    made = (
        Spent(
            it["process"], it["processes"], it["cpu_s"],
            *(tuple((name, s) for name, s in it[pairs]) for pairs in ("packages", "functions")),
        )
        for it in told["spent"]
    )  # fmt: skip
    return Profile(**{**told, "spent": tuple(made)})
