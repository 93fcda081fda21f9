"""What the three pipelines share: the id of a run, the fan-out over keys, the engine's settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from shared.warehouse import Balance


def two_at_a_time(config: Mapping[str, Any]) -> dict[str, Any]:
    """Limit the steps that are processes, unless a launch asks for another number of them.

    Those of `in_process` run one after the other anyway.
    """
    if "multiprocess" not in config:
        return dict(config)
    asked = config["multiprocess"]
    return {"multiprocess": {**asked, "max_concurrent": asked.get("max_concurrent") or 2}}


# Dagster's own default, a process for each step, but for the limit. Whether they are processes, and
# how they start, remains run config.
TWO_AT_A_TIME = dg.multi_or_in_process_executor.configured(
    two_at_a_time, config_schema=dg.multi_or_in_process_executor.config_schema
)
# Finish a key before beginning the next: of the steps that may start, the highest goes first.
SOONER, SOONEST = {"dagster/priority": "1"}, {"dagster/priority": "2"}
# Where run retries are on: a run whose process has died is run whole. From failure, every mapped
# step that had not begun would be left out (dagster-io/dagster#20925).
WHOLE_AGAIN = {"dagster/retry_strategy": "ALL_STEPS"}


def run_of(context: dg.OpExecutionContext) -> str:
    """Return our id of the run: the tag `etl/run`, else the id of the first run of its group.

    A re-execution inherits the tag and the group, and so finds what its parent staged.
    """
    run = context.run
    return run.tags.get("etl/run") or run.root_run_id or run.run_id


def fan_out(keys: Sequence[str]) -> Iterator[dg.DynamicOutput[str]]:
    """Yield one dynamic output a key; a mapping key takes letters, digits and `_` only."""
    for number, key in enumerate(keys, start=1):
        slug = re.sub(r"\W", "_", key, flags=re.ASCII)
        yield dg.DynamicOutput(key, output_name="key", mapping_key=f"{slug}_{number}")


def counts(balance: Balance) -> dict[str, int]:
    """Return a balance as metadata, which Dagster plots over time."""
    return {
        "dagster/row_count": balance.loaded,
        "extracted": balance.extracted,
        "quarantined": balance.quarantined,
        "superseded": balance.superseded,
    }
