"""`backrow open` on one file: what it gives, what it says, and with which status it ends."""

import base64
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from protocol.envelope import CHUNK_BYTES, KeyIdentity, generate_hybrid, generate_x25519, seal
from protocol.words import CATALOGUE
from provisioning.assets import compile_catalogues
from provisioning.recover import STATUS_HELP
from provisioning.recover_files import Status
from tests.unit.protocol.envelope.typage import run_typage
from tests.unit.provisioning.recover_samples import IDENTITY, OTHER, content, run_open, write_key

LENGTH = 2 * CHUNK_BYTES + 100
SEALED = seal(content(LENGTH), [IDENTITY.recipient])
FULL = seal(content(2 * CHUNK_BYTES), [IDENTITY.recipient])
COMMAND = [sys.executable, "-m", "provisioning", "open"]


def armor(data: bytes) -> bytes:
    """ASCII armor around a sealed file."""
    body = base64.encodebytes(data).replace(b"\n", b"")
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return b"\n".join([b"-----BEGIN AGE ENCRYPTED FILE-----", *lines, b"-----END AGE ENCRYPTED FILE-----", b""])


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """The key that opens SEALED."""
    return write_key(tmp_path / "school.key")


@pytest.mark.parametrize("form", [bytes, armor], ids=["binary", "armored"])
@pytest.mark.parametrize("identity", [generate_x25519(), generate_hybrid()], ids=["x25519", "hybrid"])
def test_open_gives_the_content(tmp_path: Path, identity: KeyIdentity, form: Callable[[bytes], bytes]) -> None:
    """Both key types, binary and armored, from a file or standard input, to a file or standard output."""
    key = write_key(tmp_path / "a.key", identity)
    data = form(seal(content(LENGTH), [identity.recipient]))
    sealed, opened = tmp_path / "lesson.age", tmp_path / "lesson.mp4"
    sealed.write_bytes(data)
    piped = run_open("-i", key, data=data)
    assert (piped.exit_code, piped.stdout_bytes, piped.stderr) == (0, content(LENGTH), "")
    assert run_open("-i", key, sealed).stdout_bytes == content(LENGTH)
    assert run_open("-i", key, "-o", opened, sealed).exit_code == 0
    assert opened.read_bytes() == content(LENGTH)


def test_open_tries_every_key_file(tmp_path: Path, key_file: Path) -> None:
    """-i may be repeated; the one that fits is found."""
    other = write_key(tmp_path / "other.key", OTHER)
    assert run_open("-i", other, "-i", key_file, data=SEALED).stdout_bytes == content(LENGTH)


def flip(place: int) -> bytes:
    """SEALED with one bit changed."""
    changed = bytearray(SEALED)
    changed[place] ^= 1
    return bytes(changed)


