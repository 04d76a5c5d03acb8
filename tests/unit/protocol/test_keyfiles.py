"""Key files: private, in one form, and refused with what to do about it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from protocol.keyfiles import KeyFileError, load_signing_key, load_verifying_key, read_secret, store_signing_key
from protocol.signing import SigningKey

KEY = SigningKey.from_seed(bytes(range(32)))
SEED = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that holds a signing key."""
    store_signing_key(tmp_path / "lease.key", KEY, "lease")
    return tmp_path / "lease.key"


def test_key_file_has_the_form_of_the_document(path: Path) -> None:
    """A comment with purpose and public half, then the seed in base64url; mode 600; read back as the same key."""
    assert path.read_text() == f"# Backrow lease signing key, public {KEY.verifying.encode()}\n{SEED}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_signing_key(path).verifying == KEY.verifying


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666, 0o777])
def test_key_file_open_to_others_is_refused_with_the_remedy(path: Path, mode: int) -> None:
    """One bit for group or others is enough, and the message says what to type."""
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=rf"mode {mode:o} lets others read it; run: chmod 600 {path}"):
        load_signing_key(path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_key_file_of_its_owner_alone_is_read(path: Path, mode: int) -> None:
    """A file that its owner may only read is as good."""
    path.chmod(mode)
    assert SEED in read_secret(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of root's")
def test_key_file_that_systemd_hands_over_is_read(path: Path) -> None:
    """A credential is root's, read-only, and shows its access list's mask where a group's right would stand."""
    os.chown(path, 0, 0)
    path.chmod(0o440)
    assert SEED in read_secret(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
@pytest.mark.parametrize(("user", "group"), [(1, 0), (0, 1), (1, 1)])
def test_key_file_that_a_group_of_others_reads_is_refused(path: Path, user: int, group: int) -> None:
    """The same mode is no credential when it is not all root's."""
    os.chown(path, user, group)
    path.chmod(0o440)
    with pytest.raises(KeyFileError, match="mode 440 lets others read it"):
        read_secret(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# only a comment\n",
        SEED[:-1].encode(),
        (SEED + "A").encode(),
        f"{SEED}\n{SEED}\n".encode(),
        (SEED + "=").encode(),
        b"not a key at all\n",
        b"AGE-SECRET-KEY-1QQQQ\n",
        b"\xff\xfe\x00",
        (SEED[:-2] + "é").encode(),
    ],
)
def test_key_file_with_anything_else_is_refused_without_showing_it(path: Path, content: bytes) -> None:
    """Nothing, two keys, a cut or an age key: refused by the file's name, and what stands in it is not repeated."""
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match=str(path)) as caught:
        load_signing_key(path)
    assert SEED[:20] not in str(caught.value)


def test_key_file_that_is_missing_or_a_folder_is_refused(tmp_path: Path) -> None:
    """What cannot be opened is the same kind of error, with the system's reason."""
    with pytest.raises(KeyFileError, match=r"gone\.key: cannot be read as a key file: .*No such file"):
        read_secret(tmp_path / "gone.key")
    with pytest.raises(KeyFileError, match="Is a directory"):
        read_secret(tmp_path)


def test_public_key_file_is_read(tmp_path: Path) -> None:
    """One line of base64url, with or without its line feed."""
    for text in (KEY.verifying.encode(), KEY.verifying.encode() + "\n"):
        (tmp_path / "root.pub").write_text(text)
        assert load_verifying_key(tmp_path / "root.pub") == KEY.verifying


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff", (SEED + "\n" + SEED).encode(), b"A" * 44])
def test_public_key_file_with_anything_else_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever is wrong with it, the error is the key file's and names the file."""
    path = tmp_path / "root.pub"
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match=rf"{path}: cannot be read as a public key"):
        load_verifying_key(path)
    with pytest.raises(KeyFileError, match="No such file"):
        load_verifying_key(tmp_path / "gone.pub")
