"""GitHub repository statistics as a Prefect flow: a task run per step and repository."""

from prefect import flow, runtime, task, unmapped
from prefect.task_runners import ThreadPoolTaskRunner

from prefect_impl.retries import RETRIES
from shared import github_stats as etl
from shared.warehouse import Balance


@task(**RETRIES)
def plan(run: str, repositories: list[str]) -> list[str]:
    return etl.plan(run, repositories)


@task(**RETRIES)
def extract(run: str, key: str) -> str:
    return etl.extract(run, key)


@task(**RETRIES)
def transform(run: str, key: str) -> str:
    return etl.transform(run, key)


@task(**RETRIES)
def load(run: str, key: str) -> str:
    loaded = etl.load(run, key)
    print(etl.describe(run, key))
    return loaded


@task(**RETRIES)
def summarise(run: str, keys: list[str]) -> Balance:
    balance = etl.summarise(run, keys)
    print(balance)
    return balance


@flow(
    name="github_stats",
    task_runner=ThreadPoolTaskRunner(max_workers=2),
    persist_result=True,  # of every task: a flow run that is run again skips what has finished
    log_prints=True,
)
def github_stats(repositories: list[str] | None = None) -> Balance:
    """Load today's statistics of GitHub repositories; without names, those of the settings."""
    run = runtime.flow_run.name
    keys = plan(run, repositories or [])
    extracted = extract.map(unmapped(run), keys)
    transformed = transform.map(unmapped(run), extracted)
    loaded = load.map(unmapped(run), transformed)
    loaded.wait()  # for every key, before one that failed ends the run
    for step in (extracted, transformed, loaded):
        step.result()  # raises; a task behind a failed one is only not started, and gives None
    return summarise(run, loaded)
