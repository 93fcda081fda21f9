"""Consumer complaints, a day window at a time.

Scheduled daily: a run brings in the day before its data interval ends. `start` and `end` (both
included) choose other days.
"""

from datetime import date, timedelta

from airflow.sdk import CronDataIntervalTimetable, Param, dag, task, task_group

from airflow_dags.retries import RETRIES
from shared import complaints as etl
from shared.config import settings


@task
def plan(run_id, params, dag_run, data_interval_end=None) -> list[str]:
    # A run that was triggered without a logical date has no data interval.
    yesterday = (data_interval_end or dag_run.run_after).date() - timedelta(days=1)
    start, end = (
        date.fromisoformat(params[bound]) if params[bound] else yesterday
        for bound in ("start", "end")
    )
    return etl.plan(run_id, start, end)


@task
def extract(key: str, run_id) -> str:
    return etl.extract(run_id, key)


@task
def transform(key: str, run_id) -> str:
    return etl.transform(run_id, key)


@task
def load(key: str, run_id) -> str:
    return etl.load(run_id, key)


@task
def summarise(keys: list[str], run_id) -> str:
    balance = str(etl.summarise(run_id, keys))
    print(balance)
    return balance


@dag(
    schedule=CronDataIntervalTimetable("0 6 * * *", timezone="UTC")
    if settings().schedule
    else None,
    catchup=False,
    default_args=RETRIES | {"weight_rule": "upstream"},  # finish a key before beginning the next
    max_active_tasks=2,
    params={
        "start": Param(None, type=["null", "string"], format="date", description="First day"),
        "end": Param(None, type=["null", "string"], format="date", description="Last day"),
    },
    tags=["etl"],
    doc_md=__doc__,
)
def complaints():
    @task_group
    def window(key: str):
        return load(transform(extract(key)))

    keys = plan()
    window.expand(key=keys) >> summarise(keys)


complaints()