MAC_AT = SEALED.index(b"\n--- ") + 10
CHUNK_1_AT = len(SEALED) - 116 - 500
FAULTS: dict[str, tuple[bytes, Status, int, str]] = {
    "trailing": (FULL + b"x", Status.TRAILING, 2 * CHUNK_BYTES, "data follows the final chunk"),
    "cut": (SEALED[:-1], Status.TRUNCATED, 2 * CHUNK_BYTES, "ends without its final chunk: 2 whole chunks"),
    "cut in the first chunk": (SEALED[:500], Status.TRUNCATED, 0, "ends without its final chunk: 0 whole chunks"),
    "cut armor": (armor(SEALED)[:-300], Status.TRUNCATED, CHUNK_BYTES, "the armor ends after line"),
    "damaged": (flip(CHUNK_1_AT), Status.DAMAGED, CHUNK_BYTES, "payload chunk 1 is damaged"),
    "armor": (armor(SEALED) + b"x", Status.ARMOR, 2 * CHUNK_BYTES, "nothing after its END line"),
    "not age": (b"\x00\x00\x00\x20ftypisom", Status.HEADER, 0, "not an age file"),
    "empty": (b"", Status.HEADER, 0, "the file ends inside its age header, after 0 bytes"),
    "header only": (SEALED[: MAC_AT + 39], Status.HEADER, 0, "no content in it"),
    "changed header": (
        SEALED[:MAC_AT] + (b"B" if SEALED[MAC_AT : MAC_AT + 1] == b"A" else b"A") + SEALED[MAC_AT + 1 :],
        Status.MAC,
        0,
        "the header was changed after sealing",
    ),
    "other key": (seal(b"x", [OTHER.recipient]), Status.NO_MATCH, 0, "no identity given opens this file"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_open_calls_each_fault_by_its_own_status_and_words(name: str, tmp_path: Path, key_file: Path) -> None:
    """What can be had is given, to standard output and to a file alike; nothing to give leaves no file."""
    data, status, opened_bytes, words = FAULTS[name]
    opened = tmp_path / "opened"
    piped = run_open("-i", key_file, data=data)
    filed = run_open("-i", key_file, "-o", opened, data=data)
    assert piped.stdout_bytes == content(opened_bytes)
    assert (opened.read_bytes() if opened.exists() else b"") == content(opened_bytes)
    assert opened.exists() == bool(opened_bytes)
    for result in (piped, filed):
        assert result.exit_code == status
        assert words in result.stderr
        assert (f"{opened_bytes} bytes were opened" if opened_bytes else "nothing was opened") in result.stderr


def test_statuses_are_distinct_and_documented() -> None:
    """--help lists every exit status that there is, in order of loss."""
    listed = [line.split(maxsplit=1) for line in STATUS_HELP.splitlines() if line.strip()[:1].isdigit()]
    assert [int(number) for number, _ in listed] == sorted({2, *map(int, Status)})
    assert "cut short" in run_open("--help").stdout
    page = (Path(__file__).parents[3] / "docs" / "protocol" / "envelope.md").read_text("utf-8")
    for number, words in listed:
        assert f"| {number} | {words} |" in page


def test_open_leaves_no_draft_behind(tmp_path: Path, key_file: Path) -> None:
    """Whole, torn or refused: beside the output there is nothing else, and the output is private."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name, data in (("whole", SEALED), ("torn", SEALED[:-1]), ("refused", b"junk")):
        run_open("-i", key_file, "-o", folder / name, data=data)
    assert sorted(path.name for path in folder.iterdir()) == ["torn", "whole"]
    assert (folder / "whole").stat().st_mode & 0o777 == 0o600


def test_open_keeps_an_older_output_when_nothing_opens(tmp_path: Path, key_file: Path) -> None:
    """A failure does not cost what an earlier call had opened."""
    opened = tmp_path / "opened"
    opened.write_bytes(b"from before")
    assert run_open("-i", key_file, "-o", opened, data=b"junk").exit_code == Status.HEADER
    assert opened.read_bytes() == b"from before"


def test_open_writes_into_a_fifo(tmp_path: Path, key_file: Path) -> None:
    """A FIFO stays one, and whoever reads it gets the content; no file takes its place."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        result = run_open("-i", key_file, "-o", fifo, data=seal(b"short", [IDENTITY.recipient]))
        assert (result.exit_code, fifo.is_fifo()) == (0, True)
        assert os.read(reader, 100) == b"short"
    finally:
        os.close(reader)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fifo", "school.key"]


def test_open_writes_into_a_device_and_says_when_it_is_full(tmp_path: Path, key_file: Path) -> None:
    """A device that takes nothing is an error and is still a device afterwards: no plaintext lies in its place."""
    device = tmp_path / "full"
    try:
        os.mknod(device, stat.S_IFCHR | 0o600, os.makedev(1, 7))
        os.close(os.open(device, os.O_WRONLY))
    except PermissionError:
        pytest.skip("a device node can be made by root alone, in a folder that allows devices")
    result = run_open("-i", key_file, "-o", device, data=SEALED)
    assert result.exit_code == Status.FAILED
    assert result.stderr == f"backrow open: {device} cannot be written: No space left on device\n"
    assert device.is_char_device()


def test_open_follows_a_link(tmp_path: Path, key_file: Path) -> None:
    """The file behind the link is replaced, or made, and the link stays a link."""
    link, target = tmp_path / "link", tmp_path / "elsewhere" / "lesson.mp4"
    target.parent.mkdir()
    link.symlink_to(target)
    for _ in range(2):
        assert run_open("-i", key_file, "-o", link, data=SEALED).exit_code == 0
        assert (link.is_symlink(), target.read_bytes()) == (True, content(LENGTH))
    assert list(target.parent.iterdir()) == [target]


def test_open_refuses_a_folder_as_output(tmp_path: Path, key_file: Path) -> None:
    """Only --recording writes into a folder."""
    result = run_open("-i", key_file, "-o", tmp_path, data=SEALED)
    assert (result.exit_code, "expected a file, a FIFO" in result.stderr) == (Status.FAILED, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "at least one identity"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "line 1: this kind of key is not supported: an SSH key; expected"),
        (b"AGE-PLUGIN-YUBIKEY-1QQQQ\n", "this kind of key is not supported: a key of an age plugin"),
        (b"AGE-SECRET-KEY-1QQQQ\n", "line 1: the identity is malformed"),
        (b"\xff\xfe\x00", "expected text"),
        (seal(b"x", [OTHER.recipient]), "no identity given opens"),
    ],
    ids=["empty", "ssh", "plugin", "mistyped", "binary", "sealed to a key"],
)
def test_unusable_key_file_is_named(tmp_path: Path, text: bytes, words: str) -> None:
    """A key file that holds no key has its own status, and the message names the file."""
    key = tmp_path / "bad.key"
    key.write_bytes(text)
    result = run_open("-i", key, data=SEALED)
    assert result.exit_code == Status.KEYS
    assert str(key) in result.stderr
    assert words in result.stderr


