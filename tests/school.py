"""A small made-up school for tests: its keys, its signed documents and its units, laid out as ARCHITECTURE.md says.

Only the contract (`protocol`) is used, so that unit and controller are tested against the formats and not against each
other. Everything is made from the real code: real Ed25519 keys, real age identities, a real certificate authority.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

from protocol.commands import Command, Task
from protocol.documents import (
    Decision,
    Epoch,
    Keyring,
    KeyringKey,
    Lease,
    LessonDecision,
    Permission,
    Policy,
    Purpose,
    Receipt,
    ReceiptItem,
    Recipients,
    Trust,
    Undo,
    Withdrawal,
    issue_document,
    verify_document,
)
from protocol.durable import SHARED, Files, replace_file
from protocol.envelope import generate_hybrid, generate_x25519
from protocol.envelope.keys import KeyIdentity
from protocol.ids import make_id
from protocol.keyfiles import store_signing_key
from protocol.manifest import Manifest, parse_manifest, whole_lines
from protocol.masks import Mask
from protocol.pki import (
    Credential,
    issue_bridge,
    issue_device,
    issue_issuing_authority,
    issue_root_authority,
    issue_server,
)
from protocol.schedule import Opening, Schedule
from protocol.signing import SigningKey

WEEK = timedelta(days=7)
EPOCHS = 13
ALLOWED = Permission.ALLOWED
REFUSED = Permission.REFUSED


class UnsyncedFiles(Files):
    """The disk without waiting for it: no test cuts the power while its school is being laid out."""

    def sync(self, descriptor: int) -> None:
        """Wait for nothing."""

    def sync_folder(self, path: Path) -> None:
        """Wait for nothing."""


UNSYNCED = UnsyncedFiles()


def new_id() -> str:
    """Make an opaque identifier."""
    return make_id(os.urandom(16))


def decision(permission: Permission, *, owner: str | None = None, reason: str = "adults_accepted") -> Decision:
    """Make a consent decision."""
    return Decision(permission=permission, reason=reason, owner=owner)


@dataclass(frozen=True, kw_only=True)
class UnitBundle:
    """One unit on disk: `config` is its device.toml, `data` the folder with identity/, state/ and the rest."""

    folder: Path
    config: Path
    data: Path
    device: str
    label: str
    owner: str
    recorder: SigningKey = field(repr=False)

    def put_state(self, kind: str, line: bytes) -> Path:
        """Lay a signed line into state/ as agent and uploader do; `receipts/<recording>` is a kind, too."""
        path = self.data / "state" / kind
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        replace_file(path, line, mode=SHARED)
        return path

    def recordings(self) -> list[Path]:
        """List the recordings in the spool, by name."""
        spool = self.data / "spool"
        return sorted(path for path in spool.iterdir() if path.is_dir()) if spool.is_dir() else []

    def manifest(self, recording: Path) -> Manifest:
        """Read and verify a recording's manifest, as far as it has been written."""
        return parse_manifest(whole_lines((recording / "manifest").read_bytes()), self.recorder.verifying)


