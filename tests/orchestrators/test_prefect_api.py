"""What the bench does with Prefect's API, without a server."""

from __future__ import annotations

import pytest

from benchmarks.orchestrators.api import prefect

BY_WORKER = "Process exited with status code: -9. This indicates that the process was killed."


@pytest.mark.parametrize(
    ("state", "message", "pool", "waits"),
    [
        ("CRASHED", BY_WORKER, "bench", True),
        ("CRASHED", "No heartbeat for 90 seconds", "bench", False),  # it died with its worker
        ("CRASHED", BY_WORKER, None, False),  # a runner reports once
        ("CRASHED", None, "bench", False),
        ("FAILED", "given up", "bench", False),
    ],
)
def test_a_second_report_of_a_crash_is_waited_for_where_one_comes(
    monkeypatch, state, message, pool, waits
):
    asked = []
    flow_run = {
        "state_type": state,
        "state": {"message": message, "timestamp": "2026-01-05T00:00:00Z"},
        "work_pool_name": pool,
    }
    monkeypatch.setattr(prefect.PrefectApi, "flow_run", lambda _, handle: flow_run)
    monkeypatch.setattr(prefect.PrefectApi, "schedule", lambda _, handle: handle)
    monkeypatch.setattr(prefect.PrefectApi, "_is_done", lambda *told: asked.append(told) or True)

    assert prefect.PrefectApi("http://127.0.0.1:1").resume("run") == "run"
    assert bool(asked) is waits
