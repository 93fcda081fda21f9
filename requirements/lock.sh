#!/bin/sh
# One hash-locked file for each environment, good for Python 3.11 to 3.13, without index addresses.
set -eu
uv=$1

lock() { # lock NAME INPUT OPTIONS...
  name=$1 input=$2; shift 2
  echo "lock: $name"
  "$uv" pip compile "$input" --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-annotate --upgrade --custom-compile-command "make lock" --output-file "requirements/$name.txt" "$@"
}

lock bench pyproject.toml --extra build --extra test --extra bench --extra dev
lock airflow pyproject.toml --extra build --extra test --extra airflow
lock prefect pyproject.toml --extra build --extra test --extra prefect --override requirements/prefect.overrides.txt
lock dagster pyproject.toml --extra build --extra test --extra dagster
lock dlt pyproject.toml --extra build --extra dlt
lock tools requirements/tools.in
