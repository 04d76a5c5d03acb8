"""A school with a root CA, an issuing CA below it and one certificate of each kind; openssl as the judge of them."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

from protocol.pki import (
    Credential,
    encode_certificates,
    issue_bridge,
    issue_device,
    issue_issuing_authority,
    issue_root_authority,
    issue_server,
)
from tests.unit.protocol.made import DEVICE, NOW

ROOT = issue_root_authority("A made-up school, root", now=NOW)
ISSUING = issue_issuing_authority(ROOT, "A made-up school, issuing 1", now=NOW)
UNIT = issue_device(ISSUING, DEVICE, now=NOW)
SERVER = issue_server(ISSUING, ("box.example", "10.0.0.5"), now=NOW)
BRIDGE = issue_bridge(ISSUING, now=NOW)


def openssl(*command: str, folder: Path, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run openssl in `folder`; whoever calls looks at what it answered."""
    return subprocess.run(["openssl", *command], cwd=folder, input=given, capture_output=True, check=False)


def verify(
    folder: Path, end: Credential, *options: str, root: Credential = ROOT, after: timedelta = timedelta()
) -> str:
    """Ask openssl whether `end`, with what it presents, chains to `root`; give its complaint, or nothing."""
    (folder / "root.pem").write_bytes(root.certificate_pem())
    (folder / "end.pem").write_bytes(end.certificate_pem())
    (folder / "chain.pem").write_bytes(encode_certificates(end.chain))
    at = str(int((NOW + after).timestamp()))
    untrusted = ["-untrusted", "chain.pem"] if end.chain else []
    command = ["verify", "-x509_strict", "-attime", at, "-CAfile", "root.pem", *untrusted, *options, "end.pem"]
    done = openssl(*command, folder=folder)
    return "" if done.returncode == 0 else done.stderr.decode()
