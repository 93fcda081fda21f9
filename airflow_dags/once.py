"""One run of a DAG in this process, task after task, without services: to try a DAG out.

`python -m airflow_dags.once DAG RUN LOGICAL-DATE CONF-AS-JSON`, with a migrated metadata database.
"""

import json
import sys
from datetime import datetime

from airflow.configuration import conf
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun


def run_once(name: str, run: str, logical_date: str, parameters: str) -> bool:
    """Run a DAG by `dag.test()` and return whether it succeeded."""
    dag = DagBag(dag_folder=conf.get("core", "dags_folder")).dags[name]
    # `test()` names its runs itself; our steps stage, load and journal under the run's name.
    DagRun.generate_run_id = staticmethod(lambda **_: run)
    ended = dag.test(
        logical_date=datetime.fromisoformat(logical_date), run_conf=json.loads(parameters)
    )
    return ended.state == "success"


if __name__ == "__main__":
    if not run_once(*sys.argv[1:]):
        sys.exit(1)
    print("done")
