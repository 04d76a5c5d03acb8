"""Cuts H.264 access units into NAL units and writes them in Annex-B form, with the parameter sets that they need.

Pure, and it never changes a NAL unit. Containers keep parameter sets apart, once or several times (ISO/IEC 14496-15);
a stream of its own must carry them. Defined by ITU-T H.264: 7.3 (units), 7.4.1.2.1 (which set is in force), annex B.
"""

import re
from collections.abc import Iterable

_START_CODE = b"\x00\x00\x00\x01"
_START = b"\x00\x00\x01"
_ANY_START_CODE = re.compile(_START)
_SLICE, _IDR, _SPS, _PPS, _DELIMITER = 1, 5, 7, 8, 9
_SPS_ID_AT, _PPS_ID_AT = 4, 1  # the byte at which the set's own number begins
_MOST_ID_BYTES = 8


class DamagedUnit(ValueError):
    """Bytes that should be an access unit are not; they cannot be shown."""


def split_annexb(data: bytes) -> list[bytes]:
    """Cut at start codes of three or four bytes; zero bytes around them belong to no unit."""
    pieces = _ANY_START_CODE.split(data)[1:]
    return [unit for piece in pieces if (unit := piece.rstrip(b"\x00"))]


def split_lengths(data: bytes, width: int) -> list[bytes]:
    """Cut units that each follow their length of `width` bytes; raises DamagedUnit when one is cut off or no unit."""
    units, offset = [], 0
    while offset < len(data):
        begin = offset + width
        offset = begin + int.from_bytes(data[offset:begin], "big")
        if begin > len(data) or offset > len(data):
            raise DamagedUnit(f"a NAL unit ends at byte {offset} of {len(data)}")
        if data.find(_START, begin, offset) >= 0:
            raise DamagedUnit("a start code within a NAL unit, which 7.4.1 forbids")
        units.append(data[begin:offset])
    return [unit for unit in units if unit]


def join_annexb(units: Iterable[bytes]) -> bytes:
    """Write units with start codes of four bytes."""
    return b"".join(_START_CODE + unit for unit in units)


def kind_of(unit: bytes) -> int:
    """Give a unit's `nal_unit_type`."""
    return unit[0] & 31


def split_configuration(extradata: bytes) -> list[bytes]:
    """Give SPS and PPS of a decoder configuration: `avcC` (ISO/IEC 14496-15, 5.3.3) or Annex-B, as far as it goes."""
    if not is_length_prefixed(extradata):
        return split_annexb(extradata)
    units, offset = [], 6
    for mask in (0x1F, 0xFF):
        count = int.from_bytes(extradata[offset - 1 : offset], "big") & mask
        for _ in range(count):
            length = int.from_bytes(extradata[offset : offset + 2], "big")
            units.append(extradata[offset + 2 : offset + 2 + length])
            offset += 2 + length
        offset += 1
    return [unit for unit in units if unit]


def is_length_prefixed(extradata: bytes) -> bool:
    """Whether a track with this configuration holds lengths instead of start codes."""
    return extradata[:1] == b"\x01"


class AnnexbWriter:
    """Turns the access units of one track, in decoding order, into Annex-B form.

    An IDR picture gets the sets in force unless it carries its own, at the place where FFmpeg's `h264_mp4toannexb` puts
    them: after the delimiter, else before the first slice. Other keyframes get them once they are no longer those of
    the container. Unlike that filter it never takes back a set that the stream itself has replaced.
    """

    def __init__(self, extradata: bytes) -> None:
        self._in_force: dict[tuple[int, bytes], bytes] = {}
        self._is_replaced = False
        self._width = 4
        self._configure(extradata)

    def reconfigure(self, extradata: bytes) -> None:
        """Take another configuration of the container, in force from the next access unit on."""
        self._configure(extradata)
        self._is_replaced = True

    def write(self, data: bytes, *, keyframe: bool) -> bytes:
        """Give an access unit in Annex-B form; raises DamagedUnit."""
        units = split_lengths(data, self._width) if self._width else split_annexb(data)
        if not units:
            raise DamagedUnit(f"{len(data)} bytes without a NAL unit")
        own = [unit for unit in units if kind_of(unit) in (_SPS, _PPS)]
        for unit in own:
            self._learn(unit)
        return join_annexb(self._complete(units, {kind_of(unit) for unit in own}, keyframe=keyframe))

    def _configure(self, extradata: bytes) -> None:
        self._width = (extradata[4] & 3) + 1 if is_length_prefixed(extradata) and len(extradata) > 4 else 0
        for unit in split_configuration(extradata):
            if kind_of(unit) in (_SPS, _PPS):
                self._in_force[_identify(unit)] = unit

    def _learn(self, unit: bytes) -> None:
        identity = _identify(unit)
        if self._in_force.get(identity, unit) != unit:
            self._is_replaced = True
        self._in_force[identity] = unit

    def _complete(self, units: list[bytes], carried: set[int], *, keyframe: bool) -> list[bytes]:
        kinds = [kind_of(unit) for unit in units]
        if not (_IDR in kinds or (keyframe and self._is_replaced)):
            return units
        lacking = [unit for (kind, _), unit in sorted(self._in_force.items()) if kind not in carried]
        place = _after_delimiter(kinds)
        return [*units[:place], *lacking, *units[place:]]


def _after_delimiter(kinds: list[int]) -> int:
    if _DELIMITER in kinds:
        return kinds.index(_DELIMITER) + 1
    return next((at for at, kind in enumerate(kinds) if kind in (_SLICE, _IDR)), 0)


def _identify(unit: bytes) -> tuple[int, bytes]:
    """Give kind and number of a parameter set; the number as the bits of its Exp-Golomb code (9.1)."""
    kind = kind_of(unit)
    begin = _SPS_ID_AT if kind == _SPS else _PPS_ID_AT
    bits = "".join(f"{byte:08b}" for byte in unit[begin : begin + _MOST_ID_BYTES])
    zeros = len(bits) - len(bits.lstrip("0"))
    return kind, bits[: 2 * zeros + 1].encode()
