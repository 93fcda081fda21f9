"""What starts services again that have died: the part of systemd, or of a restart policy."""

from __future__ import annotations

from benchmarks.model import World

STARTS = 5


def start_again(world: World) -> None:
    """Start what has died, again while more of it dies on the way.

    A service may outlive what it needs for some seconds, and die when all seems to be back.

    Raises:
        RuntimeError: it died every time.
        TimeoutError: it was not ready in time.

    """
    for left in reversed(range(STARTS)):
        try:
            world.orchestrator.start()
        except RuntimeError:
            if not left:
                raise
        else:
            return
