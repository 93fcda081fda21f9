"""The command line of the bench."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from benchmarks import campaign as campaigns
from benchmarks import (
    installation,
    plans,
    profiles,
    results,
    side_by_side,
    stack,
    stack_in_containers,
)
from benchmarks import library as libraries
from benchmarks import replay as replaying
from benchmarks import verify as verifying
from benchmarks.faults.database import unmount_leftovers
from benchmarks.known_bad import CASES
from benchmarks.model import ENGINES, PIPELINES, Setup
from benchmarks.orchestrators.postgres import masked
from benchmarks.orchestrators.services import (
    ROOT,
    RUNS,
    end_leftovers,
    environment_of,
)
from benchmarks.profiling.profiled_runs import profile as profiled
from benchmarks.profiling.spent import FOLDER as PROFILES
from benchmarks.profiling.spent import Profile
from benchmarks.scenarios import GROUPS, SCENARIOS, unsupported
from benchmarks.setups import ABLATION, COMPOSED, ORDINARY, SETUPS, chosen, meant, setup_of
from benchmarks.workloads import WORKLOADS, named

TABLE_WIDTH = 160

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Run the same pipelines on Airflow, Prefect and Dagster, hurt them, measure them.",
    epilog="A first run: `bench doctor`, `bench verify`, `bench run`, `bench report`.",
)
# What is not a terminal has no width, and would cut tables off at 80 columns.
console = Console(
    soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else TABLE_WIDTH
)

ALL_PIPELINES = ",".join(PIPELINES)
ALL_SCENARIOS = ",".join(SCENARIOS)

Metadata = Annotated[
    str,
    typer.Option(
        help="Metadata database of the engines: postgresql (an embedded server), sqlite, or the"
        " URL of a PostgreSQL server."
    ),
]
Warehouse = Annotated[
    str, typer.Option(help="The pipelines' warehouse: sqlite, postgresql (embedded), or a URL.")
]
Setups = Annotated[
    str,
    typer.Option(
        help="Setups, comma-separated; a prefix is enough: airflow/local,prefect/process/tuned."
        f" When not given: {','.join(ORDINARY)}"
    ),
]
Pipelines = Annotated[str, typer.Option(help=f"Pipelines: {ALL_PIPELINES}")]
Target = Annotated[
    str,
    typer.Option(
        envvar="BENCH_TARGET",
        help="What is driven: local (processes that the bench starts), compose (containers that it"
        " brings up and takes down), or network (what is up, by `docker compose run --rm bench`).",
    ),
]
# By target: what stands for the metadata database and the warehouse, which containers bring along.
TARGETS = {"local": "", "compose": stack.CONTAINERS, "network": stack.NETWORK}


def main() -> None:
    """Run the command line; a failure that a person can act on is a sentence, not a traceback."""
    signal.signal(signal.SIGTERM, _terminated)
    # A shell starts its background commands with SIGINT ignored; this one must be stoppable, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app()
    except SystemExit as end:
        if end.code == 130:  # Ctrl-C
            console.print("stopped; every service was ended")
        raise
    except (OSError, RuntimeError, LookupError) as error:
        console.print(f"bench: {error}", markup=False)
        sys.exit(1)


def _tidy_up() -> None:
    """End, and take away, what a bench that is gone has left."""
    end_leftovers()
    unmount_leftovers(RUNS)


def _terminated(*_: object) -> None:
    """End once, with all that is cleaned up on the way: a second signal would cut that off."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


