"""The veil: everything is hidden until the framing is known again, and a camera that was turned loses its mask."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from device.camera_settings import CameraKind, CameraTable
from device.hardware.ports import CameraFault
from device.masking.confirmed import FILE, Confirmations
from device.masking.stencil import GREY, Picture
from device.masking.veil import IMPOSSIBLE, PATIENCE_S, UNCONFIRMED, FramingLost, Sitting, Veil
from protocol.durable import REAL, Files
from protocol.masks import Mask
from tests.drawn_pictures import FPS, HEIGHT, LEFT_FRONT, WIDTH, drawn, framing_of
from tests.school import new_id

TABLE = CameraTable(kind=CameraKind.SYNTHETIC)
MASK = Mask(room=new_id(), version=1, areas=(LEFT_FRONT,))
FRAMING = framing_of(MASK)


def _held(folder: Path, table: CameraTable = TABLE, files: Files = REAL) -> Confirmations:
    return Confirmations(folder, table, files)


def _is_all_grey(picture: Picture) -> bool:
    return set(picture.luma) == {GREY}


def _worn(folder: Path, files: Files = REAL) -> Veil:
    held = _held(folder, files=files)
    held.store(MASK, FRAMING)
    veil = Veil(held, TABLE)
    veil.put_on(MASK)
    return veil


def test_known_camera_is_recorded_with_its_areas_hidden(tmp_path: Path) -> None:
    """From the first picture on: what lies under the mask is grey, and the rest is as it was."""
    veil, picture, as_it_was = _worn(tmp_path), drawn(40), drawn(40)
    veil.cover(picture)
    row = HEIGHT * 8 // 10 * WIDTH
    assert set(picture.luma[row : row + WIDTH * 3 // 10]) == {GREY}
    assert picture.luma[row + WIDTH * 3 // 10 : row + WIDTH] == as_it_was.luma[row + WIDTH * 3 // 10 : row + WIDTH]
    assert picture.luma[: HEIGHT * 6 // 10 * WIDTH] == as_it_was.luma[: HEIGHT * 6 // 10 * WIDTH]


def test_turned_camera_is_hidden_until_it_is_given_up(tmp_path: Path) -> None:
    """Not one picture of it is seen; after three seconds the confirmation is gone, on the card too."""
    veil = _worn(tmp_path)
    for _ in range(PATIENCE_S * FPS):
        picture = drawn(40, shifted=100)
        veil.cover(picture)
        assert _is_all_grey(picture)
    with pytest.raises(FramingLost, match="confirm it again"):
        veil.cover(drawn(40, shifted=100))
    with pytest.raises(FramingLost):
        veil.cover(drawn(40, shifted=100))
    assert veil.refusal(MASK) == UNCONFIRMED
    assert not (tmp_path / FILE).exists()


def test_camera_that_finds_its_light_is_shown_then(tmp_path: Path) -> None:
    """A first picture that is black is hidden, and no reason to give up."""
    veil = _worn(tmp_path)
    pictures = [drawn(40, shine=0.0), *(drawn(41) for _ in range(5))]
    for picture in pictures:
        veil.cover(picture)
    assert [_is_all_grey(picture) for picture in pictures] == [True] * 5 + [False]


def test_loss_counts_also_where_the_card_refuses(tmp_path: Path) -> None:
    """A confirmation that cannot be erased is none for this process."""

    class ReadOnly(Files):
        def unlink(self, path: Path) -> None:
            raise OSError(30, os.strerror(30), str(path))

    veil = _worn(tmp_path, ReadOnly())
    for _ in range(PATIENCE_S * FPS):
        veil.cover(drawn(40, shifted=100))
    with pytest.raises(FramingLost):
        veil.cover(drawn(40, shifted=100))
    assert veil.refusal(MASK) == UNCONFIRMED


@pytest.mark.parametrize(
    "other", [replace(MASK, version=2), replace(MASK, room=new_id())], ids=["another version", "another room"]
)
def test_confirmation_is_of_one_mask(tmp_path: Path, other: Mask) -> None:
    """A unit that was carried to another room, and a mask that was drawn anew, ask for another confirmation."""
    veil = _worn(tmp_path)
    assert (veil.refusal(MASK), veil.refusal(other)) == (None, UNCONFIRMED)
    veil.put_on(other)
    picture = drawn(1)
    veil.cover(picture)
    assert _is_all_grey(picture)


@pytest.mark.parametrize("change", [{"width": 640, "height": 360}, {"kind": CameraKind.PICAMERA2}])
def test_confirmation_is_of_one_camera(tmp_path: Path, change: dict[str, int]) -> None:
    """Another size or kind is another camera."""
    _held(tmp_path).store(MASK, FRAMING)
    assert _held(tmp_path).framing_of(MASK) == FRAMING
    assert _held(tmp_path, replace(TABLE, **change)).framing_of(MASK) is None  # type: ignore[arg-type]


def test_replayed_video_cannot_be_masked(tmp_path: Path) -> None:
    """It is encoded already: nothing is recorded under a mask, also where somebody confirmed one."""
    table = CameraTable(kind=CameraKind.REPLAY, input=tmp_path / "a.mp4")
    held = _held(tmp_path, table)
    held.store(MASK, FRAMING)
    assert Veil(held, table).refusal(MASK) == IMPOSSIBLE


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"camera":"a","framing":"0","mask":"b"}'])
def test_confirmation_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    """A card that was cut off, or a file that somebody made."""
    (tmp_path / FILE).write_bytes(content)
    assert Veil(_held(tmp_path), TABLE).refusal(MASK) == UNCONFIRMED


def test_veil_that_was_never_put_on_hides_everything() -> None:
    """A recorder that forgets to say what is hidden records nothing but grey."""
    veil = Veil(_held(Path("nowhere")), TABLE)
    picture = drawn(1)
    veil.cover(picture)
    assert veil.is_needed
    assert _is_all_grey(picture)


def test_nothing_is_done_where_nothing_is_hidden() -> None:
    """Without a mask a picture is left as it is, and a camera need not hand it over."""
    veil = Veil(_held(Path("nowhere")), TABLE)
    veil.put_on(None)
    picture = drawn(1)
    veil.cover(picture)
    assert not veil.is_needed
    assert picture.luma == drawn(1).luma


def test_sitting_takes_the_framing_of_three_seconds() -> None:
    """Less is none; what it gives is known again; and who sits before it sees the areas hidden."""
    sitting = Sitting(TABLE, fps=FPS)
    sitting.put_on(MASK)
    for number in range(3 * FPS):
        picture = drawn(number)
        assert sitting.framing is None or number > 3 * FPS - 5
        sitting.cover(picture)
        assert picture.luma[HEIGHT * 8 // 10 * WIDTH] == GREY
    assert sitting.framing == FRAMING


def test_sitting_without_a_mask_shows_nothing() -> None:
    """There is nothing to confirm."""
    with pytest.raises(CameraFault, match="no mask"):
        Sitting(TABLE, fps=FPS).cover(drawn(1))
