"""YouTube channel statistics: subscribers, views and videos, and its newest videos' counts.

Scheduled daily. `channels` (ids) chooses others than those of the settings.
"""

from airflow.sdk import CronDataIntervalTimetable, Param, dag, task, task_group

from airflow_dags.retries import RETRIES
from shared import youtube_stats as etl
from shared.config import settings


@task
def plan(run_id, params) -> list[str]:
    return etl.plan(run_id, params["channels"])


@task
def extract(key: str, run_id) -> str:
    return etl.extract(run_id, key)


@task
def transform(key: str, run_id) -> str:
    return etl.transform(run_id, key)


@task
def load(key: str, run_id) -> str:
    etl.load(run_id, key)
    print(etl.describe(run_id, key))
    return key


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
    params={"channels": Param([], type="array", items={"type": "string"})},
    tags=["etl"],
    doc_md=__doc__,
)
def youtube_stats():
    @task_group
    def channel(key: str):
        return load(transform(extract(key)))

    keys = plan()
    channel.expand(key=keys) >> summarise(keys)


youtube_stats()
