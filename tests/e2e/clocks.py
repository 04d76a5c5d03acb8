"""A clock of its own for a process: how far it stands beside the machine's, by `faketime`'s library.

Only the wall clock is moved; the monotonic one is the kernel's, as on a unit whose clock nobody has set.
"""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

LIBRARY = "/usr/$LIB/faketime/libfaketime.so.1"  # the dynamic linker knows what $LIB is
NEAR = timedelta(minutes=1)


def beside(offset: timedelta) -> tuple[str, ...]:
    """Give the words before a command whose clock is to stand so far beside the machine's; none for not at all.

    They are `env`'s and not those of the `faketime` command, which would stay as a process between.
    """
    if not offset:
        return ()
    moved = f"FAKETIME={round(offset.total_seconds()):+d}"
    return ("env", f"LD_PRELOAD={LIBRARY}", moved, "FAKETIME_DONT_FAKE_MONOTONIC=1", "TZ=UTC")


def require_moved(offset: timedelta) -> None:
    """Fail where the library is missing: the linker passes over it with a word, and every clock would be right."""
    done = subprocess.run([*beside(offset), "date", "+%s"], capture_output=True, text=True, check=True, timeout=30)
    shown = datetime.fromtimestamp(int(done.stdout), UTC)
    assert abs(shown - (datetime.now(UTC) + offset)) < NEAR, f"install faketime: the clock shows {shown}{done.stderr}"
