"""The README's demo, whole: every process, the whole journey, and the judge at its end.

Two films travel at a time: the drawn picture over amqtt, and a phone's film cut without being encoded anew, with a
canary in it; bunny as it is in the soak. Then the sealed files are opened with the stock tools.
"""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioning.demo.tracks import read_tracks
from tests.e2e.demos import Run
from tests.footage import FootageCache, find_footage, run_ffmpeg
from tests.unseen import FILMS

CANARY = b"canary of the blue classroom 7f3a"
_UUID = "086f3693b7b34f2c965321492feee5b8"
FINDINGS = ("pictures", "timestamps", "parameter sets", "turn and shape")


@dataclass(frozen=True)
class Travelled:
    """One film and how its demo went."""

    film: Path | None
    run: Run
    ended: Future[tuple[int, str]]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> FootageCache:
    """Films by name."""
    return FootageCache(tmp_path_factory.mktemp("films"), FILMS)


@pytest.fixture(scope="module")
def phone_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bunny held sideways, cut in front without encoding anew, six channels, and a note in each keyframe."""
    film = tmp_path_factory.mktemp("phone") / "phone.mov"
    note = f"h264_metadata=sei_user_data={_UUID}+{CANARY.decode()}"
    cut, copied = ("-ss", "0.7"), ("-c", "copy", "-bsf:v", note, "-metadata:s:v", "rotate=90")
    run_ffmpeg(*cut, "-i", find_footage("bigbuckbunny.mp4"), *copied, film)
    return film


@pytest.fixture(scope="module")
def travelled(tmp_path_factory: pytest.TempPathFactory, phone_film: Path) -> Iterator[dict[str, Travelled]]:
    """Both demos, begun at once."""
    plans: dict[str, tuple[Path | None, tuple[str, ...]]] = {
        "phone": (phone_film, ()),
        "drawn": (None, ("--broker", "amqtt")),
    }
    with ThreadPoolExecutor(2) as crew:
        begun = {}
        for name, (film, options) in plans.items():
            run = Run(tmp_path_factory.mktemp(name), canaries=(CANARY,))
            source = ("--input", film) if film else ()
            begun[name] = Travelled(film, run, crew.submit(run.finish, *source, *options))
        yield begun


@pytest.mark.parametrize("name", ["phone", "drawn"])
def test_demo_plays_back_what_went_in(travelled: dict[str, Travelled], name: str) -> None:
    """The demo says so itself, finding by finding, and ends with 0; nothing of it runs on."""
    printed = require_played_back(travelled[name].run, *travelled[name].ended.result())
    assert ("(amqtt)" if name == "drawn" else "(Mosquitto)") in printed


@pytest.mark.soak
def test_demo_plays_back_a_film_as_it_is(tmp_path: Path) -> None:
    """Neither cut nor turned: what the phone's film shows, by the film that the README's demo is shown with."""
    run = Run(tmp_path)
    require_played_back(run, *run.finish("--input", find_footage("bigbuckbunny.mp4")))
    assert run.seen == set()


def require_played_back(run: Run, status: int, printed: str) -> str:
    """Fail unless a demo has found nothing wrong and has left no process; give what it printed."""
    assert status == 0, printed
    assert "✗" not in printed
    assert all(f"✓ {finding}: " in printed for finding in FINDINGS), printed
    assert run.processes() == []
    return printed


def test_nothing_is_written_in_the_clear(travelled: dict[str, Travelled]) -> None:
    """No canary and no MP4 box in any file of unit or server, whenever one looks while the lesson travels."""
    phone = travelled["phone"]
    phone.ended.result()
    assert phone.run.seen == set()
    assert phone.run.looks > 20
    assert list(phone.run.spooled.glob("*/000001.age"))


def test_the_watcher_would_have_found_it(travelled: dict[str, Travelled], tmp_path: Path) -> None:
    """The film itself and the opened recording hold what the watcher looks for: it can find."""
    phone = travelled["phone"]
    phone.ended.result()
    opened = open_with_age(store_key(phone.run, tmp_path), the_object(phone.run), tmp_path / "opened.mp4")
    assert phone.film is not None
    assert CANARY in phone.run.find_in(phone.film.read_bytes())
    found = phone.run.find_in(opened.read_bytes())
    assert CANARY in found
    assert any(b"ftyp" in one for one in found)
    assert any(b"moof" in one for one in found)
    assert any(b"mdat" in one for one in found)


def test_store_opens_with_stock_age_and_plays(travelled: dict[str, Travelled], tmp_path: Path) -> None:
    """The school's storage key, the stock `age` and ffprobe are enough; every picture of the film is there."""
    phone = travelled["phone"]
    phone.ended.result()
    opened = open_with_age(store_key(phone.run, tmp_path), the_object(phone.run), tmp_path / "opened.mp4")
    assert probe_pictures(opened) == 132


