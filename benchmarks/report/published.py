"""Figures that others published of two of our workloads, as they printed them: never ranked.

Source: the repository windmill-labs/windmill-benchmarks, folder competitors/2026-09, and the page
windmill.dev/docs/misc/benchmarks/competitors. Run of 2026-09-15; each engine alone on one AWS
m7i.xlarge; one warm-up and five repetitions; medians, with least and greatest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WHO = "Windmill"
DATE = "2026-09-15"
HARDWARE = "one AWS m7i.xlarge for each engine (4 vCPU, 16 GiB), us-east-2, containers"
PROTOCOL = "1 warm-up and 5 repetitions, median (least to greatest)"
TIMED = "first task created to last task completed, from each engine's own metadata store"
# What a reader must know who holds the two tables against each other.
NOTES = (
    "Their Airflow has the CeleryExecutor and Redis on CPython 3.13, ours the LocalExecutor on the"
    " Python named below; their default parses 115 example DAGs every 30 s, their tuned row is two"
    " settings (scheduler_idle_sleep_time 0.1, no examples), ours are listed under Settings. Their"
    " Prefect flow is called in the client, without a deployment, and stores no result; ours is"
    " deployed and stores each. They say themselves that its milliseconds are no orchestration"
    " cost to be set against the others: such a task is a call, with no isolation."
)
SOURCE = (
    "windmill-labs/windmill-benchmarks, competitors/2026-09;"
    " windmill.dev/docs/misc/benchmarks/competitors"
)
# The time of one fib(33) in their containers: how fast their processors and interpreters are.
# From the least to the greatest, in seconds.
PROBE_S = {"Prefect container": (0.283, 0.283), "Airflow worker": (0.366, 0.372)}
PROBE_WORKLOAD = "fib_10_33"


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration of theirs; `step_ms` is their milliseconds a task.

    In fib_10_33 it is what is left of them when the time of the task itself is taken off.
    """

    name: str
    task: str
    python: str
    median_s: str
    spread: str
    step_ms: str


FLOWS: Mapping[str, tuple[Row, ...]] = {
    "fib_40_10": (
        Row("Airflow 3.3.1 default", "process", "3.13", "40.453", "39.609 to 41.801", "1011.3"),
        Row("Airflow 3.3.1 tuned", "process", "3.13", "9.106", "8.844 to 9.988", "227.6"),
        Row("Hatchet 0.107", "call in worker process", "3.12", "1.237", "1.113 to 1.339", "30.9"),
        Row("Kestra 2.0.2 docker", "container", "3.13", "27.008", "26.653 to 27.162", "675.2"),
        Row("Kestra 2.0.2 process", "process", "3.12", "3.473", "3.405 to 3.609", "86.8"),
        Row("Prefect 3.8.6", "call in flow process", "3.12", "0.137", "0.125 to 0.141", "3.4"),
        Row("Temporal 1.29.7", "call in worker process", "3.11", "2.995", "2.994 to 2.996", "74.9"),
        Row("Temporal tuned", "call in worker process", "3.11", "0.760", "0.749 to 0.773", "19.0"),
        Row("Windmill 1.811.1", "process", "3.13", "3.443", "3.347 to 3.447", "86.1"),
        Row("Windmill EE dedicated", "warm process", "3.13", "0.393", "0.375 to 0.415", "9.8"),
        Row("Windmill EE script", "process", "3.13", "1.504", "1.428 to 1.535", "37.6"),
        Row("Windmill tuned", "process", "3.13", "1.594", "1.583 to 1.601", "39.9"),
    ),
    "fib_10_33": (
        Row("Airflow 3.3.1 default", "process", "3.13", "10.965", "9.633 to 11.361", "725.4"),
        Row("Airflow 3.3.1 tuned", "process", "3.13", "6.325", "5.954 to 7.009", "246.6"),
        Row("Hatchet 0.107", "call in worker process", "3.12", "3.518", "3.510 to 3.534", "35.8"),
        Row("Kestra 2.0.2 docker", "container", "3.13", "10.104", "10.025 to 10.303", "659.4"),
        Row("Kestra 2.0.2 process", "process", "3.12", "4.006", "3.971 to 4.156", "89.6"),
        Row("Prefect 3.8.6", "call in flow process", "3.12", "2.997", "2.965 to 3.024", "16.3"),
        Row("Temporal 1.29.7", "call in worker process", "3.11", "3.468", "3.455 to 3.491", "11.8"),
        Row("Windmill 1.811.1", "process", "3.13", "4.544", "4.523 to 4.562", "100.5"),
        Row("Windmill EE dedicated", "warm process", "3.13", "3.857", "3.844 to 3.900", "31.8"),
        Row("Windmill EE script", "process", "3.13", "4.160", "4.145 to 4.180", "62.1"),
        Row("Windmill tuned", "process", "3.13", "4.133", "4.109 to 4.151", "59.4"),
    ),
}
