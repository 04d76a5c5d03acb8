"""`backrow open --recording`: every segment that can be had, a line on each, and the worst as the exit status."""

from pathlib import Path

import pytest
from click.testing import Result

from protocol.envelope import CHUNK_BYTES, seal
from provisioning.recover_files import Status
from tests.unit.provisioning.recover_samples import (
    IDENTITY,
    OTHER,
    SEGMENT_BYTES,
    SIGNING_KEY,
    SampleRecording,
    run_open,
    write_key,
)


@pytest.fixture
def recording(tmp_path: Path) -> SampleRecording:
    """A recording in order; each test spoils its own."""
    return SampleRecording(tmp_path / "recording").make()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """The folder that is to be written."""
    return tmp_path / "opened"


def run(recording: SampleRecording, output: Path, *more: str | Path) -> Result:
    """Open the recording with the school's key."""
    key = write_key(recording.folder.parent / "school.key")
    return run_open("-i", key, "-o", output, "--recording", recording.folder, *more)


def recorder_key(recording: SampleRecording) -> Path:
    """The unit's public key, as a file."""
    path = recording.folder.parent / "recorder.pub"
    path.write_text(SIGNING_KEY.verifying.encode() + "\n")
    return path


def test_recording_opens_whole(recording: SampleRecording, output: Path) -> None:
    """Every segment is there with its content and its line, verified against the signed manifest."""
    result = run(recording, output, "--recorder-key", recorder_key(recording))
    assert result.exit_code == 0
    assert [(output / f"{index:06d}.mp4").read_bytes() for index in (1, 2, 3)] == [
        recording.plaintext(index) for index in (1, 2, 3)
    ]
    lines = result.stdout.splitlines()
    assert lines[0] == "manifest: signatures verified"
    assert lines[1] == f"000001.age: whole; {SEGMENT_BYTES} bytes in 000001.mp4; as the manifest names it"
    assert len(lines) == 4
    assert output.stat().st_mode & 0o777 == 0o700


def test_recording_without_the_recorders_key_says_what_was_not_checked(
    recording: SampleRecording, output: Path
) -> None:
    """Digests are compared all the same, and the missing proof is said."""
    result = run(recording, output)
    assert result.exit_code == 0
    assert "manifest: signatures not checked (give --recorder-key)" in result.stdout
    assert result.stdout.count("as the manifest names it") == 3


def test_recording_goes_on_past_what_is_damaged_and_missing(recording: SampleRecording, output: Path) -> None:
    """One segment damaged, one gone: the third opens, each has its line, the worst is the status."""
    damaged = bytearray(recording.segment(1).read_bytes())
    damaged[CHUNK_BYTES + 5000] ^= 1
    recording.segment(1).write_bytes(damaged)
    recording.segment(2).unlink()
    result = run(recording, output, "--recorder-key", recorder_key(recording))
    lines = result.stdout.splitlines()
    assert "payload chunk 1 is damaged" in lines[1]
    assert "DIFFERS from what the manifest names" in lines[1]
    assert "000002.age: MISSING" in lines[2]
    assert lines[3].startswith("000003.age: whole")
    assert result.exit_code == Status.MISSING
    assert (output / "000001.mp4").read_bytes() == recording.plaintext(1)[:CHUNK_BYTES]
    assert not (output / "000002.mp4").exists()


def test_segment_cut_on_the_unit_is_known_as_such(recording: SampleRecording, output: Path) -> None:
    """What the recorder itself recovered after a power cut is cut short, and just as its manifest says."""
    recording.segment(3).write_bytes(recording.segment(3).read_bytes()[:-50])
    recording.rewrite_manifest(*(line for index in (1, 2, 3) for line in recording.contents(index)))
    result = run(recording, output, "--recorder-key", recorder_key(recording))
    assert result.exit_code == Status.TRUNCATED
    assert f"{2 * CHUNK_BYTES} bytes in 000003.mp4; as the manifest names it, cut short on the unit" in result.stdout


def test_segment_that_was_still_open_is_known_by_its_header(recording: SampleRecording, output: Path) -> None:
    """A card pulled in the middle: the last segment has no end in the manifest, but its header was signed."""
    recording.segment(3).write_bytes(recording.segment(3).read_bytes()[:-50])
    opened, _ = recording.contents(3)
    lines = (*recording.contents(1), *recording.contents(2), opened)
    recording.rewrite_manifest(*lines)
    result = run(recording, output, "--recorder-key", recorder_key(recording))
    assert result.exit_code == Status.TRUNCATED
    assert "its header is as the manifest names it" in result.stdout
    recording.segment(3).write_bytes(recording.segment(2).read_bytes())
    swapped = run(recording, output, "--recorder-key", recorder_key(recording))
    assert swapped.exit_code == Status.DIFFERS
    assert "000003.age: whole" in swapped.stdout


