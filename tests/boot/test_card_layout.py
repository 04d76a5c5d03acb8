"""The data partition for real: sfdisk, partx, resize2fs and mkfs, on a disk that is a file.

The root file system is not mounted here: growing a mounted one needs CAP_SYS_RESOURCE, which containers lack.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioning.firstboot.data import lay_out_disk, read_table
from provisioning.firstboot.layout import Sizes, filesystem_id
from provisioning.firstboot.machine import Machine, StepFailed

pytestmark = pytest.mark.boot
MIB = 2**20
SIZES = Sizes(root=96 * MIB, least_data=64 * MIB)
TABLE = "label: dos\nlabel-id: 0x7351b90c\nstart=16384, size=65536, type=c\nstart=81920, size=98304, type=83\n"


@dataclass(frozen=True)
class Disk:
    """A disk with the stock image's two partitions."""

    device: str
    root: str

    def lay_out(self, device: str) -> str:
        """Do as the first boot of that unit does."""
        return lay_out_disk(Machine(), self.device, device=device, root=self.root, sizes=SIZES)


def tell(*command: str, given: str = "") -> str:
    """Run a command of the system."""
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def disk_of(folder: Path, *, mebibytes: int) -> Iterator[Disk]:
    """Make a disk of that size."""
    image = folder / "card.img"
    with image.open("wb") as file:
        file.truncate(mebibytes * MIB)
    tell("sfdisk", "--quiet", str(image), given=TABLE)
    device = tell("losetup", "--find", "--show", str(image))
    try:
        tell("partx", "--add", device)
        tell("mkfs.ext4", "-q", "-L", "rootfs", f"{device}p2")
        yield Disk(device, f"{device}p2")
    finally:
        tell("partx", "--delete", device)
        tell("losetup", "--detach", device)


@contextmanager
def mounted(device: str, place: Path) -> Iterator[Path]:
    """Mount a partition."""
    place.mkdir(exist_ok=True)
    tell("mount", device, str(place))
    try:
        yield place
    finally:
        tell("umount", str(place))


def size_of(device: str) -> int:
    """Give a device's size in bytes."""
    return int(tell("blockdev", "--getsize64", device))


def test_root_grows_and_the_rest_becomes_the_data_partition(tmp_path: Path) -> None:
    """The root file system is larger; the third partition is ext4 with its label; the disk's own id stays."""
    with disk_of(tmp_path, mebibytes=400) as disk:
        data = disk.lay_out("unit")
        assert data == f"{disk.device}p3"
        assert size_of(disk.root) == 96 * MIB
        with mounted(disk.root, tmp_path / "root") as root:
            assert shutil.disk_usage(root).total > 70 * MIB
        assert size_of(data) == 400 * MIB - (40 + 96) * MIB
        tags = dict(line.split("=", 1) for line in tell("blkid", "--probe", "--output", "export", data).splitlines())
        assert (tags["LABEL"], tags["TYPE"], tags["UUID"]) == ("backrow-data", "ext4", filesystem_id("unit"))
        assert read_table(Machine(), disk.device).label_id == "0x7351b90c"


def test_second_time_keeps_what_lies_there_and_another_unit_does_not(tmp_path: Path) -> None:
    """Done again for the same unit, nothing is made anew; for another unit the file system is."""
    with disk_of(tmp_path, mebibytes=400) as disk:
        with mounted(disk.lay_out("unit"), tmp_path / "data") as place:
            (place / "lesson").write_text("sealed", "ascii")
        with mounted(disk.lay_out("unit"), tmp_path / "data") as place:
            assert (place / "lesson").read_text("ascii") == "sealed"
        with mounted(disk.lay_out("another unit"), tmp_path / "data") as place:
            assert [path.name for path in place.iterdir()] == ["lost+found"]


def test_full_card_is_refused_and_untouched(tmp_path: Path) -> None:
    """Without room behind the root partition nothing is written."""
    with disk_of(tmp_path, mebibytes=150) as disk:
        before = (tmp_path / "card.img").read_bytes()[:512]
        with pytest.raises(StepFailed, match="14 MiB would be left"):
            disk.lay_out("unit")
        assert (tmp_path / "card.img").read_bytes()[:512] == before
