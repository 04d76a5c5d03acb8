"""Where this machine gets Debian from: the roots that the lab and the boot test make come from the same place."""

from __future__ import annotations

import subprocess


def find_mirror() -> str | None:
    """Give the address of the Debian mirror of this machine's own apt; None where there is no apt, or none is told."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return None
    return next((line.rstrip("/") for line in told.split() if line.rstrip("/").endswith("/debian")), None)
