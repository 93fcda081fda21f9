"""One run of a job in this process, step after step, by the Python API; the instance keeps it.

`python -m dagster_impl.once JOB TAGS-AS-JSON RUN-CONFIG-AS-JSON`
"""

import json
import sys

import dagster as dg

from dagster_impl.definitions import defs


def run_once(name: str, tags: str, run_config: str) -> bool:
    """Run a job by `execute_in_process` and return whether it succeeded."""
    with dg.DagsterInstance.get() as instance:
        return (
            defs.resolve_job_def(name)
            .execute_in_process(
                run_config=json.loads(run_config),
                tags=json.loads(tags),
                instance=instance,
                raise_on_error=False,
            )
            .success
        )


if __name__ == "__main__":
    if not run_once(*sys.argv[1:]):
        sys.exit(1)
    print("done")
