"""When a failed task is tried again, and for how long a try may last.

The error itself says whether another try is worth it, where it can.
"""

from datetime import timedelta

from airflow.sdk import RetryDecision, RetryPolicy

from shared.config import settings
from shared.http import FINAL, RateLimitedError

TIMEOUT_S = settings().step_timeout_s


class RetryAsTheSourceSays(RetryPolicy):
    """Give up at once on what no retry cures; wait for the end of a rate limit.

    Airflow asks in the task's own process. The wait is the scheduler's: no process sleeps.
    """

    def evaluate(self, exception, try_number, max_tries, context=None) -> RetryDecision:
        if isinstance(exception, FINAL):
            return RetryDecision.fail(reason=str(exception))
        if isinstance(exception, RateLimitedError):
            wait = timedelta(seconds=exception.wait_s())
            return RetryDecision.retry(delay=wait, reason=str(exception))
        return RetryDecision.default()


# The same for every task of the three pipelines.
RETRIES = {
    "retries": 3,
    "retry_delay": timedelta(seconds=1),
    "retry_policy": RetryAsTheSourceSays(),
    "execution_timeout": timedelta(seconds=TIMEOUT_S) if TIMEOUT_S else None,
}
