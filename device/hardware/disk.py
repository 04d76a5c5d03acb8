"""The unit's real disk: free space as the calling user sees it; what is written there goes through protocol.durable.

Never writes or deletes anything.
"""

import os
from pathlib import Path

from device.hardware.ports import DiskFault


class SystemDisk:
    """Linux file systems through the standard calls."""

    def free_bytes(self, folder: Path) -> int:
        """See `Disk.free_bytes`; blocks reserved for root are not counted (statvfs `f_bavail`)."""
        try:
            found = os.statvfs(folder)
        except OSError as error:
            raise DiskFault(f"{folder}: free space cannot be read: {error.strerror}") from error
        return found.f_bavail * found.f_frsize
