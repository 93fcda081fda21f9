"""Synthetic steps that measure Dagster: in a row (`chain_N`), or side by side (`fanout_N`).

A job for each size in `ETL_SYNTHETIC`; without sizes there are none. Jobs of plain ops: there is no
data that an asset could be named after.
"""

from collections.abc import Callable
from typing import Any

import dagster as dg

from dagster_impl.retries import RETRIES, source_errors
from dagster_impl.runs import WHOLE_AGAIN, run_of
from shared import synthetic as etl
from shared.config import settings


class Amount(dg.ConfigurableResource):
    """What every step of a run does; a resource, so that run config says it once for all."""

    kind: str = "noop"
    amount: int = 0


@dg.op(ins={"previous": dg.In(Any, default_value=None)}, retry_policy=RETRIES)
def work(context: dg.OpExecutionContext, amount: Amount, previous):
    key = context.op_handle.name.removeprefix("work_")
    with source_errors():
        return etl.work(run_of(context), key, amount.kind, amount.amount, previous)


def chain(steps: int) -> None:
    keys = etl.keys(steps)
    previous = work.alias(f"work_{keys[0]}")()
    for key in keys[1:]:
        previous = work.alias(f"work_{key}")(previous)


def fanout(steps: int) -> None:
    for key in etl.keys(steps):
        work.alias(f"work_{key}")()


def job(pipeline: Callable[[int], None], steps: int) -> dg.JobDefinition:
    @dg.job(
        name=f"{pipeline.__name__}_{steps}",
        description=__doc__,
        resource_defs={"amount": Amount.configure_at_launch()},
        tags={**WHOLE_AGAIN, "dagster/max_runtime": "0"},  # how long they take is what is measured
    )
    def synthetic():
        pipeline(steps)

    return synthetic


jobs = [job(pipeline, n) for pipeline in (chain, fanout) for n in settings().synthetic_sizes()]
