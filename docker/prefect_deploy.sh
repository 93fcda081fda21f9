#!/bin/sh
# The work pool and the three deployments; doing it again changes nothing.
set -eu
prefect work-pool inspect etl >/dev/null 2>&1 || prefect work-pool create etl --type process
exec prefect --no-prompt deploy --all --prefect-file prefect_impl/prefect.yaml