def test_key_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    """A byte order mark and its line ends do not spoil a key."""
    key = tmp_path / "notepad.key"
    key.write_bytes(b"\xef\xbb\xbf" + IDENTITY.encode().encode() + b"\r\n")
    assert run_open("-i", key, data=SEALED).stdout_bytes == content(LENGTH)


def test_missing_files_are_named(tmp_path: Path, key_file: Path) -> None:
    """A key, an input, an output folder that is not there: each its status and its path."""
    gone = tmp_path / "gone"
    for arguments, status in (
        (["-i", gone], Status.KEYS),
        (["-i", key_file, gone], Status.FAILED),
        (["-i", key_file, "-o", gone / "x"], Status.FAILED),
        (["-i", key_file, tmp_path], Status.FAILED),
    ):
        result = run_open(*arguments, data=SEALED)
        assert result.exit_code == status
        assert "backrow open: " in result.stderr


def test_open_refuses_to_overwrite_what_it_reads(tmp_path: Path, key_file: Path) -> None:
    """The sealed file is never replaced by its own plaintext, under whatever name it is reached."""
    sealed, link = tmp_path / "lesson.age", tmp_path / "link"
    sealed.write_bytes(SEALED)
    link.symlink_to(sealed)
    result = run_open("-i", key_file, "-o", link, sealed)
    assert result.exit_code == 2
    assert "is the sealed file itself" in result.stderr
    assert sealed.read_bytes() == SEALED


@pytest.fixture(scope="module")
def with_passphrase() -> bytes:
    """A file that another program sealed with a passphrase."""
    return run_typage([{"passphrase": "correct horse", "data": content(100)}])[0]


def test_passphrase_comes_from_a_file(tmp_path: Path, with_passphrase: bytes) -> None:
    """The first line is the passphrase, with either line end; a wrong one has its own words."""
    passphrase = tmp_path / "passphrase"
    for text in (b"correct horse", b"correct horse\n", b"correct horse\r\nsecond line\n"):
        passphrase.write_bytes(text)
        assert run_open("--passphrase-file", passphrase, data=with_passphrase).stdout_bytes == content(100)
    passphrase.write_bytes(b"wrong horse\n")
    wrong = run_open("--passphrase-file", passphrase, data=with_passphrase)
    assert wrong.exit_code == Status.NO_MATCH
    assert "the passphrase does not open it" in wrong.stderr
    passphrase.write_bytes(b"\n")
    assert run_open("--passphrase-file", passphrase, data=with_passphrase).exit_code == Status.KEYS
    assert run_open("--passphrase-file", tmp_path / "gone", data=with_passphrase).exit_code == Status.KEYS


