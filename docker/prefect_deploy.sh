#!/bin/sh
# The work pool and the deployments; doing it again changes nothing.
set -eu
prefect work-pool inspect etl >/dev/null 2>&1 || prefect work-pool create etl --type process
if [ -n "${ETL_SYNTHETIC:-}" ]; then
  prefect --no-prompt deploy --all --prefect-file prefect_impl/synthetic.yaml
fi
exec prefect --no-prompt deploy --all --prefect-file prefect_impl/prefect.yaml
