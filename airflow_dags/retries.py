"""When a failed task is tried again: the error itself says so, where it can."""

from datetime import timedelta

from airflow.sdk import RetryDecision, RetryPolicy

from shared.http import FINAL, RateLimitedError


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
}
