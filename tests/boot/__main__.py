"""`python -m tests.boot`: boots a classroom unit with a real systemd, and looks at what it does. Needs root.

More arguments go to pytest: `python -m tests.boot -k poweroff`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.boot.root import ROOT, what_is_missing


def main(arguments: list[str]) -> int:
    """Run the boot tests; give pytest's exit status, or 2 with what this machine lacks."""
    if missing := what_is_missing():
        print(f"tests.boot: {missing}", file=sys.stderr)
        return 2
    folder = Path(__file__).parent.relative_to(ROOT)
    return int(pytest.main(["-m", "boot", "--timeout", "900", f"--rootdir={ROOT}", str(ROOT / folder), *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
