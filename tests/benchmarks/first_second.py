"""From a fresh clone with an empty cache to the demo's first played second: at most 90 s.

    python -m tests.benchmarks.first_second

Clones the committed tree, runs `make demo ONCE=1` in it with caches of its own that begin empty, and reads the time of
the line that says that the browser has the lesson. What the packages' downloads take depends on the network.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

LIMIT_S = 90.0
ROOT = Path(__file__).parents[2]
SIGN = "A teacher's browser asks for the lesson"


def main() -> None:
    """Print the seconds and their ratio to the limit."""
    with tempfile.TemporaryDirectory(prefix="backrow-fresh-") as folder:
        began = time.monotonic()
        clone = Path(folder) / "backrow"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        seconds = _seconds_to_sign(clone, began)
    print(f"  fresh clone, empty caches: the lesson plays after {seconds:.1f} s, {seconds / LIMIT_S:.2f} of the limit")


def _seconds_to_sign(clone: Path, began: float) -> float:
    caches = {name: str(clone.parent / name.lower()) for name in ("PIP_CACHE_DIR", "UV_CACHE_DIR", "NPM_CONFIG_CACHE")}
    environment = {**os.environ, **caches, "LANG": "C.UTF-8", "LANGUAGE": "en"}
    process = subprocess.Popen(
        ["make", "demo", "ONCE=1"],
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds = 0.0
    lines: list[str] = []
    with process:
        for line in process.stdout or ():
            lines.append(line)
            if SIGN in line and not seconds:
                seconds = time.monotonic() - began
    if process.returncode or not seconds:
        raise SystemExit("the demo failed:\n" + "".join(lines[-30:]))
    return seconds


if __name__ == "__main__":
    main()
