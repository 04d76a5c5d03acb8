"""What an H.264 picture is made of, read apart from the product so that the demo's judge shares none of its mistakes.

Cuts access units out of any container's form and finds the parameter sets that each is decoded with, for a container
may carry them once, often, or differently in the middle. Defined by ITU-T H.264, 7.3 and annex B.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

_SLICES, _SPS, _PPS, _DELIMITER = (1, 2, 5), 7, 8, 9
_START = re.compile(rb"\x00\x00\x01")


class NotAPicture(ValueError):
    """The bytes of an access unit do not add up: damaged, or cut off."""


class Normaliser:
    """Follows one track in decoding order; gives each access unit as it is decoded, however it was packed."""

    def __init__(self, configuration: bytes) -> None:
        """Begin with the container's own parameter sets: `avcC` (ISO/IEC 14496-15, 5.3.3.1) or Annex B."""
        self._length_bytes = 0
        self._sps: dict[int, bytes] = {}
        self._pps: dict[int, bytes] = {}
        self.configure(configuration)

    def configure(self, configuration: bytes) -> None:
        """Take the container's parameter sets, at the beginning or where it changes them."""
        if configuration[:1] == b"\x01":
            self._length_bytes = (configuration[4] & 3) + 1
            nals = list(_configured(configuration))
        else:
            nals = split_nals(configuration)
        for nal in nals:
            self._learn(nal)

    def digest(self, packet: bytes) -> tuple[str, str]:
        """Digest what a packet shows: its NAL units, and the parameter sets that its slices name."""
        nals = list(split_prefixed(packet, self._length_bytes)) if self._length_bytes else split_nals(packet)
        if not nals:
            raise NotAPicture(f"no NAL unit in {len(packet)} bytes")
        body, sets = hashlib.sha256(), hashlib.sha256()
        for nal in nals:
            if nal[0] & 31 in (_SPS, _PPS):
                self._learn(nal)
            elif nal[0] & 31 != _DELIMITER:
                body.update(len(nal).to_bytes(4, "big") + nal)
            if nal[0] & 31 in _SLICES:
                sets.update(self._sets_of(nal))
        return body.hexdigest(), sets.hexdigest()

    def _learn(self, nal: bytes) -> None:
        if nal[0] & 31 == _SPS:
            self._sps[read_numbers(nal[4:], 1)[0]] = nal
        elif nal[0] & 31 == _PPS:
            self._pps[read_numbers(nal[1:], 1)[0]] = nal

    def _sets_of(self, nal: bytes) -> bytes:
        """7.3.3: the third number of a slice header names its PPS, whose second number names its SPS."""
        pps = self._pps.get(read_numbers(nal[1:], 3)[2], b"")
        sps = self._sps.get(read_numbers(pps[1:], 2)[1], b"") if pps else b""
        return len(pps).to_bytes(4, "big") + pps + sps


def split_nals(annex_b: bytes) -> list[bytes]:
    """Cut an Annex B byte stream at its start codes; zero bytes around them belong to no unit."""
    return [nal for part in _START.split(annex_b)[1:] if (nal := part.rstrip(b"\x00"))]


def split_prefixed(packet: bytes, length_bytes: int) -> Iterator[bytes]:
    """Cut units that follow their lengths; raise `NotAPicture` when one is cut off or no unit."""
    while packet:
        length = int.from_bytes(packet[:length_bytes], "big")
        nal, rest = packet[length_bytes : length_bytes + length], packet[length_bytes + length :]
        if len(nal) < length or len(packet) < length_bytes:
            raise NotAPicture(f"a NAL unit of {length} bytes, of which {len(nal)} are there")
        if b"\x00\x00\x01" in nal:
            raise NotAPicture("a start code within a NAL unit, which 7.4.1 forbids")
        if nal.rstrip(b"\x00"):
            yield nal.rstrip(b"\x00")
        packet = rest


def _configured(avcc: bytes) -> Iterator[bytes]:
    at = 5
    for mask in (0x1F, 0xFF):
        count = avcc[at] & mask if at < len(avcc) else 0
        at += 1
        for _ in range(count):
            length = int.from_bytes(avcc[at : at + 2], "big")
            if nal := avcc[at + 2 : at + 2 + length].rstrip(b"\x00"):
                yield nal
            at += 2 + length


def read_numbers(payload: bytes, count: int) -> list[int]:
    """Read unsigned Exp-Golomb numbers (9.1) from the front of a payload; zeros where it ends too early."""
    plain = payload[:32].replace(b"\x00\x00\x03", b"\x00\x00")
    bits = "".join(f"{byte:08b}" for byte in plain)
    numbers = []
    for _ in range(count):
        zeros = len(bits) - len(bits.lstrip("0"))
        numbers.append(int(bits[zeros : 2 * zeros + 1] or "1", 2) - 1)
        bits = bits[2 * zeros + 1 :]
    return numbers