@app.command()
def doctor() -> None:
    """Say whether this machine can run the bench, and what is missing."""
    checks = [
        ("Linux", sys.platform == "linux", "processes are watched through /proc: Linux is needed"),
        ("Python 3.11 to 3.13", (3, 11) <= sys.version_info[:2] <= (3, 13), sys.version),
        ("2 cores", (os.cpu_count() or 1) >= 2, "figures of one core say little"),
        ("4 GB of free memory", psutil.virtual_memory().available > 4e9, "an engine takes up to 2"),
        ("3 GB of free disk", shutil.disk_usage(ROOT).free > 3e9, str(ROOT)),
        ("1-minute load below 1", os.getloadavg()[0] < 1, f"{os.getloadavg()[0]:.1f}: noisy"),
        *((f"environment {name}", _installed(name), "run `make setup`") for name in _ENVIRONMENTS),
    ]
    for name, holds, hint in checks:
        console.print(f"{'ok     ' if holds else 'MISSING'} {name}{'' if holds else ': ' + hint}")
    raise typer.Exit(0 if all(holds for _, holds, _ in checks[:2] + checks[-4:]) else 1)


_ENVIRONMENTS = ("bench", *(name for name in ENGINES if name != "bare"))


def _installed(environment: str) -> bool:
    try:
        return bool(environment_of(environment))
    except FileNotFoundError:
        return False


@app.command(name="list")
def list_() -> None:
    """List setups, pipelines and their workloads, scenarios, known-bad pipelines and profiles."""
    for setup in (*SETUPS.values(), *ABLATION.values()):
        tuned = f"{len(setup.settings)} settings are not as shipped"
        console.print(f"setup     {setup.name:28} {tuned}; a step is {setup.task}")
    for workload in WORKLOADS.values():
        console.print(f"pipeline  {workload.pipeline:28} {', '.join(workload.keys)}")
    for group, scenarios in GROUPS.items():
        for scenario in scenarios:
            console.print(f"scenario  {scenario.name:28} {group}: {scenario.title}")
    for case in CASES.values():
        console.print(f"known-bad {case.name:28} {case.harm} Caught by the check {case.check}.")
    for name, profile in profiles.PROFILES.items():
        behind = ", then faults" if profile.fault_rounds else ""
        minutes = f"at most {profile.budget_s / 60:g} minutes"
        took = minutes if math.isfinite(profile.budget_s) else "as long as they take"
        console.print(f"profile   {name:28} calm trials, {took}{behind}")


@app.command()
def setup() -> None:
    """Install what is missing of the environments (the same as `make setup`)."""
    raise typer.Exit(subprocess.run(["make", "setup"], cwd=ROOT).returncode)


@app.command()
def verify(
    setups: Setups = "",
    variant: Annotated[
        str,
        typer.Option(
            help="Of these setups: default, tuned or both; default when not given, or what the"
            " setups' names say."
        ),
    ] = "",
    pipelines: Pipelines = ALL_PIPELINES,
    metadata: Metadata = stack.EMBEDDED,
    warehouse: Warehouse = stack.SQLITE,
    target: Target = "local",
    recorded: Annotated[
        Path | None, typer.Option(help="Replay the recorded complaint pages of this folder.")
    ] = None,
) -> None:
    """Check that each pipeline on each engine ends with exactly the source's rows.

    The warehouse of what it drives is emptied: only then does the truth say what must be in it.
    """
    _tidy_up()
    asked_for = _of_target(target, _listed(setups), ORDINARY)
    which = _of_variant(asked_for, variant, named=_listed(setups))
    metadata, warehouse = TARGETS[target] or metadata, TARGETS[target] or warehouse
    asked = [WORKLOADS[p] for p in _known("pipeline", pipelines, PIPELINES)]
    truth = None
    if recorded is not None and target != "local":
        raise LookupError("recorded pages are replayed by the local source: leave --target out")
    if recorded is not None:
        from benchmarks import recording

        asked = [recording.workload(recorded)]
        rows = recording.expected(recorded)
        truth = lambda workload: rows  # noqa: E731
    found = verifying.verify(
        which,
        asked,
        metadata=metadata,
        warehouse=warehouse,
        say=say,
        recorded=recorded,
        truth=truth,
    )
    wrong = [f"{v.setup} {v.pipeline}: {p}" for v in found for p in v.problems]
    wrong += verifying.disagreements(found)
    console.print(_hashes(which, found))
    for sentence in wrong:
        console.print(f"WRONG {sentence}", markup=False)
    if not wrong:
        console.print(f"All {len(found)} warehouses equal the ground truth, row by row.")
    raise typer.Exit(1 if wrong else 0)


