"""How the unit proves itself over TLS, and which servers it believes: the school's pinned X.509 root and nobody else.

Builds contexts out of files, and tells when a connection was made with files that have changed since. While the clock
is not trusted, chain and name are checked and dates are not: docs/adr/0016-time-without-a-clock-in-tls.md. It opens no
connection.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from device.config import DeviceConfig
from device.hardware.clock import SystemClock

NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME (x509_vfy.h), for which Python has no name."""


@dataclass(frozen=True)
class Stamp:
    """What a connection was made with: which certificate file, and whether dates were checked."""

    certificate: tuple[int, int, int]
    dated: bool

    def is_older_than(self, now: Stamp) -> bool:
        """Tell whether a connection made with this one should be made anew: another certificate, or dates count now."""
        return self.certificate != now.certificate or (now.dated and not self.dated)


class Credentials(Protocol):
    """What a connection is made with."""

    def stamp(self) -> Stamp:
        """Say what a connection that is made now is made with."""

    def context(self) -> ssl.SSLContext:
        """Build a context; raise `OSError`, which includes `ssl.SSLError`."""


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """The pinned root, which a server must prove, and the unit's own certificate and key."""

    authority: Path
    certificate: Path
    key: Path
    is_clock_trusted: Callable[[], bool]

    def stamp(self) -> Stamp:
        """Say what a connection that is made now is made with; a certificate that is not there has a stamp, too."""
        try:
            found = os.stat(self.certificate)
        except OSError:
            return Stamp((0, 0, 0), self.is_clock_trusted())
        return Stamp((found.st_ino, found.st_mtime_ns, found.st_size), self.is_clock_trusted())

    def context(self) -> ssl.SSLContext:
        """Build a context that shows the certificate and checks chain and name of the server, dates by a trusted clock.

        Raises `OSError` that names the file when one cannot be read, and `ssl.SSLError` when two do not fit.
        """
        for path in (self.authority, self.certificate, self.key):
            path.open("rb").close()  # the errors of `ssl` name no file
        context = pinned_context(self.authority, dated=self.is_clock_trusted())
        context.load_cert_chain(str(self.certificate), str(self.key))
        return context


@dataclass(frozen=True, kw_only=True)
class PinnedRoot:
    """The pinned root alone: for servers that ask for no certificate."""

    authority: Path
    is_clock_trusted: Callable[[], bool]

    def stamp(self) -> Stamp:
        """See `Credentials.stamp`."""
        return Stamp((0, 0, 0), self.is_clock_trusted())

    def context(self) -> ssl.SSLContext:
        """See `Credentials.context`."""
        self.authority.open("rb").close()
        return pinned_context(self.authority, dated=self.is_clock_trusted())


class SystemAuthorities:
    """The authorities of the operating system, and dates by whatever the clock says: they are not ours to forgive."""

    def stamp(self) -> Stamp:
        """See `Credentials.stamp`."""
        return Stamp((0, 0, 0), dated=True)

    def context(self) -> ssl.SSLContext:
        """See `Credentials.context`."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def pinned_context(authority: Path, *, dated: bool) -> ssl.SSLContext:
    """Build a context that believes one root and checks the server's name; without `dated`, no dates."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(authority))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not dated:
        context.verify_flags |= NO_CHECK_TIME
    return context


def tls_files(config: DeviceConfig, is_clock_trusted: Callable[[], bool] | None = None) -> TlsFiles:
    """Name the files of this unit; whether its clock is trusted, the machine says unless somebody else does."""
    return TlsFiles(
        authority=config.data / "identity" / "ca.pem",
        certificate=config.certificate,
        key=config.keys / "tls.key",
        is_clock_trusted=is_clock_trusted or SystemClock().is_trusted,
    )
