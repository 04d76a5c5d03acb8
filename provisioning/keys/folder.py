"""Keys onto the disk: each folder whole or not at all, private, and never over something that stands.

The root's part goes into the same folder or, where the school keeps it apart, into one of its own that is written
first: without it the others are worth nothing. Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from protocol.durable import PRIVATE, REAL, Files, replace_file
from protocol.envelope import PassphraseRecipient
from provisioning.keys.ceremony import SchoolKeys
from provisioning.keys.errors import KeysError
from provisioning.keys.layout import SEALED, KeyFile, root_files, root_public_files, server_files

FOLDER_MODE = 0o700
DRAFT_MARK = "unfinished"


@dataclass(frozen=True, kw_only=True)
class Apart:
    """How the root's part is kept: in a folder of its own, sealed with a passphrase, both or neither."""

    folder: Path | None = None
    passphrase: PassphraseRecipient | None = None


def store_school_keys(
    folder: Path, keys: SchoolKeys, *, apart: Apart | None = None, files: Files = REAL
) -> tuple[str, ...]:
    """Write all keys to `folder`, which is new or empty, and give the names of its files.

    Each folder is built beside its place and renamed: it appears whole or not at all. Raises `KeysError`.
    """
    apart = apart or Apart()
    folder = folder.expanduser().resolve()
    root_folder = apart.folder.expanduser().resolve() if apart.folder else None
    require_apart(folder, root_folder)
    for wanted in filter(None, (folder, root_folder)):
        require_new_folder(wanted)
    secrets, public = tuple(root_files(keys.root, apart.passphrase)), tuple(root_public_files(keys.root))
    if root_folder is None:
        return _store(folder, (*secrets, *public, *server_files(keys)), files)
    _store(root_folder, (*secrets, *public), files)
    try:
        return _store(folder, (*public, *server_files(keys)), files)
    except KeysError:
        shutil.rmtree(root_folder)
        raise


def require_new_folder(folder: Path) -> None:
    """Raise `KeysError` when something stands at `folder` that is not an empty folder, or nobody can look."""
    try:
        stands = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise KeysError(f"{folder}: cannot be looked at: {error}; choose another folder") from None
    if stands:
        raise KeysError(
            f"{folder}: expected a new or an empty folder, found something in it; keys are never written over: "
            "choose another folder, or move this one to a safe place first"
        )


def require_apart(folder: Path, root_folder: Path | None) -> None:
    """Raise `KeysError` when one of the two folders lies in the other: whoever moves one would move both."""
    if root_folder is None:
        return
    one, other = folder.expanduser().resolve(), root_folder.expanduser().resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise KeysError(
            f"--root-folder {root_folder}: expected a folder apart from --out {folder}, neither of them in the other"
        )


def _store(folder: Path, content: Iterable[KeyFile], files: Files) -> tuple[str, ...]:
    try:
        files.make_folder(folder.parent)
        return _build_and_rename(folder, content, files)
    except OSError as error:
        raise KeysError(f"{folder}: the keys cannot be written there: {error}; choose another folder") from None


def _build_and_rename(folder: Path, content: Iterable[KeyFile], files: Files) -> tuple[str, ...]:
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.{DRAFT_MARK}.", dir=folder.parent))
    try:
        names = tuple(_write_file(draft, wanted, files) for wanted in content)
        files.sync_folder(draft)
        files.replace(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    files.sync_folder(folder.parent)
    return names


def _write_file(draft: Path, wanted: KeyFile, files: Files) -> str:
    path = draft / wanted.name
    files.make_folder(path.parent, FOLDER_MODE)
    put_key_file(draft, wanted, files)
    return wanted.name


def put_key_file(folder: Path, wanted: KeyFile, files: Files = REAL) -> None:
    """Put one file durably; raise `OSError` where the file system cannot keep an unsealed secret private."""
    path = folder / wanted.name
    replace_file(path, wanted.content, mode=wanted.mode, files=files)
    mode = path.stat().st_mode & 0o777
    if wanted.mode == PRIVATE and not wanted.name.endswith(SEALED) and mode & 0o077:
        files.unlink(path)
        raise OSError(f"this file system does not keep a file private (mode {mode:o} instead of {PRIVATE:o})")
