"""Opens a zip that somebody sent: nothing is unpacked to a disk, and no more is read than its header says and we allow.

A member that points outside, is there twice, is locked, or would unpack to very much more than it is packed to is
refused before a byte of it is read. `zipfile` itself reads no more of a member than its header says, and checks it.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from controller.roster.flaws import Flawed, UnreadableError, flaw

MIB = 1024 * 1024
MOST_MEMBERS = 200
MOST_UNPACKED_BYTES = 1024 * MIB
MOST_RATIO = 100
FREE_BYTES = MIB  # a small member may be packed as well as it can be
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)
_NO_ZIP = (*_DAMAGED, NotImplementedError, OSError, ValueError)


@dataclass(frozen=True)
class Archive:
    """The members of a zip, by their names without the one folder that may be around them all."""

    name: str
    opened: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo]

    @contextmanager
    def reading(self, member: str) -> Iterator[IO[bytes]]:
        """Open one member as a stream; raises `UnreadableError` when it is not there, or damaged where it is read."""
        if member not in self.members:
            raise UnreadableError(flaw(Flawed.FILE_MISSING, member))
        try:
            with self.opened.open(self.members[member]) as stream:
                yield stream
        except _DAMAGED as error:
            raise UnreadableError(flaw(Flawed.ZIP_UNREADABLE, member, why=str(error))) from None


@contextmanager
def open_archive(data: IO[bytes], name: str) -> Iterator[Archive]:
    """Open a zip and look at all its members; raises `UnreadableError` for one that is not to be trusted."""
    try:
        opened = zipfile.ZipFile(data)
    except _NO_ZIP as error:
        raise UnreadableError(flaw(Flawed.ZIP_UNREADABLE, name, why=str(error))) from None
    with opened:
        found = [each for each in opened.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX/")]
        if len(found) > MOST_MEMBERS:
            raise UnreadableError(flaw(Flawed.ZIP_TOO_MANY, name, most=MOST_MEMBERS, got=len(found)))
        for each in found:
            _require_safe(each, name)
        _require_size(found, name)
        yield Archive(name, opened, _by_name(found, name))


def _require_safe(member: zipfile.ZipInfo, name: str) -> None:
    path = member.orig_filename
    parts = path.replace("\\", "/").split("/")
    outside = ".." in parts or not parts[0] or ":" in path or "\\" in path or "\0" in path
    if outside or stat.S_ISLNK(member.external_attr >> 16):
        raise UnreadableError(flaw(Flawed.ZIP_PATH, name, got=path))
    if member.flag_bits & 0x1 or member.compress_type not in _METHODS:
        raise UnreadableError(flaw(Flawed.ZIP_LOCKED, member.filename))


def _require_size(members: list[zipfile.ZipInfo], name: str) -> None:
    whole = sum(member.file_size for member in members)
    for member in members:
        ratio = member.file_size // max(member.compress_size, 1)
        if whole > MOST_UNPACKED_BYTES or (member.file_size > FREE_BYTES and ratio > MOST_RATIO):
            found, most = whole // MIB, MOST_UNPACKED_BYTES // MIB
            raise UnreadableError(flaw(Flawed.ZIP_TOO_LARGE, name, got=found, times=ratio, most=most))


def _by_name(members: list[zipfile.ZipInfo], name: str) -> dict[str, zipfile.ZipInfo]:
    folders = {member.filename.partition("/")[0] for member in members if "/" in member.filename}
    around = f"{folders.pop()}/" if len(folders) == 1 and all("/" in m.filename for m in members) else ""
    found: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        called = member.filename.removeprefix(around)
        if called.casefold() in {other.casefold() for other in found}:
            raise UnreadableError(flaw(Flawed.ZIP_TWICE, name, column=called))
        found[called] = member
    return found
