"""Synthetic steps that measure Airflow: in a row (`chain_N`), or side by side (`fanout_N`).

A DAG for each size in `ETL_SYNTHETIC`; without sizes there are none. Never scheduled.
"""

from collections.abc import Callable

from airflow.sdk import Param, dag, get_parsing_context, task

from airflow_dags.retries import RETRIES
from shared import synthetic as etl
from shared.config import settings


@task
def work(key: str, previous, run_id, params):
    return etl.work(run_id, key, params["kind"], params["amount"], previous)


def chain(steps: int) -> None:
    previous = None
    for key in etl.keys(steps):
        previous = work.override(task_id=f"work_{key}")(key, previous)


def fanout(steps: int) -> None:
    work.partial(previous=None).expand(key=etl.keys(steps))


def define(pipeline: Callable[[int], None], steps: int) -> None:
    @dag(
        f"{pipeline.__name__}_{steps}",
        schedule=None,
        catchup=False,
        default_args=RETRIES,
        max_active_tasks=2,
        params={
            "kind": Param("noop", enum=list(etl.WORK)),
            "amount": Param(0, type="integer", minimum=0),
        },
        tags=["etl", "synthetic"],
        doc_md=__doc__,
    )
    def synthetic():
        pipeline(steps)

    synthetic()


# A task's process loads this file for one DAG: it need not wait until the others are made, too.
asked = get_parsing_context().dag_id
for pipeline in (chain, fanout):
    for steps in settings().synthetic_sizes():
        if asked in (None, f"{pipeline.__name__}_{steps}"):
            define(pipeline, steps)
