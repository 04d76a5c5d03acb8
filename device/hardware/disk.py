"""The unit's real disk: free space as the calling user sees it, and syncs that mean it.

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

    def sync_data(self, descriptor: int) -> None:
        """See `Disk.sync_data`."""
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            raise DiskFault(f"file descriptor {descriptor}: fdatasync failed: {error.strerror}") from error

    def sync_folder(self, folder: Path) -> None:
        """See `Disk.sync_folder`."""
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise DiskFault(f"{folder}: cannot be opened for fsync: {error.strerror}") from error
        try:
            os.fsync(descriptor)
        except OSError as error:
            raise DiskFault(f"{folder}: fsync failed: {error.strerror}") from error
        finally:
            os.close(descriptor)
