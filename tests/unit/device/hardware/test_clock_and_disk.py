"""The real clock and disk, as far as any machine can show."""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.hardware.clock import BOOT_ID, SystemClock
from device.hardware.disk import SystemDisk
from device.hardware.ports import DiskFault


def test_clock_is_untrusted_until_the_network_has_set_it(tmp_path: Path) -> None:
    """The marker of time synchronisation decides."""
    clock = SystemClock(trust_marker=tmp_path / "synchronized")
    assert not clock.is_trusted()
    (tmp_path / "synchronized").touch()
    assert clock.is_trusted()


def test_clock_tells_whether_it_is_right_where_the_kernels_settings_are_hidden(tmp_path: Path) -> None:
    """The uploader sees no more of /proc than processes; it asks for no boot, and must not stumble over one."""
    clock = SystemClock(trust_marker=tmp_path / "synchronized", boot_id_file=tmp_path / "hidden")
    assert not clock.is_trusted()


def test_clock_gives_aware_utc_and_the_kernels_boot_id() -> None:
    """No naive time anywhere, and monotonic seconds that can be compared within a boot."""
    clock = SystemClock()
    assert abs(clock.now_at() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.boot_id == BOOT_ID.read_text().strip()
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_waiting_ends_at_the_deadline_or_when_cancelled() -> None:
    """A deadline in the past returns at once; a cancelled wait says so, even with the deadline past."""
    clock, cancel = SystemClock(), threading.Event()
    assert clock.wait_until(clock.monotonic_s() - 1, cancel) is False
    assert clock.wait_until(clock.monotonic_s() + 0.01, cancel) is False
    cancel.set()
    assert clock.wait_until(clock.monotonic_s() + 3600, cancel) is True
    assert clock.wait_until(clock.monotonic_s() - 1, cancel) is True


def test_disk_reports_what_a_user_may_write(tmp_path: Path) -> None:
    """Free space is what statvfs has for unprivileged users."""
    found = os.statvfs(tmp_path)
    assert SystemDisk().free_bytes(tmp_path) == pytest.approx(found.f_bavail * found.f_frsize, rel=0.05)


def test_disk_faults_name_what_failed(tmp_path: Path) -> None:
    """A missing folder is a DiskFault with the system's words."""
    with pytest.raises(DiskFault, match=r"missing: free space.*No such file"):
        SystemDisk().free_bytes(tmp_path / "missing")