def _of_variant(found: list[Setup], variant: str, named: tuple[str, ...]) -> list[Setup]:
    """Return the setups of a variant; a setup whose whole name was given is of the right one.

    Raises:
        LookupError: there is none.

    """
    wanted = variant or "default"
    kept = [s for s in found if wanted in ("both", s.variant) or (not variant and s.name in named)]
    if not kept:
        there = ", ".join(s.name for s in found)
        raise LookupError(f"none of these setups is {wanted}: {there}; see --variant")
    return kept


def _of_target(target: str, names: tuple[str, ...], ordinary: tuple[str, ...]) -> list[Setup]:
    """Return the setups of these names that a target has; its ordinary ones when none is given.

    Raises:
        LookupError: it has none of them.

    """
    _known("target", target, tuple(TARGETS))
    usual = ordinary if target == "local" else COMPOSED
    found = [s for s in chosen(names or usual) if (s.name in COMPOSED) == (target != "local")]
    if target == "network":
        up = stack_in_containers.up()
        found = [s for s in found if s.engine in up]
    if target == "network" and not found:
        raise LookupError("no engine is up in this network: start one, and call this again")
    if not found:
        what = ", ".join(names) or "an engine"
        raise LookupError(f"{what}: not to be driven with --target {target}; see `bench list`")
    return found


def _hashes(setups: list[Setup], found: list[verifying.Verified]) -> Table:
    table = Table("pipeline", *(s.name for s in setups), title="Content hashes of the warehouses")
    for pipeline in dict.fromkeys(v.pipeline for v in found):
        digests = {v.setup: v.digest[:12] for v in found if v.pipeline == pipeline}
        table.add_row(pipeline, *(digests[s.name] for s in setups))
    return table


