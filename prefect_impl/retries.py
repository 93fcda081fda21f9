"""When a step is tried again, and for how long a try may last: the same for every step."""

import asyncio
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging import get_run_logger

from shared.config import settings
from shared.http import FINAL, RateLimitedError

RETRY_DELAY_S = 1


async def worth_another_try(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Say no to what no retry cures, and to a rate limit yes: when it has ended.

    Prefect asks this before it sets `AwaitingRetry`, and a delay cannot depend on the error. So the
    answer is withheld until the delay that follows ends at the moment that the source has named.
    """
    error = await state.aresult(raise_on_failure=False)
    if isinstance(error, RateLimitedError):
        get_run_logger().warning("Rate limited: the next try is at %s", error.until)
        await asyncio.sleep(max(0.0, error.wait_s() - RETRY_DELAY_S))
    return not isinstance(error, FINAL)


RETRIES: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": RETRY_DELAY_S,
    "retry_condition_fn": worth_another_try,
    "timeout_seconds": settings().step_timeout_s,
}
