#!/bin/sh
# Every test, each in the environment that it is for. Arguments go to every pytest, for example -x.
failed=0

part() { # part ENVIRONMENT PATH...
  environment=$1; shift
  echo "== tests in the environment '$environment'"
  .venvs/"$environment"/bin/python -m pytest --quiet "$@" || failed=1
}

part bench tests/shared tests/benchmarks tests/orchestrators tests/report tests/documents tests/compose -m "not compose" "$@"
part airflow tests/engines/test_airflow.py "$@"
part prefect tests/engines/test_prefect.py "$@"
part dagster tests/engines/test_dagster*.py "$@"

[ $failed = 0 ] && echo "== all tests passed"
exit $failed
