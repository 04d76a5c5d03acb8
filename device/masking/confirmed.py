"""What somebody has confirmed at this unit: which mask, for which camera, and the framing it was confirmed in.

One small file in the recorder's folder. It holds no picture (device/masking/framing.py), leaves the unit never, and a
confirmation that cannot be read is none. Defined in docs/protocol/masks.md.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from device.camera_settings import CameraTable
from device.masking.framing import Framing
from protocol.checks import require_digest
from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.durable import Files, replace_file
from protocol.errors import ProtocolError
from protocol.masks import Mask

log = logging.getLogger(__name__)
FILE = "mask"


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """This mask (its digest) hides what it should of what this camera sees, in this framing."""

    mask: str
    camera: str
    framing: str

    def __post_init__(self) -> None:
        """Refuse what is no digest and no framing."""
        require_digest(self.mask, "mask")
        Framing(self.framing)


class Confirmations:
    """The confirmation that is held in `folder`, for the camera of a table."""

    def __init__(self, folder: Path, table: CameraTable, files: Files) -> None:
        self._path = folder / FILE
        self._camera = f"{table.kind.value} {table.width}x{table.height} {table.rotation_degrees}"
        self._files = files

    def framing_of(self, mask: Mask) -> Framing | None:
        """Give the framing in which somebody confirmed this very mask for this camera; None when nobody did."""
        held = self._load()
        if held is None or (held.mask, held.camera) != (mask.digest, self._camera):
            return None
        return Framing(held.framing)

    def store(self, mask: Mask, framing: Framing) -> None:
        """Keep that a mask is confirmed, durably and in the place of every other; raises `OSError`."""
        held = Confirmation(mask=mask.digest, camera=self._camera, framing=framing.signs)
        replace_file(self._path, encode_canonical(encode_record(held)), files=self._files)

    def forget(self) -> None:
        """Let nothing be confirmed; raises `OSError`."""
        self._files.unlink(self._path)

    def _load(self) -> Confirmation | None:
        try:
            return parse_record(Confirmation, parse_canonical(self._path.read_bytes(), FILE), FILE)
        except FileNotFoundError:
            return None
        except (OSError, ProtocolError) as error:
            log.warning("recorder/%s: %s; the mask must be confirmed again", FILE, error)
            return None
