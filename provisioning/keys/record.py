"""The record of the ceremony: what was made, by which fingerprints, who was there, and where each copy lies.

For paper: facts that anybody may read and lines for hands to fill. Never a secret. Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from gettext import NullTranslations
from pathlib import Path

from cryptography import x509

from protocol.documents import Purpose
from protocol.pki import fingerprint, spell_fingerprint
from protocol.room.drawing import Drawing, Paper, Place, Shape, Stroke, set_text
from protocol.room.helvetica import Weight
from protocol.signing import VerifyingKey
from protocol.words import mark
from provisioning.keys.ceremony import KEYRING_PURPOSES
from provisioning.keys.layout import ROOT_SECRETS, SEALED
from provisioning.keys.standing import Standing, load_standing, read_certificate, read_keeper

Say = Callable[[str], str]

TO_FILL = (
    mark("Held on (date), at (place)"),
    mark("By (name, signature)"),
    mark("Witnessed by (name, signature)"),
    mark("First copy of the root's part lies in"),
    mark("Second copy of the root's part lies in"),
    mark("Its passphrase is kept by, in"),
    mark("Backup of the server's keys lies in"),
    mark("Last drill of the backup (date, by whom)"),
)
RULES = (
    mark("No page of the school shows these fingerprints: compare them here when a key is said to be the school's."),
    mark("Who opens the safe writes date and reason on the back of this sheet."),
)
LONGEST_RECIPIENT = 90
WIDTH, LEFT, TOP, STEP = 170.0, 20.0, 18.0, 6.2
TITLE_MM, TEXT_MM, LINE_MM = 6.5, 3.1, 9.0


@dataclass(frozen=True)
class Record:
    """What stands on the sheet: facts by name, in order, and what hands fill in."""

    title: str
    language: str
    facts: tuple[tuple[str, str], ...]
    to_fill: tuple[str, ...]
    rules: tuple[str, ...]


def make_record(folder: Path, root_folder: Path, now: datetime, words: NullTranslations) -> Record:
    """Gather what the sheet says of the keys in `folder`, in the language of `words`; raise `KeysError`."""
    standing, say = load_standing(folder), words.gettext
    return Record(
        title=say(mark("The keys of {school}")).format(school=standing.keyring.school),
        language=words.info().get("language", "en"),
        facts=(*_root_facts(standing, root_folder, say), *_server_facts(standing, say), _printed(now, say)),
        to_fill=tuple(map(say, TO_FILL)),
        rules=tuple(map(say, RULES)),
    )


def _printed(now: datetime, say: Say) -> tuple[str, str]:
    return say(mark("Printed")), f"{now:%Y-%m-%d %H:%M} UTC"


def _root_facts(standing: Standing, root_folder: Path, say: Say) -> Iterator[tuple[str, str]]:
    folder = standing.folder
    authority = read_certificate(folder / "root-ca.pem")
    yield "root.pub", spell_key(standing.trust.root)
    yield "root-ca.pem", _spell_authority(authority, say)
    yield "keeper.pub", _spell_recipient(read_keeper(folder))
    yield say(mark("The root's part")), _where(root_folder, say)


def _spell_authority(certificate: x509.Certificate, say: Say) -> str:
    until = say(mark("{what}, until {day}"))
    return until.format(what=spell_fingerprint(fingerprint(certificate)), day=_day(certificate.not_valid_after_utc))


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _spell_recipient(text: str) -> str:
    """Give a recipient as it is, or, for a post-quantum one of two thousand letters, the SHA-256 of its text."""
    if len(text) <= LONGEST_RECIPIENT:
        return text
    return f"{text[:12]}…, SHA-256 of the text: {spell_fingerprint(hashlib.sha256(text.encode()).hexdigest())}"


def _where(root_folder: Path, say: Say) -> str:
    sealed = [name + SEALED for name in ROOT_SECRETS if (root_folder / (name + SEALED)).exists()]
    plain = [name for name in ROOT_SECRETS if (root_folder / name).exists()]
    if len(sealed) == len(ROOT_SECRETS):
        return say(mark("{files}: sealed with a passphrase")).format(files=", ".join(sealed))
    if len(plain) == len(ROOT_SECRETS):
        return say(mark("{files}: NOT sealed")).format(files=", ".join(plain))
    return say(mark("was not at hand when this was printed"))


def _server_facts(standing: Standing, say: Say) -> Iterator[tuple[str, str]]:
    keyring, recipients = standing.keyring, standing.recipients
    yield "ca.pem", _spell_authority(standing.authority().certificate, say)
    version, until = say(mark("version {number} of {day}")), say(mark("{what}, until {day}"))
    issued = version.format(number=keyring.version, day=_day(keyring.issued_at))
    yield keyring.KIND, until.format(what=issued, day=_day(keyring.expires_at))
    for purpose in KEYRING_PURPOSES:
        yield f"{purpose}.key", _spell_signing(standing, purpose)
    span = f"{recipients.epochs[0].name} … {recipients.epochs[-1].name}"
    issued = version.format(number=recipients.version, day=_day(recipients.issued_at))
    yield recipients.KIND, until.format(what=f"{issued}: {span}", day=_day(recipients.expires_at))
    yield "storage", ", ".join(path.stem for path in sorted((standing.folder / "storage").glob("*.key")))


def _spell_signing(standing: Standing, purpose: Purpose) -> str:
    return spell_key(standing.signing_key(purpose).verifying)


def spell_key(key: VerifyingKey) -> str:
    """Spell a signing key as people compare it; its first 16 digits are its id in documents."""
    return spell_fingerprint(hashlib.sha256(key.public).hexdigest())


def tell_record(record: Record) -> str:
    """Give the sheet as text."""
    wide = max(len(name) for name, _ in record.facts) + 2
    facts = (f"{name:{wide}}{value}" for name, value in record.facts)
    lines = (f"{words}:\n\n    {'_' * 70}\n" for words in record.to_fill)
    return "\n".join([record.title, "=" * len(record.title), "", *facts, "", *lines, *record.rules, ""])


def draw_record(record: Record, paper: Paper = Paper.A4) -> Drawing:
    """Give the sheet as a page."""
    return Drawing(paper=paper, title=record.title, language=record.language, shapes=tuple(_shapes(record)))


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
