"""The flows served by one process, without a work pool: `python -m prefect_impl.serve`."""

from prefect import serve
from prefect.deployments.runner import EntrypointType
from prefect.schedules import Cron

from prefect_impl import complaints, github_stats, synthetic, youtube_stats
from shared.config import settings

PIPELINES = (complaints.complaints, github_stats.github_stats, youtube_stats.youtube_stats)
SYNTHETIC = (synthetic.chain, synthetic.fanout)


def deployments() -> list:
    """Return what is served: the pipelines, daily; the synthetic flows when their sizes are set."""
    daily = Cron("0 6 * * *", timezone="UTC", active=settings().schedule)
    # By module: a file's path would be looked for below the current directory.
    module = EntrypointType.MODULE_PATH
    return [
        *(flow.to_deployment("etl", schedule=daily, entrypoint_type=module) for flow in PIPELINES),
        *(
            flow.to_deployment("etl", entrypoint_type=module)
            for flow in SYNTHETIC
            if settings().synthetic_sizes()
        ),
    ]


if __name__ == "__main__":
    serve(*deployments())
