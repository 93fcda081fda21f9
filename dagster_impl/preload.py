"""What the forkserver imports once, so that a step's process has it when it is forked.

As shipped the forkserver preloads the definitions; what a step needs besides (the executor's child
side, the instance's storages and their drivers) is then imported again in each step.
"""

# ruff: noqa: F401
import multiprocessing.popen_forkserver
import multiprocessing.queues
import multiprocessing.synchronize

import alembic
import dagster._cli
import dagster._core.execution.api
import dagster._core.execution.plan.execute_plan
import dagster._core.executor.child_process_executor
import dagster._core.instance.factory
import dagster._core.launcher.default_run_launcher
import dagster._core.run_coordinator
import dagster._core.scheduler
import dagster._core.storage.local_compute_log_manager
import dagster._core.storage.noop_compute_log_manager
import dagster._core.storage.root
import dagster._core.storage.sqlite_storage
import dagster._core.system_config.composite_descent
import dagster._core.utility_ops
import dagster._core.workspace.autodiscovery
import dagster._utils.test.definitions
import dagster_postgres
import fsspec.implementations.local
import psycopg2.extras
import sqlalchemy.dialects.postgresql
import sqlalchemy.dialects.sqlite
import upath.implementations.local

from dagster_impl.definitions import defs

defs.get_repository_def().get_all_jobs()  # resolved once, before the fork