def test_spool_opens_with_stock_age_and_plays(travelled: dict[str, Travelled], tmp_path: Path) -> None:
    """What lay on the unit's card before it was delivered opens with the epoch's key, and is what the server holds."""
    phone = travelled["phone"]
    phone.ended.result()
    (sealed_key,) = phone.run.spooled.glob("*/key.age")
    epochs = sorted((phone.run.school / "keys" / "epochs").glob("*.key"))
    key = tmp_path / "recording.key"
    decrypt(epochs, sealed_key, key)
    segment = sealed_key.with_name("000001.age")
    assert digest(segment) == digest(the_object(phone.run))
    assert probe_pictures(open_with_age(key, segment, tmp_path / "opened.mp4")) == 132


def test_backrow_open_gives_back_the_whole_recording(travelled: dict[str, Travelled], tmp_path: Path) -> None:
    """The recovery tool opens the server's store with its storage key, and checks it against the unit's signature."""
    phone = travelled["phone"]
    phone.ended.result()
    school, folder = phone.run.school, the_object(phone.run).parent
    keys = ["--recording-key", school / "key-store" / f"{folder.name}.age", "-i", storage_identity(school)]
    signed = ["--recorder-key", school / "unit" / "data" / "identity" / "recorder.pub"]
    backrow("open", "--recording", folder, *keys, *signed, "-o", tmp_path / "opened")
    segments = [path for path in sorted((tmp_path / "opened").iterdir()) if path.suffix == ".mp4"]
    assert sum(probe_pictures(segment) for segment in segments) == 132
    assert read_tracks(segments[0]).look.matrix != b""


@pytest.mark.parametrize(
    ("number", "after", "running"),
    [
        pytest.param(signal.SIGINT, "presses the button", 6, id="Ctrl-C while it records"),
        pytest.param(signal.SIGHUP, "makes its keys", 1, id="closed terminal while it begins"),
        pytest.param(signal.SIGHUP, "presses the button", 6, id="closed terminal", marks=pytest.mark.soak),
    ],
)
def test_interrupted_demo_leaves_no_process(tmp_path: Path, number: signal.Signals, after: str, running: int) -> None:
    """Ctrl-C, or a terminal that closes, at the beginning or while it records: all ends, and the demo says so."""
    run = Run(tmp_path)
    process = run.start("--input", find_footage("bikes.mp4"))
    assert process.stdout is not None
    for line in process.stdout:
        if after in line:
            break
    assert len(run.processes()) >= running
    process.send_signal(number)
    printed = process.stdout.read()
    process.stdout.close()
    assert process.wait(60) == 0, printed
    assert "no process of it is left" in printed
    assert run.processes() == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("hevc", "only H.264 can be recorded"), ("music", "no video in this file"), ("letter", "this is text")],
)
def test_unusable_video_ends_the_demo_before_it_begins(
    films: FootageCache, tmp_path: Path, name: str, words: str
) -> None:
    """One sentence, status 1, no folder, no process."""
    run = Run(tmp_path)
    process = run.start("--input", films.path(name))
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert printed.startswith(f"Error: {films.path(name)}: ")
    assert words in printed
    assert printed.count("\n") == 1
    assert not run.school.exists()
    assert run.processes() == []


def test_missing_video_ends_the_demo_too(tmp_path: Path) -> None:
    """A mistyped name and a folder are told apart."""
    for name, words in (("nothing.mp4", "no such file"), (".", "a folder, not a file")):
        run = Run(tmp_path / words.split()[0])
        printed, _ = run.start("--input", tmp_path / name).communicate(timeout=60)
        assert words in printed


def the_object(run: Run) -> Path:
    """The one segment that the server holds."""
    (path,) = (run.school / "controller" / "objects").glob("*/000001.age")
    return path


def storage_identity(school: Path) -> Path:
    """The server's storage key."""
    (path,) = (school / "keys" / "storage").glob("*.key")
    return path


def store_key(run: Run, folder: Path) -> Path:
    """Open the recording's key with the server's storage key and the stock age."""
    name = the_object(run).parent.name
    key = folder / "recording.key"
    decrypt([storage_identity(run.school)], run.school / "key-store" / f"{name}.age", key)
    return key


def decrypt(keys: list[Path], sealed: Path, out: Path) -> None:
    """Run the stock `age`."""
    identities = [word for key in keys for word in ("-i", str(key))]
    subprocess.run(["age", "-d", *identities, "-o", str(out), str(sealed)], check=True, capture_output=True, timeout=60)


def open_with_age(key: Path, sealed: Path, out: Path) -> Path:
    """Open a sealed file and give the plaintext."""
    decrypt([key], sealed, out)
    return out


def backrow(*arguments: str | Path) -> None:
    """Run one of our own commands."""
    command = [sys.executable, "-m", "provisioning", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def probe_pictures(film: Path) -> int:
    """Decode a film with the stock ffprobe, which must have nothing to say, and count its pictures."""
    command = ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries"]
    command += ["stream=nb_read_frames", "-of", "default=nokey=1:noprint_wrappers=1", str(film)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return int(done.stdout.split()[0])
