"""The tables of the unit's configuration that say which unit it is, and where its school is; nonsense is refused.

Values only: it opens no connection and reads no file but the machine's list of time zones. Part of `device/config.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from device.localtime import require_zone
from protocol.ids import IdError, parse_id
from protocol.loopback import is_loopback
from protocol.room.facts import require_label, require_page


@dataclass(frozen=True, kw_only=True)
class DeviceTable:
    """Which unit this is and where its data lies; `production` refuses everything that only pretends.

    `keys` holds the private keys `recorder.key` and `tls.key`; without it they lie in `identity/`. `timezone` is the
    school's, by its IANA name; without it times of day are of the zone that the machine is set to.
    """

    id: str
    label: str
    data: Path
    production: bool = False
    keys: Path | None = None
    timezone: str | None = None

    def __post_init__(self) -> None:
        """Refuse an id that is none, a label that no card can show, and a zone that nobody knows."""
        try:
            parse_id(self.id, "id")
        except IdError as error:
            raise ValueError(str(error)) from None
        require_label(self.label, "label")
        if self.timezone is not None:
            require_zone(self.timezone, "timezone")


@dataclass(frozen=True, kw_only=True)
class ControllerTable:
    """Where the controller's listener for units is, and what the room card tells: where people find their pages.

    `page` is printed; `room_page`, this room's open page, is what its QR code stands for, else `page` is that too.
    """

    url: str
    page: str = ""
    room_page: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no address of a web server, and plain http beyond this machine."""
        _require_address(self.url)
        for name in ("page", "room_page"):
            if address := getattr(self, name):
                require_page(address, name)


@dataclass(frozen=True, kw_only=True)
class EnrollmentTable:
    """Where the unit gets its certificate: the controller's listener for people, which asks for none.

    Without an address the unit can neither enroll nor renew a certificate that has ended.
    """

    url: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no address of a web server, and plain http beyond this machine."""
        if self.url:
            _require_address(self.url)


def _require_address(url: str) -> None:
    parts = urlsplit(url)  # raises ValueError itself for half an address
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f"url: expected https://… (or http:// in tests), got {url!r}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"url: expected https://…, for plain http goes to this machine alone, got {url!r}")
