"""Counts how often one address asks for a page that everybody may open, and says when it is too often.

A minute's counts, in memory: a school's phones share one address, so that the limit is meant for machines. Nothing is
kept beyond the minute or written down.
"""

from __future__ import annotations

import ipaddress
from threading import Lock

MOST_A_MINUTE = 600
MOST_ADDRESSES = 10_000
MINUTE_S = 60
REST = "the rest"
"""What is counted for all addresses together once a minute has seen too many to count apart."""


class Crowd:
    """The counts of one process."""

    def __init__(self, most: int = MOST_A_MINUTE, most_addresses: int = MOST_ADDRESSES) -> None:
        self._most, self._most_addresses = most, most_addresses
        self._lock = Lock()
        self._minute = 0
        self._counts: dict[str, int] = {}

    def wait_s(self, address: str, now_s: float) -> int:
        """Count one request at `now_s`; give after how many seconds to ask again, or 0 when it is welcome."""
        minute = int(now_s // MINUTE_S)
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, {}
            whose = network_of(address)
            if whose not in self._counts and len(self._counts) >= self._most_addresses:
                whose = REST
            self._counts[whose] = count = self._counts.get(whose, 0) + 1
        return 0 if count <= self._most else max(1, int((minute + 1) * MINUTE_S - now_s))


def network_of(address: str) -> str:
    """Give what counts as one address: of IPv6 the network that one household or school has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
