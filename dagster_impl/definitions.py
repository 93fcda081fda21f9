"""Everything that Dagster is to know: assets, jobs and schedules of the three pipelines."""

import dagster as dg

from dagster_impl import complaints, github_stats, synthetic, youtube_stats
from dagster_impl.runs import TWO_AT_A_TIME

PIPELINES = (complaints, github_stats, youtube_stats)

# An object, not a function: what is loaded before a fork is not loaded again in each step.
defs = dg.Definitions(
    assets=dg.load_assets_from_modules(PIPELINES),
    jobs=[*(pipeline.job for pipeline in PIPELINES), *synthetic.jobs],
    schedules=[pipeline.schedule for pipeline in PIPELINES],
    executor=TWO_AT_A_TIME,
)