@app.command()
def run(
    part: Annotated[
        str,
        typer.Argument(help=f"A part of it: {', '.join(profiles.PARTS)}. All when not given."),
    ] = "",
    profile: Annotated[
        str,
        typer.Option(
            help=f"How much: {', '.join(profiles.PROFILES)}; quick, or what suits the part, when"
            " not given."
        ),
    ] = "",
    setups: Setups = "",
    workloads: Annotated[
        str,
        typer.Option(
            help=f"Workloads: {ALL_PIPELINES},chain-50,fanout-10-busy-100,fib_40_10,idle-60."
            " The profile's when not given."
        ),
    ] = "",
    scenarios: Annotated[
        str,
        typer.Option(help=f"Scenarios: {','.join(SCENARIOS)}. The profile's when not given."),
    ] = "",
    repetitions: Annotated[
        int | None,
        typer.Option(help="Repetitions; the profile's, within its time, when not given."),
    ] = None,
    control: Annotated[
        bool | None,
        typer.Option(
            help="Run some setups twice and compare the two (A/A); the profile's when not given."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the order of the trials.")] = 1,
    metadata: Metadata = stack.EMBEDDED,
    warehouse: Warehouse = stack.SQLITE,
    target: Target = "local",
    beside: Annotated[
        bool | None,
        typer.Option(
            "--side-by-side/--one-by-one",
            help="Whether the engines have their faults at the same time, each in a bench of its"
            " own, when the calm trials are done: most of that time is waiting, and their rows say"
            " so. Side by side when not given, but for containers and given servers.",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Go on with the campaign of this results folder; with --setups or --scenarios,"
            " with these alone, with --repetitions, until there are so many, with --workloads, with"
            " these, too."
        ),
    ] = None,
) -> None:
    """Run a campaign: every trial is saved when it is done, below results/."""
    _tidy_up()
    if target == "network":
        raise LookupError("a campaign starts and hurts containers: run it on their host")
    if resume is not None:
        folder = resume.resolve()
        plan = plans.load(folder)
        if repetitions is not None:
            plan = plans.more(plan, repetitions)
        plan = plans.wider(plan, _listed(workloads))
        metadata, warehouse = _resumed(plan, metadata, warehouse)
        if beside is not None:
            able = _side_by_side(beside, plan.setups, metadata, warehouse)
            plan = replace(plan, side_by_side=able)
        lane = _lane(plan, _listed(setups), scenarios)
    else:
        lane = plans.Lane()
        profile = profile or profiles.profile_for(part)
        usual = profiles.asked_for(profile, part, contained=target == "compose")
        names = tuple(s.name for s in _of_target(target, _listed(setups), usual.setups))
        metadata, warehouse = TARGETS[target] or metadata, TARGETS[target] or warehouse
        folder = results.new_folder(ROOT, socket.gethostname())
        plan = plans.plan(
            folder.name,
            profile,
            setups=names,
            control=profiles.control_of(profile, names, control),
            known_bad=tuple(CASES),
            workloads=_workloads(usual, workloads),
            scenarios=_scenarios(usual, scenarios, names, metadata, warehouse),
            spared=() if part or scenarios or setups else profiles.profile_of(profile).spared,
            once=() if setups else profiles.profile_of(profile).once,
            brief=() if part or workloads or setups else profiles.profile_of(profile).brief,
            seed=seed,
            metadata=metadata,
            warehouse=warehouse,
            repetitions=profiles.repetitions_of(profile, part, repetitions),
            side_by_side=_side_by_side(beside, names, metadata, warehouse),
            command=shlex.join(["bench", *sys.argv[1:]]),
        )
    console.print(f"results: {_shown(folder)}")
    _say_unsupported(plan)
    with _progress() as progress:
        apart = plan.side_by_side and lane == plans.Lane()
        campaigns.run(
            plan,
            folder,
            say,
            progress,
            metadata=metadata,
            warehouse=warehouse,
            lane=plans.Lane(scenarios=(results.CALM,)) if apart else lane,
        )
        if apart and plans.hurts(plan):
            side_by_side.run(plan, folder, partial(console.print, markup=False), progress)
    results.point_latest(ROOT, folder)
    problems = results.problems(folder)
    for problem in problems:
        console.print(f"WRONG {problem}", markup=False)
    raise typer.Exit(1 if problems else 0)


def _say_unsupported(plan: plans.Plan) -> None:
    """Say which scenarios are left out on which setups, and why."""
    for scenario, reasons in plans.lacking(plan).items():
        for why in dict.fromkeys(reasons.values()):
            names = ", ".join(name for name, it in reasons.items() if it == why)
            console.print(f"unsupported: {scenario} on {names}: {why}")


def _workloads(usual: profiles.Part, asked: str) -> tuple[str, ...]:
    for name in _listed(asked):
        named(name)  # raises, with what there is
    return _listed(asked) or usual.workloads


def _scenarios(
    usual: profiles.Part, asked: str, setups: Sequence[str], metadata: str, warehouse: str
) -> tuple[str, ...]:
    """Return the scenarios asked for, or else those of the part or profile that can be done."""
    if asked:
        return _known("scenario", asked, tuple(SCENARIOS))
    return tuple(
        name
        for name in usual.scenarios
        if not all(unsupported(name, setup_of(s), metadata, warehouse) for s in setups)
    )


def _lane(plan: plans.Plan, asked: tuple[str, ...], scenarios: str) -> plans.Lane:
    """Return the setups of a campaign whose names begin so, and those of its scenarios.

    Raises:
        LookupError: it has none of them.

    """
    found = tuple(meant(asked, plan.setups))
    if asked and not found:
        raise LookupError(f"this campaign has none of these; it has: {', '.join(plan.setups)}")
    return plans.Lane(found if asked else (), _known("scenario", scenarios, plan.scenarios))


def _side_by_side(asked: bool | None, setups: Sequence[str], metadata: str, warehouse: str) -> bool:
    """Say whether the engines have their faults at the same time; nobody else's server is shared.

    Raises:
        LookupError: it was asked for, and cannot be.

    """
    able = all(it in (stack.EMBEDDED, stack.SQLITE) for it in (metadata, warehouse))
    if asked and not able:
        raise LookupError("--side-by-side is for processes and databases of the bench's own alone")
    return able and asked is not False and len({setup_of(it).engine for it in setups}) > 1


def _resumed(plan: plans.Plan, metadata: str, warehouse: str) -> tuple[str, str]:
    """Return where an earlier campaign's databases are; passwords must be given again."""
    for name, planned, given in (
        ("metadata", plan.metadata, metadata),
        ("warehouse", plan.warehouse, warehouse),
    ):
        if "://" in planned and masked(given) != planned:
            raise LookupError(f"this campaign uses {planned}: give it again with --{name}")
    return (
        metadata if "://" in plan.metadata else plan.metadata,
        warehouse if "://" in plan.warehouse else plan.warehouse,
    )


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show which trial of how many is going on; without a terminal the lines say enough."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as display:
        task = display.add_task("starting")
        yield lambda what, n, of: display.update(task, description=what, completed=n, total=of)


@app.command()
def report(
    folder: Annotated[
        Path, typer.Argument(help="A results folder; the latest when not given.")
    ] = ROOT / "results" / "latest",
    others: Annotated[
        list[Path] | None,
        typer.Argument(
            help="More folders, of the same versions: workloads and scenarios that the first does"
            " not have are taken from them, each from one alone."
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Where to write; into the first folder when not given.")
    ] = None,
) -> None:
    """Make report.html and report.md from the results alone."""
    from benchmarks import report as reports  # charts and statistics: two seconds to import

    folder = folder.resolve()
    reports.build(folder, ROOT, [it.resolve() for it in others or ()], to)
    console.print(f"report: {_shown((to or folder).resolve() / 'report.html')}")


@app.command()
def replay(
    trial: Annotated[
        str, typer.Argument(help="Its name, which is that of its journal, or its line, from 1.")
    ],
    folder: Annotated[
        Path, typer.Argument(help="A results folder; the latest when not given.")
    ] = ROOT / "results" / "latest",
    metadata: Metadata = stack.EMBEDDED,
    warehouse: Warehouse = stack.SQLITE,
) -> None:
    """Do one trial of a results folder again, and say whether it ends the same way."""
    _tidy_up()
    folder = folder.resolve()
    before = replaying.find(results.read(folder), trial)
    plan = plans.load(folder)
    metadata, warehouse = _resumed(plan, metadata, warehouse)
    done = replaying.replay(plan, folder, before, metadata=metadata, warehouse=warehouse)
    console.print(_beside(done))
    for sentence in replaying.compared(done):
        console.print(sentence, markup=False)
    raise typer.Exit(0 if done.agrees else 1)


def _beside(done: replaying.Replayed) -> Table:
    """Return the two timelines side by side, in seconds from the trigger."""
    table = Table(title=plans.slot_of(done.before).name)
    for name in ("s", "then", "s", "now"):
        table.add_column(name, justify="right" if name == "s" else "left")
    both = (replaying.moments(history) for history in (done.then, done.now))
    for moments in zip_longest(*both):
        cells = [(f"{it[0]:.3f}", escape(it[1])) if it else ("", "") for it in moments]
        table.add_row(*cells[0], *cells[1])
    return table


@app.command(name="profile")
def profile_(
    setups: Annotated[str, typer.Option(help="Setups, comma-separated; a prefix is enough.")],
    workload: Annotated[
        str, typer.Option(help="What is run: fib_40_10, dispatch, fanout-10, ...")
    ] = "fib_40_10",
    runs: Annotated[int, typer.Option(min=1, help="Runs of it, behind a warm-up.")] = 3,
    folder: Annotated[
        Path, typer.Argument(help="A results folder; the latest when not given.")
    ] = ROOT / "results" / "latest",
) -> None:
    """Show what the CPU time of an engine's processes goes to, and keep it beside results.

    Each process samples itself, which slows it down: shares count here, not seconds.
    """
    _tidy_up()
    folder = folder.resolve()
    if not folder.is_dir():
        raise LookupError(f"{_shown(folder)} is no results folder; `bench run` makes one")
    for setup in chosen(_listed(setups)):
        found = profiled(setup, workload, runs, folder, say)
        console.print(_spent(found))
    console.print(f"kept: {_shown(folder / PROFILES)}")


def _spent(found: Profile) -> Table:
    """Return a profile as a table, in milliseconds a run."""
    table = Table(title=f"{found.setup}, {found.workload}: CPU milliseconds a run")
    for name in ("process", "ms", "packages", "functions, with what they call"):
        table.add_column(name, justify="right" if name == "ms" else "left")
    for it in found.spent:
        parts = (
            "\n".join(f"{100 * s / it.cpu_s:.0f} % {name}" for name, s in told[:6])
            for told in (it.packages, it.functions)
        )
        table.add_row(it.process, f"{1000 * it.cpu_s / found.runs:,.0f}", *map(escape, parts))
    return table


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


@app.command(name="installation")
def installation_(
    folder: Annotated[
        Path, typer.Argument(help="A results folder; the latest when not given.")
    ] = ROOT / "results" / "latest",
    again: Annotated[
        bool, typer.Option(help="Install each engine again, to time it: downloads everything.")
    ] = True,
) -> None:
    """Measure what installing each engine takes, and keep it beside the results of a folder."""
    folder = folder.resolve()
    if not folder.is_dir():
        raise LookupError(f"{_shown(folder)} is no results folder; `bench run` makes one")
    found = installation.installed(name for name in ENGINES if name != "bare")
    if again:
        found = installation.timed(found, say)
    table = Table(title="Each engine's environment, from its lock")
    for name in (
        "engine",
        "packages",
        "MB",
        "cache empty, s",
        "cache warm, s",
        "tables created, s",
    ):
        table.add_column(name, justify="left" if name == "engine" else "right")
    for it in found:
        seconds = (it.cold_s, it.warm_s, it.migration_s)
        told = ("–" if s is None else f"{s:.1f}" for s in seconds)
        table.add_row(it.engine, str(it.packages), f"{it.bytes / 1e6:.0f}", *told)
    console.print(table)
    console.print(f"kept: {_shown(installation.save(folder, found))}")


@app.command()
def up(
    engine: Annotated[str, typer.Argument(help="airflow, prefect or dagster")],
    variant: Annotated[str, typer.Option(help="default or tuned")] = "default",
    port: Annotated[int, typer.Option(help="Of the web UI; 0: any free one.")] = 0,
    metadata: Metadata = stack.EMBEDDED,
    warehouse: Warehouse = stack.SQLITE,
) -> None:
    """Start an engine with the pipelines and its web UI; Ctrl-C stops everything."""
    _tidy_up()
    which = [s for s in SETUPS.values() if (s.engine, s.variant) == (engine, variant)]
    if not which or engine == "bare":
        raise LookupError("up takes airflow, prefect or dagster, and --variant default or tuned")
    with stack.surrounded("up", metadata=metadata, warehouse=warehouse) as surround:
        console.print(f"{which[0].name}: starting ...")
        stand = surround.stand(which[0], port=port, passed=_pipeline_settings())
        with stack.running(stand):
            console.print(f"web UI     {stand.orchestrator.web_ui()}")
            console.print(f"source     {surround.source_url}  (the stand-in for the three APIs)")
            console.print(f"logs       {_shown(stand.orchestrator.services.directory / 'logs')}")
            console.print("Ctrl-C stops everything")
            threading.Event().wait()


def _pipeline_settings() -> dict[str, str]:
    """Return what the caller's environment says to the pipelines: live mode, keys, names."""
    keys = ("GITHUB_TOKEN", "YOUTUBE_API_KEY")
    return {n: v for n, v in os.environ.items() if n.startswith("ETL_") or n in keys}


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="A results folder, for example of an older state.")],
    second: Annotated[Path, typer.Argument(help="The folder that is held against it.")],
) -> None:
    """Say what improved, regressed or cannot be told apart between two results folders."""
    from benchmarks import compare as comparing  # statistics: a second to import
    from benchmarks.statistics import NOISE_GATE

    both = results.read(first), results.read(second)
    drift = comparing.drift(*both)
    alone = comparing.compare(*both)
    found = comparing.allowing(alone, drift)
    if not found:
        raise typer.BadParameter("the folders have no cell in common")
    table = Table(title=f"{first.name} → {second.name}; less is better")
    for name in ("setup", "workload", "scenario", "measure", "first", "second", "change"):
        table.add_column(name, justify="right" if name in ("first", "second", "change") else "left")
    table.add_column("verdict")
    for line in found:
        setup, pipeline, workload, scenario = line.cell
        change = line.difference.relative
        table.add_row(
            *(setup, f"{pipeline}, {workload}", scenario, line.measure),
            *(f"{line.first:.3f}", f"{line.second:.3f}"),
            "–" if change is None else f"{change:+.0%}",
            line.difference.verdict,
        )
    console.print(table)
    share = comparing.agreement(found)
    few = sum(not line.difference.counts for line in found)
    console.print(f"{len(found)} figures, {few} of them with too few values to be told apart")
    console.print(
        f"the host: a fixed piece of work took {drift:+.1%} in the second; a difference is claimed"
        f" above {NOISE_GATE:.0%} beside that"
    )
    if share is not None:
        without = comparing.agreement(alone)
        console.print(
            f"not told apart: {share:.1%} of the others; {without:.1%} without the host's change"
        )


