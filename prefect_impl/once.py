"""One run of a flow in this process, by calling it; the server that is set keeps its history.

`python -m prefect_impl.once FLOW RUN PARAMETERS-AS-JSON`
"""

import json
import sys

from prefect_impl.serve import PIPELINES, SYNTHETIC

FLOWS = {flow.name: flow for flow in (*PIPELINES, *SYNTHETIC)}


def run_once(name: str, run: str, parameters: str) -> None:
    """Call a flow under our id of the run; raises what the flow raises."""
    FLOWS[name].with_options(flow_run_name=run)(**json.loads(parameters))


if __name__ == "__main__":
    run_once(*sys.argv[1:])
    print("done")
