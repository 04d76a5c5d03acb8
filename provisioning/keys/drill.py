"""The drill: does the backup of the keys open what the school seals today?

Seals as a unit and as the key store do, to what the school's keys publish now, and opens from the backup alone: a whole
recording by `backrow open`, as somebody would after a fire, and a small file for every other identity. Signing keys are
compared with the keyring. Changes nothing in either folder. Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from protocol.documents import Epoch, Keyring, Recipients
from protocol.envelope import EnvelopeError, KeyIdentity, generate_x25519, open_sealed, parse_recipient, seal
from protocol.pki import PkiError
from protocol.signing import VerifyingKey
from provisioning.keys.ceremony import KEYRING_PURPOSES
from provisioning.keys.certificates import read_pair
from provisioning.keys.errors import KeysError
from provisioning.keys.extension import read_identity
from provisioning.keys.rehearsal import rehearse
from provisioning.keys.root import RootDoor
from provisioning.keys.standing import RETIRED_CA, Standing, load_standing, read_authority, read_keeper, read_key

PUBLIC = ("root.pub", "root-ca.pem", "keeper.pub")


@dataclass(frozen=True)
class Tried:
    """One thing that was tried with the backup, and what was wrong with it (empty when it went well)."""

    what: str
    wrong: str = ""


def drill_backup(keys: Path, backup: Path, now: datetime) -> Iterator[Tried]:
    """Try everything in the backup that the server would need; raise `KeysError` when the school's are unusable."""
    standing = load_standing(keys)
    for name in PUBLIC:
        yield _try(name, partial(_require_same, keys / name, backup / name))
    current = standing.recipients.epoch_at(now)
    if current is None:
        yield Tried("the current epoch", f"{keys}/recipients: none is published for {now:%Y-%m-%d}: extend them first")
    for epoch in standing.recipients.epochs:
        if epoch == current:
            yield _try(f"a whole recording of epoch {epoch.name}", partial(_open_recording, backup, epoch, now))
        elif epoch.ends_at > now or (keys / "epochs" / f"{epoch.name}.key").exists():
            yield _try(f"epochs/{epoch.name}.key", partial(_open_epoch, backup, epoch))
    retired = (f"{RETIRED_CA}/{path.name}" for path in sorted((keys / RETIRED_CA).glob("[0-9]*")))
    for name in (Keyring.KIND, Recipients.KIND, *retired):
        yield _try(name, partial(_require_same, keys / name, backup / name))
    yield from _drill_storage(keys, backup)
    yield from _drill_signing(standing, backup)


def drill_root(door: RootDoor) -> Iterator[Tried]:
    """Try the root's part, wherever it is kept: each secret must fit the public half that the school goes by."""
    yield _try("root.key", door.signing)
    yield _try("root-ca.key", door.authority)
    yield _try("keeper.key opens a breach pack", partial(_open_pack, door))


def _try(what: str, attempt: Callable[[], object]) -> Tried:
    try:
        attempt()
    except (KeysError, EnvelopeError, PkiError, OSError) as error:
        return Tried(what, str(error))
    return Tried(what)


def _require_same(ours: Path, theirs: Path) -> None:
    if not theirs.exists():
        raise KeysError(f"{theirs}: missing from the backup")
    if ours.read_bytes() != theirs.read_bytes():
        raise KeysError(f"{theirs}: differs from {ours}: older, or of another school: copy it anew")


def _held(backup: Path, name: str) -> KeyIdentity:
    if not (backup / name).exists():
        raise KeysError(f"{backup / name}: missing from the backup: copy it there now")
    return read_identity(backup / name)


def _open_epoch(backup: Path, epoch: Epoch) -> None:
    """Open what a unit seals when it begins a recording: the recording's own identity."""
    name = f"epochs/{epoch.name}.key"
    _require_opens(_held(backup, name), epoch.recipient, backup / name)


def _require_opens(held: KeyIdentity, recipient: str, path: Path) -> None:
    entry = f"{generate_x25519().encode()}\n".encode("ascii")
    sealed = seal(entry, [parse_recipient(recipient)])
    try:
        opened = open_sealed(sealed, [held])
    except EnvelopeError as error:
        raise KeysError(f"{path}: is the wrong key: it does not open what is sealed to {recipient}: {error}") from None
    if opened != entry:
        raise KeysError(f"{path}: what it opened is not what was sealed")


def _open_recording(backup: Path, epoch: Epoch, now: datetime) -> None:
    name = f"epochs/{epoch.name}.key"
    _held(backup, name)
    with TemporaryDirectory(prefix="backrow-drill-") as scratch:
        made, out = rehearse(Path(scratch) / "recording", epoch, now), Path(scratch) / "opened"
        options = ["--recording", str(made.folder), "--recorder-key", str(made.recorder_key), "--output", str(out)]
        command = [sys.executable, "-m", "provisioning", "open", "-i", str(backup / name), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise KeysError(f"{backup / name}: does not open it: {(done.stdout + done.stderr).strip()}")
        for index, plaintext in enumerate(made.plaintexts, 1):
            if (out / f"{index:06d}.mp4").read_bytes() != plaintext:
                raise KeysError(f"segment {index}: what was opened is not what was sealed")


def _drill_storage(keys: Path, backup: Path) -> Iterator[Tried]:
    """Seal an entry as the key store does, to each storage identity that still opens something."""
    for path in sorted((keys / "storage").glob("*.key")):
        name = f"storage/{path.name}"
        yield _try(f"an entry of the key store, {name}", partial(_open_entry, backup, name, path))


def _open_entry(backup: Path, name: str, ours: Path) -> None:
    _require_opens(_held(backup, name), str(read_identity(ours).recipient), backup / name)


def _drill_signing(standing: Standing, backup: Path) -> Iterator[Tried]:
    for purpose in KEYRING_PURPOSES:
        path = backup / f"{purpose}.key"
        yield _try(path.name, partial(_require_signs, path, standing.signing_key(purpose).verifying))
    yield _try("ca.key", partial(_require_authority, standing, backup))
    for name in ("server", "bridge"):
        yield _try(f"{name}.key", partial(read_pair, backup, name))


def _require_signs(path: Path, signs: VerifyingKey) -> None:
    if read_key(path).verifying != signs:
        raise KeysError(f"{path}: is not the key that signs now: copy it anew")


def _require_authority(standing: Standing, backup: Path) -> None:
    held = read_authority(backup / "ca.pem", backup / "ca.key")
    if held.certificate != standing.authority().certificate:
        raise KeysError(f"{backup / 'ca.pem'}: is not the authority that signs now: copy ca.pem and ca.key anew")


def _open_pack(door: RootDoor) -> None:
    _require_opens(door.keeper(), read_keeper(door.school), door.folder / "keeper.key")
