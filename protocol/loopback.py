"""Tells whether a host is this machine itself: only there may anything go without TLS (docs/protocol/mqtt.md).

Asks no resolver: a name other than `localhost` is another machine.
"""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself, seen from itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
