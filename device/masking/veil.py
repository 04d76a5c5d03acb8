"""Hides the mask's areas in every picture before it is encoded, and all of it until the framing is known again.

The recorder puts a mask on before each take; the camera's thread then gives every picture. Nobody is shown or recorded
before the camera is recognised, and where it is not, the confirmation ends. Nothing of a picture is kept. Defined in
docs/protocol/masks.md; why: docs/adr/0035-masks.md.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from device.camera_settings import CameraKind, CameraTable
from device.hardware.ports import CameraFault
from device.masking.confirmed import Confirmations
from device.masking.framing import Framing, agree, is_same, read_framing
from device.masking.stencil import Picture, Stencil, cover_all, make_stencil
from protocol.masks import Mask

log = logging.getLogger(__name__)
UNCONFIRMED, IMPOSSIBLE = "mask_unconfirmed", "mask_not_possible"
PATIENCE_S = 3
LOOKS_PER_S = 5


class FramingLost(CameraFault):
    """The camera does not look where it looked when its mask was confirmed."""


class Cover(Protocol):
    """What hides something of every picture; a camera calls it with each before it encodes it."""

    @property
    def is_needed(self) -> bool:
        """Tell, when a camera starts, whether there is anything to hide of its pictures."""

    def cover(self, picture: Picture) -> None:
        """Hide what must be hidden; raises `CameraFault` when no picture may be used any more."""


@dataclass(frozen=True)
class _Worn:
    """A mask that is put on, and the framing that it is bound to."""

    stencil: Stencil
    framing: Framing


class Veil:
    """The mask of the take that runs; `put_on` is called before the camera starts, `cover` by the camera's thread."""

    def __init__(self, held: Confirmations, table: CameraTable) -> None:
        self._held = held
        self._table = table
        self._worn: _Worn | None = None
        self._is_open = False
        self._is_lost = False
        self._pictures = 0

    def refusal(self, mask: Mask) -> str | None:
        """Give the reason for which nothing may be recorded under a mask; None when it may."""
        if self._table.kind is CameraKind.REPLAY:
            return IMPOSSIBLE
        return UNCONFIRMED if self._is_lost or self._held.framing_of(mask) is None else None

    def put_on(self, mask: Mask | None) -> None:
        """Hide a mask's areas from the next picture on; None where nothing is to be hidden.

        Without a confirmation everything stays hidden, and the camera is not recognised.
        """
        self._pictures, self._is_open, self._worn = 0, mask is None, None
        framing = self._held.framing_of(mask) if mask else None
        if mask and framing:
            self._worn = _Worn(stencil_of(mask, self._table), framing)

    @property
    def is_needed(self) -> bool:
        """See `Cover.is_needed`."""
        return self._worn is not None or not self._is_open

    def cover(self, picture: Picture) -> None:
        """See `Cover.cover`; raises `FramingLost` when the camera was not recognised in time, and from then on."""
        if not self._is_open:
            self._recognise(picture)
        if not self._is_open:
            cover_all(picture.width, picture.height).cover(picture)
        elif self._worn is not None:
            self._worn.stencil.cover(picture)

    def _recognise(self, picture: Picture) -> None:
        worn, fps = self._worn, self._table.fps
        if worn and self._pictures % max(1, fps // LOOKS_PER_S) == 0:
            self._is_open = is_same(worn.framing, read_framing(picture, worn.stencil))
        self._pictures += 1
        if not self._is_open and self._pictures > PATIENCE_S * fps:
            self._lose()

    def _lose(self) -> None:
        if not self._is_lost:
            self._is_lost = True  # in memory, too: the card may refuse
            try:
                self._held.forget()
            except OSError as error:
                log.warning("a confirmation could not be erased, and does not count in this process: %s", error)
        raise FramingLost("the camera does not look where it looked when its mask was confirmed; confirm it again")


class Sitting:
    """Looks at the camera's framing while somebody looks at its masked picture, shown `fps` times a second."""

    def __init__(self, table: CameraTable, *, fps: int) -> None:
        self._table = table
        self._every = max(1, fps // LOOKS_PER_S)
        self._stencil: Stencil | None = None
        self._pictures = 0
        self._framings: list[Framing] = []

    def put_on(self, mask: Mask) -> None:
        """Hide a mask's areas from the next picture on."""
        self._stencil = stencil_of(mask, self._table)

    @property
    def is_needed(self) -> bool:
        """See `Cover.is_needed`."""
        return True

    def cover(self, picture: Picture) -> None:
        """See `Cover.cover`; looks some times a second, and keeps the signs of the last three seconds alone."""
        if self._stencil is None:
            raise CameraFault("no mask is known that could be confirmed")
        if self._pictures % self._every == 0:
            seen = read_framing(picture, self._stencil)
            self._framings = [*self._framings[1 - PATIENCE_S * LOOKS_PER_S :], seen]
        self._pictures += 1
        self._stencil.cover(picture)

    @property
    def framing(self) -> Framing | None:
        """Give what stood still in the last three seconds; None while they have not passed."""
        seen = list(self._framings)
        return agree(seen) if len(seen) >= PATIENCE_S * LOOKS_PER_S else None


def stencil_of(mask: Mask, table: CameraTable) -> Stencil:
    """Make the stencil of a mask for the pictures that the configured camera encodes."""
    return make_stencil(mask, width=table.width, height=table.height, turn_degrees=table.rotation_degrees)
