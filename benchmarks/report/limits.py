"""What the report does not show, said of the campaign at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import statistics
from benchmarks.report.facts import Campaign, unique
from benchmarks.report.words import listed

Limit = tuple[str, str]


def limits(
    counts: Mapping[str, Any], machines: Sequence[Mapping[str, Any]], campaign: Campaign
) -> list[Limit]:
    """Return each limit with its heading."""
    return [*_of_campaign(counts, machines, campaign), *_of_method()]


def of_steps(sizes: Mapping[str, Sequence[int]]) -> list[Limit]:
    """Return what the section on synthetic workloads does not show; `sizes` are by shape."""
    told = "; ".join(f"{shape} of {listed([f'{n:,}' for n in found])} steps"
                     for shape, found in sizes.items())  # fmt: skip
    counts = (f"No-ops were measured as {told}. What happens beyond the largest is not shown; an "
              "exponent describes these counts and predicts no other." if told
              else "No no-ops were measured.")  # fmt: skip
    return [
        ("Other counts.", counts),
        ("The start is in the makespan.", "Growth and the METG of a run count from the trigger, "
         "so a slow dispatch makes the exponent of small runs smaller and the METG larger. Time a "
         "step and hand-off count from the first step's start."),
        ("Isolation has its price.", "A call, a thread, a fork and a new process do not protect "
         "the same: a setup whose steps are calls loses the whole run when one of them dies. "
         "Compare costs among setups whose steps are alike, or know what you pay for."),
        ("Two at a time, two cores or more.", "Every setup may run two steps of a run at once, "
         "except those whose task says one at a time. "
         "Threads of one Python process calculate one at a time, so a fan-out of work that is all "
         "CPU is at most half as efficient there as with processes."),
        ("Work that waits.", "The work of a task is CPU time. Tasks that wait for a network or a "
         "disk overlap better than these."),
        ("Runs at once are alike.", "They are of one pipeline, submitted at one moment by one "
         "client. A mix of long and short ones, or of users, may be shared less evenly."),
        ("A payload is text.", "It is handed on as the pipelines are written: no engine was given "
         "an object store in its place."),
        ("The engine's own clock.", "All times come from what the steps wrote, one clock for all, "
         "except where a column says that it is of the engine's own store."),
    ]  # fmt: skip


def _of_campaign(
    counts: Mapping[str, Any], machines: Sequence[Mapping[str, Any]], campaign: Campaign
) -> list[Limit]:
    hosts = listed(unique(f"{it['host']} with {it['cores_count'] or 'an unknown number of'} cores"
                          for it in machines))  # fmt: skip
    absent = [setup.title for setup in campaign.setups if not setup.mode]
    modes = listed([f"{it.engine} {it.mode}" for it in campaign.setups
                    if it.mode and it.variant == "default"] or ["none"])  # fmt: skip
    missing = f" Not measured at all: {listed(absent)}." if absent else ""
    return [
        ("One machine.", f"Everything ran on {hosts}. Engine, pipeline, source and bench share it, "
         "so an engine with many processes pays more here than on a larger host."),
        ("Few repetitions.", f"Calm figures rest on {counts['repetitions']} repetitions a "
         f"setup. Below {statistics.INTERVAL_FROM} there is no "
         f"interval, and two setups are told apart only where none of their values overlap and "
         f"there are three against five or more; below {statistics.FIGURE_FROM}, as in the quick "
         "profile, a figure is indicative."),
        ("Some modes.", f"As shipped, that is {modes}.{missing} Other executors, workers and "
         "launchers of the same engines behave otherwise: Dagster's for Docker and Kubernetes, for "
         "one, let run monitoring see that a run's container is gone."),
    ]  # fmt: skip


def _of_method() -> list[Limit]:
    return [
        ("Local processes, no cluster.", "No Kubernetes, no Celery, no Dask, no second scheduler, "
         "no highly available set-up, no hosted service. A network between hosts is imitated by "
         "a proxy, and nothing is said of many runs or many users at once."),
        ("Small data.", "The source is a stand-in that serves small, seeded data over loopback. "
         "Steps are short, so overhead looks large beside them; with long steps the same seconds "
         "are a small share. Read the seconds, not only the percentages."),
        ("A killed task is not the same thing in all three.", "The fault “kill the task process” "
         "takes the process that executes pipeline code. In Prefect that is the whole flow run, in "
         "Airflow one task, in Dagster one step. The blast radius is part of each design, and part "
         "of what is compared."),
        ("Dagster's retried runs begin at their first step.", "As shipped they begin at what "
         "failed. Here the jobs ask for all steps (tag dagster/retry_strategy: ALL_STEPS), since "
         "from failure a dynamic graph leaves out what had not begun (dagster-io/dagster#30077): "
         "the repeated steps of its retries are the price."),
        ("The journal costs.", "Every step appends events to a file, on bare too; where faults are "
         "injected, it also notes each row that it writes. What that costs is in every number, and "
         "is not taken off."),
        ("Polling.", "The bench looks at the journal every 50 ms and asks the API at most once a "
         "second, five times a second once the last step is done (before that, every 5 s where "
         "nothing goes wrong): detect, truth and closing are no finer than that. Dispatch and "
         "makespan come from what the steps themselves wrote."),
        ("One fault at a time, at one moment.", "Most faults strike once, at a named event. Other "
         "moments, other faults and two at once are not tried; a short fault that an engine "
         "outlives says nothing about a long one."),
        ("No judgement of the rest.", "Not measured: interface, scheduling, access control, "
         "lineage, alerts, documentation, upgrades, price, and how pleasant each is to write for."),
    ]  # fmt: skip
