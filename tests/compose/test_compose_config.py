"""What Docker Compose itself makes of the file; it needs the command, and no engine."""

import json
from itertools import combinations

import make_env
import pytest

from benchmarks.compose import PORTS, StackError, Stacks

COMBINATIONS = [names for n in range(len(PORTS) + 1) for names in combinations(PORTS, n)]


@pytest.mark.parametrize("profile", ["", "tools"])
@pytest.mark.parametrize("engines", COMBINATIONS, ids=lambda names: "+".join(names) or "all")
def test_every_combination_is_valid(environment, engines, profile):
    stacks = Stacks({**environment, "COMPOSE_PROFILES": profile})

    services = json.loads(stacks.compose("config", "--format", "json", *engines))["services"]

    assert set(engines or PORTS) <= set(services)
    assert ("bench" in services) == (profile == "tools" and not engines)


@pytest.mark.parametrize("missing", make_env.SECRETS)
def test_compose_refuses_to_start_without_a_secret_and_says_what_to_do(environment, missing):
    stacks = Stacks({**environment, missing: ""})

    with pytest.raises(StackError, match=f"{missing}.*run 'make env' first"):
        stacks.compose("config", "--quiet")