@dataclass(frozen=True, kw_only=True)
class School:
    """The school's keys (also on disk under `keys`, in the layout of `backrow provision keys init`) and documents."""

    keys: Path
    now: datetime
    root: SigningKey = field(repr=False)
    policy_key: SigningKey = field(repr=False)
    receipt_key: SigningKey = field(repr=False)
    lease_key: SigningKey = field(repr=False)
    settings_key: SigningKey = field(repr=False)
    root_authority: Credential
    authority: Credential
    keyring: bytes
    recipients: bytes
    epoch_identities: Mapping[str, KeyIdentity] = field(repr=False)
    storage_identity: KeyIdentity = field(repr=False)
    keeper: KeyIdentity = field(repr=False)

    @property
    def trust(self) -> Trust:
        """Give the root and the verified keyring."""
        bare = Trust(root=self.root.verifying)
        return Trust(root=self.root.verifying, keyring=verify_document(Keyring, self.keyring, bare))

    def issue_policy(
        self,
        device: str,
        *,
        owner: str | None = None,
        otherwise: Decision | None = None,
        lessons: Sequence[LessonDecision] = (),
        version: int = 1,
        generation: int = 1,
        issued_at: datetime | None = None,
        lasts: timedelta = WEEK,
        mask: Mask | None = None,
    ) -> bytes:
        """Sign a policy snapshot; without `otherwise` it allows recordings of `owner` at any time."""
        begins = issued_at or self.now
        policy = Policy(
            generation=generation,
            version=version,
            issued_at=begins,
            expires_at=begins + lasts,
            device=device,
            policy_version=1,
            lessons=tuple(lessons),
            otherwise=otherwise or decision(ALLOWED, owner=owner or new_id()),
            must_mask=mask,
        )
        return issue_document(policy, self.policy_key)

    def issue_lease(
        self,
        device: str,
        *,
        fence: int = 1,
        rate_bps: int = 1_000_000_000,
        not_before: datetime | None = None,
        lasts: timedelta = timedelta(hours=1),
        version: int | None = None,
        first: str | None = None,
    ) -> bytes:
        """Sign a lease that holds from now on."""
        lease = Lease(
            generation=1,
            version=version or fence,
            issued_at=self.now,
            expires_at=(not_before or self.now) + lasts,
            device=device,
            lease=new_id(),
            fence=fence,
            rate_bps=rate_bps,
            not_before=not_before or self.now,
            first=first,
        )
        return issue_document(lease, self.lease_key)

    def issue_schedule(
        self, device: str, openings: Sequence[Opening], *, expires_at: datetime, version: int = 1
    ) -> bytes:
        """Sign a unit's schedule."""
        schedule = Schedule(
            generation=1,
            version=version,
            issued_at=self.now,
            expires_at=expires_at,
            device=device,
            openings=tuple(openings),
        )
        return issue_document(schedule, self.lease_key)

    def issue_receipt(
        self,
        manifest: Manifest,
        *,
        items: Sequence[ReceiptItem] | None = None,
        version: int = 1,
        keep_until: datetime | None = None,
        wanted: tuple[int, ...] | None = None,
    ) -> bytes:
        """Sign a receipt for `items` of a recording; by default for everything that its manifest names."""
        receipt = Receipt(
            generation=1,
            version=version,
            issued_at=self.now,
            expires_at=self.now + 52 * WEEK,
            device=manifest.begun.device,
            recording=manifest.begun.recording,
            manifest_lines=len(manifest.lines),
            manifest_head=manifest.head,
            items=tuple(receipt_items(manifest) if items is None else items),
            keep_until=keep_until,
            wanted=wanted,
        )
        return issue_document(receipt, self.receipt_key)

    def issue_undo(self, device: str, recording: str) -> bytes:
        """Sign the owner's word that a discarded recording shall be kept."""
        undo = Undo(
            generation=1, version=1, issued_at=self.now, expires_at=self.now + WEEK, device=device, recording=recording
        )
        return issue_document(undo, self.policy_key)

    def issue_withdrawal(self, device: str, *recordings: str, version: int = 1) -> bytes:
        """Sign that consent no longer covers these recordings."""
        withdrawal = Withdrawal(
            generation=1,
            version=version,
            issued_at=self.now,
            expires_at=self.now + 52 * WEEK,
            device=device,
            recordings=recordings,
        )
        return issue_document(withdrawal, self.policy_key)

    def issue_command(
        self,
        device: str,
        task: Task = Task.IDENTIFY,
        *,
        version: int = 1,
        issued_at: datetime | None = None,
        lasts: timedelta = timedelta(minutes=2),
        not_before: datetime | None = None,
    ) -> bytes:
        """Sign a command; a retirement lasts as long as it is told."""
        begins = issued_at or self.now
        command = Command(
            generation=1,
            version=version,
            issued_at=begins,
            expires_at=begins + lasts,
            device=device,
            task=task,
            not_before=not_before,
        )
        return issue_document(command, self.policy_key)

    def make_unit(
        self,
        folder: Path,
        label: str = "Room 12",
        owner: str | None = None,
        *,
        tables: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> UnitBundle:
        """Lay out a unit whose policy allows `owner`; `tables` adds to or overrides device.toml, key by key."""
        device, person, recorder = new_id(), owner or new_id(), SigningKey.generate()
        data = folder / "data"
        config = folder / "device.toml"
        data.mkdir(mode=0o750, parents=True, exist_ok=True)
        config.write_text(encode_toml(_merge(_default_tables(device, label), tables or {})), "utf-8")
        self._put_identity(data / "identity", recorder)
        self.put_certificate(data, issue_device(self.authority, device, now=self.now))
        unit = UnitBundle(
            folder=folder, config=config, data=data, device=device, label=label, owner=person, recorder=recorder
        )
        unit.put_state("keyring", self.keyring)
        unit.put_state("recipients", self.recipients)
        unit.put_state("policy", self.issue_policy(device, owner=person))
        return unit

    def put_certificate(self, data: Path, credential: Credential) -> None:
        """Give a unit a certificate and its key, as if it had enrolled."""
        (data / "certificate").mkdir(mode=0o750, exist_ok=True)
        (data / "certificate" / "tls.pem").write_bytes(credential.certificate_pem())
        replace_file(data / "identity" / "tls.key", credential.key_pem())

    def _put_identity(self, folder: Path, recorder: SigningKey) -> None:
        folder.mkdir(mode=0o750)
        (folder / "root.pub").write_text(self.root.verifying.encode() + "\n", "ascii")
        (folder / "recorder.pub").write_text(recorder.verifying.encode() + "\n", "ascii")
        store_signing_key(folder / "recorder.key", recorder, "recorder")
        (folder / "ca.pem").write_bytes(self.root_authority.certificate_pem())


def receipt_items(manifest: Manifest) -> list[ReceiptItem]:
    """List everything that a manifest names as receipt items."""
    named = ((index, manifest.expected(index)) for index in manifest.objects())
    return [ReceiptItem(index=at, digest=one[0], size_bytes=one[1]) for at, one in named if one]


def make_school(folder: Path, *, now: datetime, hybrid: bool = False) -> School:
    """Make a school with keys under `folder`/keys; `hybrid` makes its epochs' recipients post-quantum ones."""
    generate = generate_hybrid if hybrid else generate_x25519
    signing = {name: SigningKey.generate() for name in ("root", "policy", "receipt", "lease", "settings")}
    root_authority = issue_root_authority("A made-up school root", now=now)
    epochs = {f"{(now + at * WEEK):%G-w%V}": generate() for at in range(EPOCHS)}
    school = School(
        keys=folder / "keys",
        now=now,
        root=signing["root"],
        policy_key=signing["policy"],
        receipt_key=signing["receipt"],
        lease_key=signing["lease"],
        settings_key=signing["settings"],
        root_authority=root_authority,
        authority=issue_issuing_authority(root_authority, "A made-up school issuing 1", now=now),
        keyring=_issue_keyring(signing, now),
        recipients=_issue_recipients(signing["root"], epochs, now),
        epoch_identities=epochs,
        storage_identity=generate_x25519(),
        keeper=generate_x25519(),
    )
    _store_school(school, signing)
    return school


def _issue_keyring(signing: Mapping[str, SigningKey], now: datetime) -> bytes:
    keys = tuple(
        KeyringKey(purpose=Purpose(name), public=key.verifying.encode())
        for name, key in signing.items()
        if name != "root"
    )
    ends = now + 104 * WEEK
    keyring = Keyring(generation=1, version=1, issued_at=now, expires_at=ends, school="A made-up school", keys=keys)
    return issue_document(keyring, signing["root"])


def _issue_recipients(root: SigningKey, epochs: Mapping[str, KeyIdentity], now: datetime) -> bytes:
    first = (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    listed = tuple(
        Epoch(
            name=name,
            begins_at=first + at * WEEK,
            ends_at=first + (at + 1) * WEEK,
            recipient=str(identity.recipient),
        )
        for at, (name, identity) in enumerate(epochs.items())
    )
    end = listed[-1].ends_at
    return issue_document(Recipients(generation=1, version=1, issued_at=now, expires_at=end, epochs=listed), root)


def _store_school(school: School, signing: Mapping[str, SigningKey]) -> None:
    for folder in (school.keys, school.keys / "epochs", school.keys / "storage"):
        folder.mkdir(mode=0o700, parents=True)
    for name, key in signing.items():
        store_signing_key(school.keys / f"{name}.key", key, name, files=UNSYNCED)
    server = issue_server(school.authority, ("localhost", "127.0.0.1"), now=school.now)
    (school.keys / "root.pub").write_text(school.root.verifying.encode() + "\n", "ascii")
    (school.keys / "keyring").write_bytes(school.keyring)
    (school.keys / "recipients").write_bytes(school.recipients)
    bridge = issue_bridge(school.authority, now=school.now)
    certified = {"root-ca": school.root_authority, "ca": school.authority, "server": server, "bridge": bridge}
    for stem, credential in certified.items():
        (school.keys / f"{stem}.pem").write_bytes(credential.certificate_pem())
        replace_file(school.keys / f"{stem}.key", credential.key_pem(), files=UNSYNCED)
    (school.keys / "keeper.pub").write_text(f"{school.keeper.recipient}\n", "ascii")
    replace_file(school.keys / "keeper.key", (school.keeper.encode() + "\n").encode(), files=UNSYNCED)
    for name, identity in school.epoch_identities.items():
        replace_file(school.keys / "epochs" / f"{name}.key", (identity.encode() + "\n").encode(), files=UNSYNCED)
    storage = school.keys / "storage" / f"{school.now:%Y-%m-%d}.key"
    replace_file(storage, (school.storage_identity.encode() + "\n").encode(), files=UNSYNCED)


def _default_tables(device: str, label: str) -> dict[str, dict[str, Any]]:
    return {
        "device": {"id": device, "label": label, "data": "data", "production": False},
        "controller": {"url": "http://127.0.0.1:9"},  # the discard port: nobody answers unless a test says where
        "broker": {"host": "127.0.0.1", "port": 9, "tls": False},
        "camera": {"kind": "synthetic", "width": 320, "height": 180, "fps": 25, "bitrate_bps": 400_000},
        "pins": {"kind": "mock"},
        "limits": {"lesson_bytes": 64 * 1024 * 1024, "spool_reserve_bytes": 8 * 1024 * 1024},
    }


def _merge(tables: Mapping[str, Mapping[str, Any]], more: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {**tables.get(name, {}), **more.get(name, {})} for name in {**tables, **more}}


def encode_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Write tables of plain values as TOML."""
    blocks = (
        "\n".join([f"[{name}]", *(f"{k} = {_value(v)}" for k, v in keys.items())]) for name, keys in tables.items()
    )
    return "\n\n".join(blocks) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, clock_time):
        return value.isoformat()
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(f"\\u{ord(char):04x}" if ord(char) < 32 else char for char in text) + '"'
