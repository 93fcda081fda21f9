"""Synthetic steps that measure Prefect: in a row (`chain`), or side by side (`fanout`)."""

from prefect import flow, runtime, task, unmapped
from prefect.task_runners import ThreadPoolTaskRunner

from prefect_impl.retries import RETRIES
from shared import synthetic as etl


@task(**RETRIES)
def work(
    run: str, key: str, kind: etl.Kind, amount: int, previous: etl.Value | None = None
) -> etl.Value:
    return etl.work(run, key, kind, amount, previous)


@flow(
    name="chain",
    persist_result=True,  # of every task: a flow run that is run again skips what has finished
    log_prints=True,
)
def chain(steps: int, kind: etl.Kind = "noop", amount: int = 0) -> None:
    """Run so many steps one after the other, each with the value of the one before."""
    run = runtime.flow_run.name
    previous = None
    for key in etl.keys(steps):
        previous = work(run, key, kind, amount, previous)


@flow(
    name="fanout",
    task_runner=ThreadPoolTaskRunner(max_workers=2),
    persist_result=True,  # of every task: a flow run that is run again skips what has finished
    log_prints=True,
)
def fanout(steps: int, kind: etl.Kind = "noop", amount: int = 0) -> None:
    """Run so many independent steps, two at a time."""
    run = runtime.flow_run.name
    worked = work.map(unmapped(run), etl.keys(steps), unmapped(kind), unmapped(amount))
    worked.wait()  # for every key, before one that failed ends the run
    worked.result()  # raises
