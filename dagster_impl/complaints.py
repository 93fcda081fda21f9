"""Consumer complaints as Dagster assets, partitioned by day; one run takes a range of days.

The two tables come from one graph of ops, because a day is a smaller unit of retry than a table.
"""

from datetime import date

import dagster as dg

from dagster_impl.retries import RETRIES, source_errors
from dagster_impl.runs import SOONER, SOONEST, WHOLE_AGAIN, counts, fan_out, run_of
from shared import complaints as etl

DAYS = dg.DailyPartitionsDefinition(start_date="2011-12-01")  # the first complaint's day


@dg.op(
    name="plan_days",
    out={"keys": dg.Out(list[str]), "key": dg.DynamicOut(str)},
    retry_policy=RETRIES,
)
def plan(context: dg.OpExecutionContext):
    days = context.partition_key_range
    with source_errors():
        keys = etl.plan(
            run_of(context), date.fromisoformat(days.start), date.fromisoformat(days.end)
        )
    yield dg.Output(keys, "keys")
    yield from fan_out(keys)


@dg.op(name="extract_day", retry_policy=RETRIES)
def extract(context: dg.OpExecutionContext, key: str) -> str:
    with source_errors():
        return etl.extract(run_of(context), key)


@dg.op(name="transform_day", retry_policy=RETRIES, tags=SOONER)
def transform(context: dg.OpExecutionContext, key: str) -> str:
    with source_errors():
        return etl.transform(run_of(context), key)


@dg.op(name="load_day", retry_policy=RETRIES, tags=SOONEST)
def load(context: dg.OpExecutionContext, key: str) -> str:
    with source_errors():
        return etl.load(run_of(context), key)


@dg.op(
    name="summarise_days",
    out={"complaints": dg.Out(dg.Nothing), "complaint_summary": dg.Out(dg.Nothing)},
    retry_policy=RETRIES,
)
def summarise(context: dg.OpExecutionContext, keys: list[str], loaded: list[str]):
    # The keys are those of the plan: `loaded` lacks what a re-execution left out.
    with source_errors():
        balance = etl.summarise(run_of(context), keys)
    context.log.info(str(balance))
    yield dg.Output(None, "complaints", metadata=counts(balance))
    yield dg.Output(None, "complaint_summary")


@dg.graph_multi_asset(
    outs={
        "complaints": dg.AssetOut(description="One row a complaint, by id.", kinds={"table"}),
        "complaint_summary": dg.AssetOut(
            description="Complaints by day, product and state.", kinds={"table"}
        ),
    },
    name="complaint_tables",
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="complaints",
)
def complaint_tables():
    keys, key = plan()
    loaded = key.map(lambda key: load(transform(extract(key))))
    return summarise(keys, loaded.collect())


job = dg.define_asset_job("complaints", dg.AssetSelection.groups("complaints"), tags=WHOLE_AGAIN)
schedule = dg.build_schedule_from_partitioned_job(job, hour_of_day=6)
