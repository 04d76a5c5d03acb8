"""`openssl s_client` as the judge of a TLS listener: which versions of the protocol it speaks."""

from __future__ import annotations

import subprocess

OLD, NEW = ("-tls1", "-tls1_1"), ("-tls1_2", "-tls1_3")
ANY_CIPHER = ("-cipher", "ALL:@SECLEVEL=0")  # else the client itself would refuse what is old


def speaks(port: int, version: str, *options: str) -> bool:
    """Tell whether a listener on loopback finishes a handshake of one version."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version, *ANY_CIPHER, *options]
    found = subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=30)
    return "Cipher is (NONE)" not in found.stdout and "New, TLSv1" in found.stdout