def test_segment_that_the_manifest_does_not_name_differs(recording: SampleRecording, output: Path) -> None:
    """A file that somebody put there opens perhaps, but nobody vouches for it."""
    recording.rewrite_manifest(*recording.contents(1), *recording.contents(2))
    result = run(recording, output)
    assert result.exit_code == Status.DIFFERS
    assert "DIFFERS: the manifest names no such segment" in result.stdout


def test_forged_manifest_is_not_believed(recording: SampleRecording, output: Path) -> None:
    """With the recorder's key a changed manifest shows; the segments open, and are compared with nothing."""
    path = recording.folder / "manifest"
    path.write_bytes(path.read_bytes().replace(b'"take":1', b'"take":2'))
    result = run(recording, output, "--recorder-key", recorder_key(recording))
    assert result.exit_code == Status.DIFFERS
    assert "NOT TO BE BELIEVED" in result.stdout
    assert "as the manifest names it" not in result.stdout
    assert len(list(output.iterdir())) == 3


def test_recording_without_manifest_opens_and_says_so(recording: SampleRecording, output: Path) -> None:
    """No manifest is no reason to give nothing."""
    (recording.folder / "manifest").unlink()
    result = run(recording, output)
    assert result.exit_code == Status.MISSING
    assert "manifest: MISSING" in result.stdout
    assert len(list(output.iterdir())) == 3


def test_manifest_with_a_torn_last_line_is_used_up_to_it(recording: SampleRecording, output: Path) -> None:
    """A line that was being written when the power went is not a forgery."""
    with (recording.folder / "manifest").open("ab") as file:
        file.write(b'{"half')
    assert run(recording, output, "--recorder-key", recorder_key(recording)).exit_code == 0


def test_recording_key_may_be_kept_apart(recording: SampleRecording, output: Path, tmp_path: Path) -> None:
    """As in the controller's key store: --recording-key names the file."""
    apart = tmp_path / "entry.age"
    (recording.folder / "key.age").rename(apart)
    assert run(recording, output).exit_code == Status.FAILED
    assert run(recording, output, "--recording-key", apart).exit_code == 0


@pytest.mark.parametrize(
    ("key", "status", "words"),
    [
        (seal(b"x", [OTHER.recipient]), Status.NO_MATCH, "no identity given opens"),
        (seal(b"no key\n", [IDENTITY.recipient]), Status.KEYS, "opens, but holds no identity"),
        (seal(b"x" * 100, [IDENTITY.recipient])[:-1], Status.TRUNCATED, "ends without its final chunk"),
        (b"", Status.HEADER, "ends inside its age header"),
    ],
    ids=["other key", "no identity inside", "cut", "empty"],
)
def test_recording_whose_key_does_not_open_says_why(
    recording: SampleRecording, output: Path, key: bytes, status: Status, words: str
) -> None:
    """Without key.age nothing opens: its own fault is the status, it is named, and no folder is made."""
    (recording.folder / "key.age").write_bytes(key)
    result = run(recording, output)
    assert result.exit_code == status
    assert "key.age" in result.stderr
    assert words in result.stderr
    assert not output.exists()


def test_recording_needs_what_it_needs(recording: SampleRecording, output: Path, tmp_path: Path) -> None:
    """Calls that make no sense are refused as such."""
    assert run_open("--recording", recording.folder).exit_code == 2
    assert run_open("--recording", recording.folder, "-o", "-").exit_code == 2
    assert run_open("--recording", recording.folder, "-o", output, tmp_path / "file.age").exit_code == 2
    assert run_open("--recorder-key", tmp_path / "recorder.pub", data=b"").exit_code == 2
    bad_key = run(recording, output, "--recorder-key", tmp_path / "gone.pub")
    assert (bad_key.exit_code, "gone.pub" in bad_key.stderr) == (Status.KEYS, True)


def test_folder_without_segments_is_said(recording: SampleRecording, output: Path, tmp_path: Path) -> None:
    """An empty folder, or none, is not a recording that opened."""
    for path in recording.folder.glob("0*.age"):
        path.unlink()
    (recording.folder / "manifest").unlink()
    assert run(recording, output).exit_code == Status.MISSING
    gone = SampleRecording(tmp_path / "gone")
    assert run(gone, output).exit_code == Status.FAILED
