"""GitHub repository statistics as a Dagster asset: a row a day and repository."""

import dagster as dg

from dagster_impl.retries import RETRIES, source_errors
from dagster_impl.runs import SOONER, SOONEST, WHOLE_AGAIN, counts, fan_out, run_of
from shared import github_stats as etl


class Repositories(dg.Config):
    """Which repositories, as OWNER/NAME; none: those of ETL_REPOSITORIES."""

    repositories: list[str] = []


@dg.op(
    name="plan_repositories",
    out={"keys": dg.Out(list[str]), "key": dg.DynamicOut(str)},
    retry_policy=RETRIES,
)
def plan(context: dg.OpExecutionContext, config: Repositories):
    with source_errors():
        keys = etl.plan(run_of(context), config.repositories)
    yield dg.Output(keys, "keys")
    yield from fan_out(keys)


@dg.op(name="extract_repository", retry_policy=RETRIES)
def extract(context: dg.OpExecutionContext, key: str) -> str:
    with source_errors():
        return etl.extract(run_of(context), key)


@dg.op(name="transform_repository", retry_policy=RETRIES, tags=SOONER)
def transform(context: dg.OpExecutionContext, key: str) -> str:
    with source_errors():
        return etl.transform(run_of(context), key)


@dg.op(name="load_repository", retry_policy=RETRIES, tags=SOONEST)
def load(context: dg.OpExecutionContext, key: str) -> str:
    with source_errors():
        loaded = etl.load(run_of(context), key)
    context.log.info(etl.describe(run_of(context), key))
    return loaded


@dg.op(name="summarise_repositories", out=dg.Out(dg.Nothing), retry_policy=RETRIES)
def summarise(context: dg.OpExecutionContext, keys: list[str], loaded: list[str]) -> None:
    # The keys are those of the plan: `loaded` lacks what a re-execution left out.
    with source_errors():
        balance = etl.summarise(run_of(context), keys)
    context.log.info(str(balance))
    context.add_output_metadata(counts(balance))


@dg.graph_asset(group_name="github_stats", kinds={"table"})
def repositories():
    """Stars, forks, open issues and subscribers: one row a day and repository."""
    keys, key = plan()
    loaded = key.map(lambda key: load(transform(extract(key))))
    return summarise(keys, loaded.collect())


job = dg.define_asset_job(
    "github_stats", dg.AssetSelection.groups("github_stats"), tags=WHOLE_AGAIN
)
schedule = dg.ScheduleDefinition(job=job, cron_schedule="0 6 * * *", execution_timezone="UTC")
