"""Asks the kernel for a connection's round trip: `TCP_INFO` (tcp(7)), which Linux keeps for every TCP socket.

Other systems tell nothing here, and then nobody is made way for. What follows from it is device/uploads/courtesy.py's.
"""

from __future__ import annotations

import socket
import struct

from device.uploads.courtesy import RoundTrip

# struct tcp_info in linux/tcp.h: tcpi_rtt is the 16th of the 32-bit numbers behind eight bytes, tcpi_min_rtt comes
# behind four 64-bit numbers and three more; both are microseconds. What is known of it only ever grows at the end.
_RTT = struct.Struct("68xI")
_LEAST = struct.Struct("148xI")
_NEVER_SEEN = 2**32 - 1
_MICRO = 1e-6


def ask_round_trip(sock: socket.socket) -> RoundTrip | None:
    """Give the round trip of a connection; None where the system does not tell it or the connection is gone."""
    option = getattr(socket, "TCP_INFO", None)
    if option is None:
        return None
    try:
        return parse_tcp_info(sock.getsockopt(socket.IPPROTO_TCP, option, _LEAST.size))
    except OSError:
        return None


def parse_tcp_info(data: bytes) -> RoundTrip | None:
    """Read `struct tcp_info`; None when the kernel is too old to say the least, or nothing was measured yet."""
    if len(data) < _LEAST.size:
        return None
    (now,), (least,) = _RTT.unpack_from(data), _LEAST.unpack_from(data)
    if now == 0 or least in (0, _NEVER_SEEN):
        return None
    return RoundTrip(now_s=now * _MICRO, least_s=least * _MICRO)
