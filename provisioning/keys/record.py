"""The record of the ceremony: what was made, by which fingerprints, who was there, and where each copy lies.

For paper: facts that anybody may read and lines for hands to fill. Never a secret. Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from protocol.documents import Purpose
from protocol.pki import fingerprint, spell_fingerprint
from protocol.room.drawing import Drawing, Paper, Place, Shape, Stroke, set_text
from protocol.room.helvetica import Weight
from protocol.signing import VerifyingKey
from provisioning.keys.ceremony import KEYRING_PURPOSES
from provisioning.keys.layout import ROOT_SECRETS, SEALED
from provisioning.keys.standing import Standing, load_standing, read_certificate

TO_FILL = (
    "Held on (date), at (place)",
    "By (name, signature)",
    "Witnessed by (name, signature)",
    "First copy of the root's part lies in",
    "Second copy of the root's part lies in",
    "Its passphrase is kept by, in",
    "Backup of the server's keys lies in",
    "Last drill of the backup (date, by whom)",
)
RULES = (
    "No page of the school shows these fingerprints: compare them here when a key is said to be the school's.",
    "Who opens the safe writes date and reason on the back of this sheet.",
)
LONGEST_RECIPIENT = 90
WIDTH, LEFT, TOP, STEP = 170.0, 20.0, 18.0, 6.2
TITLE_MM, TEXT_MM, LINE_MM = 6.5, 3.1, 9.0


@dataclass(frozen=True)
class Record:
    """What stands on the sheet: facts by name, in order, and what hands fill in."""

    title: str
    facts: tuple[tuple[str, str], ...]
    to_fill: tuple[str, ...] = TO_FILL
    rules: tuple[str, ...] = RULES


def make_record(folder: Path, root_folder: Path, now: datetime) -> Record:
    """Gather what the sheet says of the keys in `folder`; raise `KeysError`."""
    standing = load_standing(folder)
    facts = (*_root_facts(standing, root_folder), *_server_facts(standing), ("Printed", f"{now:%Y-%m-%d %H:%M} UTC"))
    return Record(f"The keys of {standing.keyring.school}", facts)


def _root_facts(standing: Standing, root_folder: Path) -> Iterator[tuple[str, str]]:
    folder = standing.folder
    authority = read_certificate(folder / "root-ca.pem")
    yield "root.pub", spell_key(standing.trust.root)
    yield "root-ca.pem", f"{_spell(authority)}, until {authority.not_valid_after_utc:%Y-%m-%d}"
    yield "keeper.pub", _spell_recipient((folder / "keeper.pub").read_text("ascii").strip())
    yield "The root's part", _where(root_folder)


def _spell_recipient(text: str) -> str:
    """Give a recipient as it is, or, for a post-quantum one of two thousand letters, the SHA-256 of its text."""
    if len(text) <= LONGEST_RECIPIENT:
        return text
    return f"{text[:12]}…, SHA-256 of the text: {spell_fingerprint(hashlib.sha256(text.encode()).hexdigest())}"


def _where(root_folder: Path) -> str:
    sealed = [name for name in ROOT_SECRETS if (root_folder / (name + SEALED)).exists()]
    plain = [name for name in ROOT_SECRETS if (root_folder / name).exists()]
    if len(sealed) == len(ROOT_SECRETS):
        return f"{', '.join(name + SEALED for name in sealed)}: sealed with a passphrase"
    if len(plain) == len(ROOT_SECRETS):
        return f"{', '.join(plain)}: NOT sealed"
    return "was not at hand when this was printed"


def _server_facts(standing: Standing) -> Iterator[tuple[str, str]]:
    authority = standing.authority().certificate
    yield "ca.pem", f"{_spell(authority)}, until {authority.not_valid_after_utc:%Y-%m-%d}"
    keyring, epochs = standing.keyring, standing.recipients.epochs
    yield "keyring", f"version {keyring.version} of {keyring.issued_at:%Y-%m-%d}, until {keyring.expires_at:%Y-%m-%d}"
    for purpose in KEYRING_PURPOSES:
        yield f"{purpose}.key", _spell_signing(standing, purpose)
    span = f"{epochs[0].name} to {epochs[-1].name}, until {standing.recipients.expires_at:%Y-%m-%d}"
    yield "recipients", f"version {standing.recipients.version}: {span}"
    yield "storage identity", max((path.stem for path in (standing.folder / "storage").glob("*.key")), default="NONE")


def _spell_signing(standing: Standing, purpose: Purpose) -> str:
    return spell_key(standing.signing_key(purpose).verifying)


def spell_key(key: VerifyingKey) -> str:
    """Spell a signing key as people compare it; its first 16 digits are its id in documents."""
    return spell_fingerprint(hashlib.sha256(key.public).hexdigest())


def _spell(certificate: x509.Certificate) -> str:
    return spell_fingerprint(fingerprint(certificate))


def tell_record(record: Record) -> str:
    """Give the sheet as text."""
    wide = max(len(name) for name, _ in record.facts) + 2
    facts = (f"{name:{wide}}{value}" for name, value in record.facts)
    lines = (f"{words}:\n\n    {'_' * 70}\n" for words in record.to_fill)
    return "\n".join([record.title, "=" * len(record.title), "", *facts, "", *lines, *record.rules, ""])


def draw_record(record: Record, paper: Paper = Paper.A4) -> Drawing:
    """Give the sheet as a page."""
    return Drawing(paper=paper, title=record.title, language="en", shapes=tuple(_shapes(record)))


def _shapes(record: Record) -> Iterator[Shape]:
    yield from set_text(record.title, Place(LEFT, TOP, WIDTH, TITLE_MM, weight=Weight.BOLD))
    y = TOP + 13
    for name, value in record.facts:
        yield from set_text(name, Place(LEFT, y, 34, TEXT_MM, weight=Weight.BOLD))
        yield from set_text(value, Place(LEFT + 36, y, WIDTH - 36, TEXT_MM, lines=2, least=2.2))
        y += STEP
    y += 4
    for words in record.to_fill:
        yield from set_text(words, Place(LEFT, y, WIDTH, TEXT_MM))
        yield Stroke(LEFT, y + LINE_MM, LEFT + WIDTH, y + LINE_MM)
        y += LINE_MM + 4
    for words in record.rules:
        yield from set_text(words, Place(LEFT, y, WIDTH, TEXT_MM, lines=2))
        y += STEP
