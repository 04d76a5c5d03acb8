"""A clock of its own for a process: how far it stands beside the machine's, by `faketime`'s library.

Only the wall clock is moved; the monotonic one is the kernel's, as on a unit whose clock nobody has set.
"""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

LIBRARY = "/usr/$LIB/faketime/libfaketime.so.1"  # the dynamic linker knows what $LIB is
NEAR = timedelta(minutes=1)


def beside(offset: timedelta) -> tuple[str, ...]:
    """Give the words before a command whose clock is to stand so far beside the machine's.

    They are `env`'s and not those of the `faketime` command, which would stay as a process between.
    """
    return _words(f"FAKETIME={_spell(offset)}")


def beside_as_told(file: Path) -> tuple[str, ...]:
    """Give the words before a command whose clock stands as far beside as `file` says, which may change."""
    return _words(f"FAKETIME_TIMESTAMP_FILE={file}", "FAKETIME_CACHE_DURATION=1")


def tell(file: Path, offset: timedelta) -> None:
    """Set the clocks that look into `file`; they look each second."""
    file.with_suffix(".new").write_text(f"{_spell(offset)}\n", "ascii")
    file.with_suffix(".new").rename(file)


def _words(*settings: str) -> tuple[str, ...]:
    mended = f"PYTHONPATH={Path(__file__).parent / 'moved'}"
    return ("env", f"LD_PRELOAD={LIBRARY}", *settings, "FAKETIME_DONT_FAKE_MONOTONIC=1", "TZ=UTC", mended)


def _spell(offset: timedelta) -> str:
    return f"{round(offset.total_seconds()):+d}"


def require_moved(offset: timedelta) -> None:
    """Fail where the library is missing: the linker passes over it with a word, and every clock would be right."""
    done = subprocess.run([*beside(offset), "date", "+%s"], capture_output=True, text=True, check=True, timeout=30)
    shown = datetime.fromtimestamp(int(done.stdout), UTC)
    assert abs(shown - (datetime.now(UTC) + offset)) < NEAR, f"install faketime: the clock shows {shown}{done.stderr}"
