"""What is said about a whole file before somebody records from it, in sentences."""

import subprocess
import sys
from pathlib import Path

import pytest

from device.media.errors import InputRefused
from device.media.inspection import look_through
from tests.footage import FootageCache
from tests.unseen import FILMS


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> FootageCache:
    """Films by name."""
    return FootageCache(tmp_path_factory.mktemp("unseen"), FILMS)


def test_whole_film_is_described_in_one_sentence(footage: FootageCache) -> None:
    """Codec, size, rate, length and sound; nothing is odd about it."""
    path = footage.path("bigbuckbunny")
    assert look_through(path) == (f"{path}: H.264 Main, 1280x720, 25 fps, 5.3 s; sound aac, 48000 Hz, channels: 6",)


def test_turn_is_said(films: FootageCache) -> None:
    """A film from an upright phone."""
    assert "turned by" in look_through(films.path("turned_270"))[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fragments_cut_off", "pictures are missing"),
        ("fragments_cut_off_in_the_sound", "pieces of its sound are missing"),
        ("filled_to_a_half", "damaged pictures were left out"),
        ("joined_end_to_end", "its times jump back by 2.0 s"),
        ("time_damaged", "its times jump ahead by 2.0 h"),
        ("stream_cut_off", "transport stream is not whole"),
        ("one_picture", "no sound in this file"),
        ("unknown_sound", "the sound of this file is of an unknown kind"),
        ("ten_bit", "which Chromium plays and other browsers may not"),
    ],
)
def test_what_is_odd_is_said(films: FootageCache, name: str, words: str) -> None:
    """One sentence more for what will be missing in the recording, though the film is taken."""
    assert any(words in note for note in look_through(films.path(name))[1:])


def test_same_loss_is_said_once(footage: FootageCache) -> None:
    """The quick look and the long one find the same; a person is told once about pictures, once about sound."""
    notes = look_through(footage.path("cut_off"))[1:]
    assert [("pictures" in note, "sound" in note) for note in notes] == [(True, False), (False, True)]


def test_command_says_the_same(films: FootageCache) -> None:
    """`backrow device inspect` prints the sentences, or ends with status 1 and the refusal."""
    taken, refused = films.path("turned_90"), films.path("hevc")
    done = inspect(taken)
    assert (done.returncode, done.stdout.splitlines()) == (0, list(look_through(taken)))
    with pytest.raises(InputRefused) as refusal:
        look_through(refused)
    done = inspect(refused)
    assert (done.returncode, done.stderr, done.stdout) == (1, f"Error: {refusal.value}\n", "")


def inspect(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "provisioning", "device", "inspect", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
