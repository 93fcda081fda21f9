"""A compose project of the tests' own: other names, other ports, other secrets than a person's."""

import make_env
import pytest

from benchmarks import workloads
from benchmarks.compose import PORTS, StackError, docker
from benchmarks.orchestrators.services import free_port


@pytest.fixture(scope="session")
def environment():
    """Return what is laid over `.env`, which need not be there."""
    try:
        docker("compose", "version")
    except StackError:
        pytest.skip("docker compose is not installed")
    ports = {f"{name.upper()}_PORT": str(free_port()) for name in (*PORTS, "warehouse")}
    return {
        "COMPOSE_PROJECT_NAME": "orchestrators-test",
        "SOURCE_TODAY": workloads.TODAY,
        "ETL_SOURCE": "standin",
        "ETL_PAGE_SIZE": str(workloads.PAGE_SIZE),
        "ETL_SCHEDULE": "false",
        **ports,
        **{name: made() for name, made in make_env.SECRETS.items()},
    }
