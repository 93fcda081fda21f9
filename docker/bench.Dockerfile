# The bench and the stand-in source, installed from the same lock as on a machine without Docker.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PATH=/opt/venv/bin:$PATH
WORKDIR /opt/project

COPY requirements/tools.txt requirements/bench.txt requirements/
RUN python -m venv /opt/tools \
 && /opt/tools/bin/python -m pip install --no-cache-dir --require-hashes -r requirements/tools.txt \
 && python -m venv /opt/venv \
 && /opt/tools/bin/uv pip install --no-cache --python /opt/venv/bin/python --require-hashes \
      --no-deps --compile-bytecode -r requirements/bench.txt

COPY pyproject.toml README.md ./
COPY shared shared
COPY benchmarks benchmarks
COPY prefect_impl prefect_impl
COPY airflow_dags airflow_dags
COPY dagster_impl dagster_impl
RUN /opt/tools/bin/uv pip install --no-cache --python /opt/venv/bin/python --no-deps \
      --no-build-isolation --editable . \
 && useradd --system --no-create-home etl

USER etl