def test_key_file_may_be_sealed_with_a_passphrase(tmp_path: Path) -> None:
    """The school's key as it should be kept: sealed itself, and opened on the way, armored or not."""
    (sealed_key,) = run_typage([{"passphrase": "correct horse", "data": f"{IDENTITY.encode()}\n".encode()}])
    key, passphrase = tmp_path / "school.key.age", tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    for form in (sealed_key, armor(sealed_key)):
        key.write_bytes(form)
        result = run_open("-i", key, "--passphrase-file", passphrase, data=SEALED)
        assert (result.exit_code, result.stdout_bytes) == (0, content(LENGTH))


def test_passphrase_is_asked_for_only_when_a_file_needs_one(tmp_path: Path, key_file: Path) -> None:
    """A file with key recipients never touches the passphrase file, even one that is not there."""
    assert run_open("-i", key_file, "--passphrase-file", tmp_path / "gone", data=SEALED).exit_code == 0


def run_at_terminal(arguments: list[str], typed: bytes) -> tuple[int, bytes]:
    """Run the command with a terminal of its own, type a line when it asks, and give its status and all it said."""
    terminal, its_end = pty.openpty()
    words = ["setsid", "--ctty", "--wait", *COMMAND, *arguments]
    with subprocess.Popen(words, stdin=its_end, stdout=its_end, stderr=its_end) as process:
        os.close(its_end)
        said = _converse(terminal, typed)
    os.close(terminal)
    return process.returncode, said


def _converse(terminal: int, typed: bytes) -> bytes:
    said = b""
    try:
        while part := os.read(terminal, 1024):
            if b"Passphrase:" in (said := said + part) and typed:
                os.write(terminal, typed)
                typed = b""
    except OSError:  # how Linux says that nobody holds the other end any more
        pass
    return said


def test_passphrase_is_asked_for_at_the_terminal(tmp_path: Path, with_passphrase: bytes) -> None:
    """A person types it, nothing of it is shown, and the file opens."""
    sealed, opened = tmp_path / "sealed.age", tmp_path / "opened"
    sealed.write_bytes(with_passphrase)
    status, said = run_at_terminal(["-o", str(opened), str(sealed)], b"correct horse\n")
    assert (status, opened.read_bytes()) == (0, content(100))
    assert b"horse" not in said


def test_open_refuses_to_fill_a_terminal(tmp_path: Path, key_file: Path) -> None:
    """A recording is not poured onto a screen."""
    sealed = tmp_path / "sealed.age"
    sealed.write_bytes(SEALED)
    status, said = run_at_terminal(["-i", str(key_file), str(sealed)], b"")
    assert status == 2
    assert b"give -o OUT" in said


def test_passphrase_without_terminal_is_an_error_and_eats_no_input(with_passphrase: bytes) -> None:
    """In a script the sealed file on standard input is never taken for the passphrase."""
    result = subprocess.run(COMMAND, input=with_passphrase, capture_output=True, check=False, start_new_session=True)
    assert result.returncode == Status.KEYS
    assert b"give --passphrase-file" in result.stderr


def test_full_disk_is_said(key_file: Path) -> None:
    """Output that cannot be written ends with its own status and one line, not with a trace."""
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [*COMMAND, "-i", key_file], input=SEALED, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert result.returncode == Status.FAILED
    assert result.stderr.decode() == "backrow open: standard output cannot be written: No space left on device\n"


def test_open_speaks_the_language_of_the_terminal(tmp_path: Path, key_file: Path) -> None:
    """In Spanish the kind of loss and what was had are Spanish; the format's own words behind them stay as they are."""
    compile_catalogues(CATALOGUE)
    sealed, opened = tmp_path / "lesson.age", tmp_path / "lesson.mp4"
    sealed.write_bytes(SEALED[:-1])
    result = subprocess.run(
        [*COMMAND, "-i", key_file, "-o", opened, sealed],
        capture_output=True,
        check=False,
        text=True,
        env=os.environ | {"LANGUAGE": "es", "LC_ALL": "C.UTF-8"},
    )
    assert result.returncode == Status.TRUNCATED
    assert f"backrow open: {sealed}: cortado: the file ends without its final chunk" in result.stderr
    assert result.stderr.endswith(f"; se abrieron {2 * CHUNK_BYTES} bytes y están en {opened}\n")
