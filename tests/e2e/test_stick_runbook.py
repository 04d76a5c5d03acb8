"""The runbook of the USB stick, typed as it stands, on a real FAT file system.

Unit and controller are real commands with real folders; only the page's places are changed. A kernel without vfat (a
container's, a small virtual machine's) cannot mount the stick: mtools carry its files to and fro there, and the page's
two `mount` lines are not typed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.accounts.models import Role
from controller.accounts.services import make_accounts
from controller.config import load_config
from controller.devices.services import NewDevice
from controller.migrations import upgrade
from controller.recordings.models import Recording, RecordingState
from controller.services import Services
from controller.wiring import make_services
from protocol.documents import Receipt
from protocol.keyfiles import load_signing_key
from protocol.signing import split_line
from tests.e2e.typed import Runbook
from tests.joined import add_device
from tests.lesson import Lesson
from tests.school import encode_toml, make_school
from tests.small_disk import needs_mount, small_disk
from tests.unit.controller.uploads.unit_client import made_up_segment

STICK_MIB = 112  # of which a unit keeps 64 free
pytestmark = needs_mount


MOUNTS = "\tvfat\n" in Path("/proc/filesystems").read_text("ascii")


class MountedStick:
    """A stick that the kernel mounts, as the page says."""

    def __init__(self, image: Path) -> None:
        done = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True)
        self.device = done.stdout.strip()

    @contextmanager
    def plugged_in(self, page: Runbook, beginning: str, place: str) -> Iterator[None]:
        """Type the page's line that mounts, and the one that lets go."""
        page.type(beginning)
        try:
            yield
        finally:
            page.type(f"umount {place}")

    def close(self) -> None:
        """Let go of the image."""
        subprocess.run(["losetup", "--detach", self.device], check=True)


class CarriedStick:
    """A stick whose files mtools carry between its file system and the folder at which it would be mounted."""

    def __init__(self, image: Path) -> None:
        self.device = str(image)

    @contextmanager
    def plugged_in(self, page: Runbook, beginning: str, place: str) -> Iterator[None]:
        """Take everything out of the image into a small disk, and put everything back."""
        with small_disk(Path(page.places[place]), mebibytes=STICK_MIB - 4) as folder:
            if self._names():
                self._run("mcopy", "-s", "-Q", "-n", "-i", self.device, "::*", folder)
            yield
            if self._names():
                self._run("mdeltree", "-i", self.device, *(f"::{name}" for name in self._names()))
            for path in folder.iterdir():
                self._run("mcopy", "-s", "-Q", "-i", self.device, path, "::")
        self._run("fsck.fat", "-n", self.device)

    def _names(self) -> list[str]:
        done = self._run("mdir", "-b", "-i", self.device, "::")
        return [line.removeprefix("::/").rstrip("/") for line in done.splitlines() if line]

    def _run(self, *command: str | Path) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """A controller of today's school."""
    school = make_school(tmp_path / "school", now=datetime.now(UTC))
    tables = {"controller": {"data": "controller", "keys": school.keys, "key_store": "key-store"}}
    (tmp_path / "controller").mkdir()
    (tmp_path / "controller.toml").write_text(encode_toml(tables), "utf-8")
    made = make_services(load_config(tmp_path / "controller.toml"))
    upgrade(made.database)
    with closing(made.database):
        yield made


def spool_lesson(services: Services, unit: Path, device: str, owner: str) -> Lesson:
    """Let the unit have recorded a lesson."""
    epoch = next(iter(services.keys.epochs))
    lesson = Lesson(
        device=device,
        owner=owner,
        recorder=load_signing_key(unit / "data" / "identity" / "recorder.key"),
        epoch=epoch,
        epoch_identity=services.keys.epochs[epoch],
        segments=[made_up_segment(200_000), made_up_segment(90_000)],
    )
    folder = unit / "data" / "spool" / lesson.id
    folder.mkdir(parents=True)
    for index, data in lesson.objects.items():
        (folder / (f"{index:06d}.age" if index else "key.age")).write_bytes(data)
    (folder / "manifest").write_bytes(lesson.manifest)
    return lesson


def test_page_brings_a_lesson_home_and_its_receipt_back(services: Services, tmp_path: Path) -> None:
    """Every command of the page, in its order, there and back: the lesson arrives whole, and its receipt too."""
    owner = make_accounts(services).add(email="ada@school.example", name="Ada", role=Role.TEACHER)
    unit = tmp_path / "unit"
    row = add_device(services, NewDevice(label="Room 12", owner=owner, settings={}), unit)
    lesson = spool_lesson(services, unit, row.id, owner)
    image = tmp_path / "stick.img"
    with image.open("wb") as file:
        file.truncate(STICK_MIB * 2**20)
    with closing(MountedStick(image) if MOUNTS else CarriedStick(image)) as stick:
        page = _page(tmp_path, stick.device)
        page.type("mkfs.vfat")
        _at_the_unit(page, stick)
        told = _at_the_server(page, stick)
        assert f"Room 12 ({row.id}): taken in." in told
        _at_the_unit(page, stick)
    line = (unit / "data" / "state" / "receipts" / lesson.id).read_bytes()
    assert Receipt.KIND.encode() in split_line(line).body
    with services.database.reading() as session:
        assert session.get_one(Recording, lesson.id).state is RecordingState.READY
    assert services.key_store.get(lesson.id) == lesson.identity


def _page(folder: Path, device: str) -> Runbook:
    places = {
        "/dev/sdX1": device,
        "/dev/disk/by-label/BACKROW": device,
        "/etc/backrow/controller.toml": str(folder / "controller.toml"),
        "/etc/backrow/device.toml": str(folder / "unit" / "device.toml"),
        "/run/backrow/stick": str(folder / "at-the-unit"),
        "/run/stick": str(folder / "at-the-server"),
        "uid=backrow": f"uid={os.geteuid()}",
    }
    return Runbook("usb-stick", places, folder)


def _at_the_unit(page: Runbook, stick: MountedStick | CarriedStick) -> None:
    page.type("mkdir -p /run/backrow/stick")
    with stick.plugged_in(page, "mount -t vfat -o nosuid,nodev,noexec /dev", "/run/backrow/stick"):
        page.type("backrow device stick sync")


def _at_the_server(page: Runbook, stick: MountedStick | CarriedStick) -> str:
    page.type("mkdir -p /run/stick")
    with stick.plugged_in(page, "mount -t vfat -o nosuid,nodev,noexec,umask", "/run/stick"):
        return page.type("backrow controller stick import")
