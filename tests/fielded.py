"""Writes H.264 whose pictures are two fields each, which camcorders make and no encoder here does.

Every macroblock is `I_PCM` (ITU-T H.264, 7.3.5): samples as they are, so that a few lines make a whole encoder.
"""

import io
from fractions import Fraction
from pathlib import Path

import av

WIDTH_MBS, FIELD_HEIGHT_MBS, PICTURES, GROUP = 4, 2, 50, 25


def write_fields(out: Path, *, together: bool) -> None:
    """Write two seconds of 64x64 pixels; the fields of a picture in one packet, or in one each."""
    stream = b"".join(data for data, _ in _fields())
    with av.open(io.BytesIO(stream), format="h264") as parsed, av.open(str(out), "w") as container:
        track = container.add_stream_from_template(parsed.streams.video[0])
        fields = list(_fields())
        packets = (
            fields
            if not together
            else [(fields[i][0] + fields[i + 1][0], fields[i][1]) for i in range(0, len(fields), 2)]
        )
        for at, (data, keyframe) in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.is_keyframe = track, keyframe
            packet.time_base, packet.duration = Fraction(1, 25 if together else 50), 1
            packet.pts = packet.dts = at
            container.mux(packet)


def _fields() -> list[tuple[bytes, bool]]:
    fields = []
    for number in range(PICTURES):
        within = number % GROUP
        sets = _sps() + _pps() if not within else b""
        fields.append((sets + _field(number, within, bottom=False), not within))
        fields.append((_field(number, within, bottom=True), False))
    return fields


def _sps() -> bytes:
    """7.3.2.1.1: Main profile, coded in fields or frames, order of output in 8 bits."""
    size = _ue(WIDTH_MBS - 1) + _ue(FIELD_HEIGHT_MBS - 1)
    return _nal(0x67, "01001101" + "00000000" + "00011110" + _ue(0) * 3 + _ue(4) + _ue(1) + "0" + size + "00100")


def _pps() -> bytes:
    return _nal(0x68, _ue(0) * 2 + "00" + _ue(0) * 3 + "0" + "00" + "111" + "000")


def _field(number: int, within: int, *, bottom: bool) -> bytes:
    idr = within == 0 and not bottom
    bits = _ue(0) + _ue(7) + _ue(0) + format(within % 16, "04b") + "1" + str(int(bottom))
    bits += (_ue(0) if idr else "") + format(2 * within + bottom, "08b") + ("00" if idr else "0") + "1"
    for block in range(WIDTH_MBS * FIELD_HEIGHT_MBS):
        bits += _ue(25)
        bits += "0" * (-len(bits) % 8)
        luma = bytes(16 + (number * 7 + block * 13 + i // 16 * 3 + 9 * bottom) % 200 for i in range(256))
        bits += "".join(format(byte, "08b") for byte in luma + bytes([100 + block]) * 64 + bytes([140 - block]) * 64)
    return _nal(0x65 if idr else 0x61, bits)


def _nal(head: int, bits: str) -> bytes:
    """Close the payload (7.3.2.11) and keep start codes out of it (7.4.1)."""
    bits += "1" + "0" * (-(len(bits) + 1) % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8, "big")
    out, zeros = bytearray(), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = 0 if byte else zeros + 1
    return b"\x00\x00\x00\x01" + bytes([head]) + bytes(out)


def _ue(value: int) -> str:
    """Exp-Golomb, 9.1."""
    bits = bin(value + 1)[2:]
    return "0" * (len(bits) - 1) + bits
