"""The README's demo, once, on a real film that carries a canary: equal at the end, nowhere in the clear on its way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from protocol.envelope import open_sealed, parse_identities
from tests.footage import find_footage, run_ffmpeg

CANARY = b"canary of the blue classroom 7f3a"
MARKS = (CANARY, b"ftypiso", b"mfhd\x00\x00\x00\x00", b"AGE-SECRET-KEY-1")
_NOTE = f"h264_metadata=sei_user_data=086f3693b7b34f2c965321492feee5b8+{CANARY.decode()}"


def written_by_the_unit(kept: Path) -> list[Path]:
    """Give every file that the unit's processes wrote: its folder and their logs."""
    files = [path for path in (kept / "unit").rglob("*") if path.is_file()]
    return files + list((kept / "logs").glob("device-*.log"))


@pytest.mark.timeout(420)
def test_lesson_travels_sealed_and_comes_back_equal(tmp_path: Path) -> None:
    """The demo ends well; what the server keeps opens with the stock `age` and plays; no file shows the canary."""
    film, kept = tmp_path / "film.mp4", tmp_path / "kept"
    run_ffmpeg("-i", find_footage("bigbuckbunny.mp4"), "-c", "copy", "-bsf:v", _NOTE, film)
    command = [sys.executable, "-m", "provisioning", "demo", "--once", "--keep", kept, "--input", film]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "132 of 132 access units equal byte for byte" in done.stdout

    (segment,) = (kept / "controller" / "objects").glob("*/000001.age")
    for path in [*written_by_the_unit(kept), segment]:
        content = path.read_bytes()
        assert [mark for mark in MARKS if mark in content] == [], path
    assert CANARY in film.read_bytes()

    plain = _open_with_stock_age(kept, segment, tmp_path / "recording.key")
    assert CANARY in plain
    assert b"ftypiso" in plain
    assert _count_pictures(plain) == 132


def _open_with_stock_age(kept: Path, segment: Path, key: Path) -> bytes:
    """Open the recording's key with the storage identity, and the segment with the stock program."""
    (storage,) = (kept / "keys" / "storage").glob("*.key")
    (entry,) = (kept / "key-store").glob("*.age")
    key.write_bytes(open_sealed(entry.read_bytes(), parse_identities(storage.read_text("ascii"))))
    return subprocess.run(["age", "-d", "-i", key, segment], capture_output=True, check=True).stdout


def _count_pictures(plain: bytes) -> int:
    """Let the stock ffprobe decode a segment and count its pictures."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-count_frames", "-of", "csv=p=0"]
    command += ["-show_entries", "stream=nb_read_frames", "-i", "pipe:0"]
    counted = subprocess.run(command, input=plain, capture_output=True, check=True)
    return int(counted.stdout.decode().strip().strip(","))
