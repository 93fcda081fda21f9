"""Made-up plans, and results folders that are filled by hand."""

from dataclasses import replace

from benchmarks import plans, results
from tests.report import made_up


def planned(**changes):
    plan = plans.plan(
        "made-up", "quick", setups=("bare/process/default", "airflow/local/tuned"),
        workloads=("complaints", "chain-10"), scenarios=("calm", "source-503"), seed=1,
        metadata="sqlite", warehouse="sqlite", repetitions=2, command="bench run",
    )  # fmt: skip
    return replace(plan, **changes)


def filled(folder, *told):
    """Return a folder with a line for each trial number, and what it has of its own."""
    (folder / "journals").mkdir(exist_ok=True)
    for number, change in told:
        made = made_up.step_result("airflow", "tuned", "chain-10-noop", number)
        made = replace(made, journal="", **change)
        results.append(folder, made)
    return folder
