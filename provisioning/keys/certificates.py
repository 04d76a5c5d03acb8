"""Rotation of certificates: the issuing CA under the root CA, and those of server and bridge under the issuing CA.

Every step is durable before the next; the same command finishes what a cut left. What the old issuing CA signed stays
good until it ends or is revoked, so the old CA is kept to sign its list. Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.durable import REAL, Files, destroy_file
from protocol.errors import ProtocolError
from protocol.keyfiles import read_secret
from protocol.pki import (
    SERVER_DAYS,
    Credential,
    encode_certificates,
    issue_bridge,
    issue_issuing_authority,
    issue_server,
    parse_certificates,
    parse_credential,
)
from provisioning.keys.ceremony import authority_name
from provisioning.keys.errors import KeysError
from provisioning.keys.folder import FOLDER_MODE, put_key_file
from provisioning.keys.layout import PUBLIC, KeyFile
from provisioning.keys.standing import NEXT, RETIRED_CA, load_standing, read_authority, read_certificate

LONGEST_LIFE = timedelta(days=SERVER_DAYS)  # of what an issuing CA signs


def rotate_authority(folder: Path, root: Credential, *, now: datetime, files: Files = REAL) -> Credential:
    """Let a new issuing CA sign, or finish what a cut left of that; raise `KeysError`.

    In between ca.pem holds both certificates, and readers take the one that fits ca.key.
    """
    standing, waiting = load_standing(folder), folder / f"ca.key{NEXT}"
    made = folder / f"ca.pem{NEXT}"
    if not made.exists():
        _make_authority(folder, (standing.keyring.school, root), now=now, files=files)
    new = parse_certificates(made.read_bytes(), str(made))
    if waiting.exists():
        old = standing.authority()
        _keep_authority(folder, old, files)
        both = encode_certificates((*new, old.certificate))
        put_key_file(folder, KeyFile("ca.pem", both, PUBLIC), files)
        files.replace(waiting, folder / "ca.key")
        files.sync_folder(folder)
    put_key_file(folder, KeyFile("ca.pem", encode_certificates(new), PUBLIC), files)
    files.unlink(made)
    files.sync_folder(folder)
    return standing.authority()


def _make_authority(folder: Path, school: tuple[str, Credential], *, now: datetime, files: Files) -> None:
    name, root = school
    count = len(retired_authorities(folder)) + 2
    new = issue_issuing_authority(root, authority_name(name, f"issuing {count}"), now=now.replace(microsecond=0))
    put_key_file(folder, KeyFile(f"ca.key{NEXT}", new.key_pem()), files)
    put_key_file(folder, KeyFile(f"ca.pem{NEXT}", new.certificate_pem(), PUBLIC), files)


def _keep_authority(folder: Path, old: Credential, files: Files) -> None:
    kept = retired_authorities(folder)
    if any(one.certificate == old.certificate for one in kept.values()):
        return
    files.make_folder(folder / RETIRED_CA, FOLDER_MODE)
    files.sync_folder(folder)
    number = max(kept, default=0) + 1
    put_key_file(folder / RETIRED_CA, KeyFile(f"{number}.pem", old.certificate_pem(), PUBLIC), files)
    put_key_file(folder / RETIRED_CA, KeyFile(f"{number}.key", old.key_pem()), files)


def retired_authorities(folder: Path) -> dict[int, Credential]:
    """Give the issuing CAs that sign no more certificates, by number, the oldest first; raise `KeysError`."""
    numbered = [path for path in (folder / RETIRED_CA).glob("*.key") if path.stem.isdecimal()]
    found = sorted(numbered, key=lambda path: int(path.stem))
    return {int(path.stem): read_authority(path.with_suffix(".pem"), path) for path in found}


def last_end(retired: dict[int, Credential], number: int, current: Credential) -> datetime:
    """Tell by when everything has ended that a retired CA signed: it signed until its successor was made."""
    successor = retired.get(number + 1, current).certificate
    return min(successor.not_valid_before_utc + LONGEST_LIFE, retired[number].certificate.not_valid_after_utc)


def destroy_retired_authorities(folder: Path, *, now: datetime, files: Files = REAL) -> tuple[int, ...]:
    """Destroy the retired CAs of which nothing is good any longer, and give their numbers; raise `KeysError`."""
    retired, current = retired_authorities(folder), load_standing(folder).authority()
    ends = {number: last_end(retired, number, current) for number in retired}
    over = tuple(number for number, ends_at in ends.items() if ends_at <= now)
    if not over:
        soonest = f"the first is over on {min(ends.values()):%Y-%m-%d}" if ends else "there is none"
        raise KeysError(f"{folder / RETIRED_CA}: no retired authority is over yet: {soonest}")
    for number in over:
        destroy_file(folder / RETIRED_CA / f"{number}.key", files)
        files.unlink(folder / RETIRED_CA / f"{number}.pem")
        files.sync_folder(folder / RETIRED_CA)
    return over


def renew_certified(
    folder: Path, name: str, hosts: tuple[str, ...] = (), *, now: datetime, files: Files = REAL
) -> Credential:
    """Give the key of `server` or `bridge` a new certificate: one file changes. Raise `KeysError`.

    A server's is for `hosts`, or for those of the old one when there are none.
    """
    finish_pair(folder, name, files)
    held = read_pair(folder, name)
    new = _issue(folder, name, hosts or _hosts(held.certificate), now=now, key=held.key)
    put_key_file(folder, KeyFile(f"{name}.pem", new.certificate_pem(), PUBLIC), files)
    return new


def replace_certified(
    folder: Path, name: str, hosts: tuple[str, ...] = (), *, now: datetime, files: Files = REAL
) -> Credential:
    """Put a new key with its certificate in place of `name`'s, after what a cut left of that is finished.

    Two renames: between them a listener that is started just then finds two files that do not fit, and says so.
    """
    finish_pair(folder, name, files)
    hosts = hosts or _hosts(read_certificate(folder / f"{name}.pem"))
    new = _issue(folder, name, hosts, now=now)
    put_key_file(folder, KeyFile(f"{name}.pem{NEXT}", new.certificate_pem(), PUBLIC), files)
    put_key_file(folder, KeyFile(f"{name}.key{NEXT}", new.key_pem()), files)
    finish_pair(folder, name, files)
    return read_pair(folder, name)


def _issue(
    folder: Path,
    name: str,
    hosts: tuple[str, ...],
    *,
    now: datetime,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Credential:
    authority, now = load_standing(folder).authority(), now.replace(microsecond=0)
    if name == "bridge":
        return issue_bridge(authority, now=now, key=key)
    try:
        return issue_server(authority, hosts, now=now, key=key)
    except ValueError as error:
        raise KeysError(f"--host: no certificate can name {', '.join(hosts)}: {error}") from None


def finish_pair(folder: Path, name: str, files: Files = REAL) -> None:
    """Finish a replacement whose both halves are written; a half that is alone belongs to no pair and is removed."""
    key, pem = folder / f"{name}.key{NEXT}", folder / f"{name}.pem{NEXT}"
    if key.exists():
        if pem.exists():
            files.replace(pem, folder / f"{name}.pem")
            files.sync_folder(folder)
        files.replace(key, folder / f"{name}.key")
    else:
        files.unlink(pem)
    files.sync_folder(folder)


def read_pair(folder: Path, name: str) -> Credential:
    """Read a certificate and its key; raise `KeysError`."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    try:
        return parse_credential(certificate.read_bytes(), read_secret(key).encode("ascii"), str(certificate))
    except (OSError, ProtocolError) as error:
        raise KeysError(f"{error}; put both files back from the backup, or replace both with --new-key") from None


def _hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(name.value) for name in names)
