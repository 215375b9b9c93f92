"""How often KSeF is asked for something that takes a while: the same in the worker and in the triggerer."""

from __future__ import annotations

import time

SHARE = 0.1
"""A pause is this share of the time that was waited already, so that nobody waits a tenth too long."""
SHORTEST_PAUSE = 0.2
LONGEST_PAUSE = 15 * 60.0


def pause(waited: float, poll_interval: float) -> float:
    """
    Say how long to wait before the next question: ``poll_interval`` at first, ever longer later.

    One waiting asks less than 100 times in its first hour and a few times in each later one, whatever
    ``poll_interval`` says: KSeF allows 600 questions an hour for exports and 1,200 for sessions.

    :param waited: seconds since the waiting began, deferrals and restarts included.
    :param poll_interval: the shortest pause in seconds.
    """
    return max(poll_interval, SHORTEST_PAUSE, min(waited * SHARE, LONGEST_PAUSE))


def pause_since(since: float, poll_interval: float) -> float:
    """
    Do the same as of now.

    :param since: when the waiting began, in seconds since the epoch.
    :param poll_interval: the shortest pause in seconds.
    """
    return pause(time.time() - since, poll_interval)
