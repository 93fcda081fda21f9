"""YouTube channel statistics as Dagster assets: channels, and their newest videos."""

import dagster as dg

from dagster_impl.retries import RETRIES, source_errors
from dagster_impl.runs import SOONER, SOONEST, WHOLE_AGAIN, counts, fan_out, run_of
from shared import youtube_stats as etl


class Channels(dg.Config):
    """Which channels, by id; none: those of ETL_CHANNELS."""

    channels: list[str] = []


@dg.op(
    name="plan_channels",
    out={"keys": dg.Out(list[str]), "key": dg.DynamicOut(str)},
    retry_policy=RETRIES,
)
def plan(context: dg.OpExecutionContext, config: Channels):
    with source_errors():
        keys = etl.plan(run_of(context), config.channels)
    yield dg.Output(keys, "keys")
    yield from fan_out(keys)


@dg.op(name="extract_channel", retry_policy=RETRIES)
def extract(context: dg.OpExecutionContext, key: str) -> str:
    with source_errors():
        return etl.extract(run_of(context), key)


@dg.op(name="transform_channel", retry_policy=RETRIES, tags=SOONER)
def transform(context: dg.OpExecutionContext, key: str) -> str:
    with source_errors():
        return etl.transform(run_of(context), key)


@dg.op(name="load_channel", retry_policy=RETRIES, tags=SOONEST)
def load(context: dg.OpExecutionContext, key: str) -> str:
    with source_errors():
        loaded = etl.load(run_of(context), key)
    context.log.info(etl.describe(run_of(context), key))
    return loaded


@dg.op(
    name="summarise_channels",
    out={"channels": dg.Out(dg.Nothing), "videos": dg.Out(dg.Nothing)},
    retry_policy=RETRIES,
)
def summarise(context: dg.OpExecutionContext, keys: list[str], loaded: list[str]):
    # The keys are those of the plan: `loaded` lacks what a re-execution left out.
    with source_errors():
        balance = etl.summarise(run_of(context), keys)
    context.log.info(str(balance))
    yield dg.Output(None, "channels", metadata=counts(balance))
    yield dg.Output(None, "videos")


@dg.graph_multi_asset(
    outs={
        "channels": dg.AssetOut(
            description="Subscribers, views and videos: one row a day and channel.",
            kinds={"table"},
        ),
        "videos": dg.AssetOut(
            description="Views, likes and comments: one row a day and video.", kinds={"table"}
        ),
    },
    name="channel_tables",
    group_name="youtube_stats",
)
def channel_tables():
    keys, key = plan()
    loaded = key.map(lambda key: load(transform(extract(key))))
    return summarise(keys, loaded.collect())


job = dg.define_asset_job(
    "youtube_stats", dg.AssetSelection.groups("youtube_stats"), tags=WHOLE_AGAIN
)
schedule = dg.ScheduleDefinition(job=job, cron_schedule="0 6 * * *", execution_timezone="UTC")
