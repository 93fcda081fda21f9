"""Consumer complaints as a Prefect flow: a task run per step and day, two at a time."""

from datetime import UTC, date, timedelta

from prefect import flow, runtime, task, unmapped
from prefect.task_runners import ThreadPoolTaskRunner

from prefect_impl.retries import RETRIES
from shared import complaints as etl
from shared.warehouse import Balance


@task(**RETRIES)
def plan(run: str, start: date, end: date) -> list[str]:
    return etl.plan(run, start, end)


@task(**RETRIES)
def extract(run: str, key: str) -> str:
    return etl.extract(run, key)


@task(**RETRIES)
def transform(run: str, key: str) -> str:
    return etl.transform(run, key)


@task(**RETRIES)
def load(run: str, key: str) -> str:
    return etl.load(run, key)


@task(**RETRIES)
def summarise(run: str, keys: list[str]) -> Balance:
    balance = etl.summarise(run, keys)
    print(balance)
    return balance


@flow(
    name="complaints",
    task_runner=ThreadPoolTaskRunner(max_workers=2),
    persist_result=True,  # of every task: a flow run that is run again skips what has finished
    log_prints=True,
)
def complaints(start: date | None = None, end: date | None = None) -> Balance:
    """Load the complaints received from `start` to `end`; without them, those of yesterday."""
    yesterday = runtime.flow_run.scheduled_start_time.astimezone(UTC).date() - timedelta(days=1)
    run = runtime.flow_run.name
    keys = plan(run, start or yesterday, end or yesterday)
    extracted = extract.map(unmapped(run), keys)
    transformed = transform.map(unmapped(run), extracted)
    loaded = load.map(unmapped(run), transformed)
    loaded.wait()  # for every key, before one that failed ends the run
    for step in (extracted, transformed, loaded):
        step.result()  # raises; a task behind a failed one is only not started, and gives None
    return summarise(run, loaded)
