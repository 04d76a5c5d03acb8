"""Read by a Python whose clock libfaketime moves: there `time.sleep` fails (EINVAL), and waits by `select` instead.

libfaketime 0.9.10 moves the absolute monotonic deadline that Python 3.11 sleeps until, although only the wall clock is
to be moved. Nothing else is changed.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