@app.command()
def library(
    repetitions: Annotated[int, typer.Option(help="Of each contender on each warehouse.")] = 3,
    million: Annotated[bool, typer.Option(help="A million complaints, too.")] = True,
) -> None:
    """Time the ETL library beside a bare floor and beside dlt, on both warehouses."""
    _tidy_up()
    found = libraries.time_library(repetitions=repetitions, million=million, say=say)
    folder = results.new_folder(ROOT, f"{socket.gethostname()}-library")
    table = Table(title="Seconds (median) to load complaints into an empty warehouse")
    for name in ("contender", "warehouse", "complaints", "n", "extract", "transform", "load"):
        table.add_column(name, justify="left" if name in ("contender", "warehouse") else "right")
    for name in ("whole", "× floor", "peak MB"):
        table.add_column(name, justify="right")
    for row in libraries.summary(found):
        seconds = [f"{row['seconds'][p]:.2f}" for p in ("extract", "transform", "load", "whole")]
        ratio = "–" if row["times_floor"] is None else f"{row['times_floor']:.2f}"
        table.add_row(
            row["contender"],
            row["warehouse"],
            f"{row['complaints']:,}",
            str(row["n"]),
            *seconds,
            ratio,
            f"{row['peak_rss_mb']:.0f}",
        )
    console.print(table)
    console.print(f"raw values: {_shown(libraries.save(folder, found))}")


@app.command()
def down() -> None:
    """End whatever earlier commands left running."""
    console.print(f"{end_leftovers(bench_too=True)} services were ended")
    stack_in_containers.remove_leftovers()


def say(text: str) -> None:
    """Print a line of progress, with the time."""
    console.print(f"{datetime.now(UTC):%H:%M:%S} {text}", markup=False)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _known(what: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    asked = _listed(text)
    for name in asked:
        if name not in known:
            raise LookupError(f"no {what} is called {name}; there are: {', '.join(known)}")
    return asked


if __name__ == "__main__":
    main()
