"""Further epochs: identities for the weeks ahead that have none, then the list that publishes them.

An identity that a cut left unpublished is published the next time. Epochs whose identity is gone have ended and leave
the list. Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from protocol.documents import Epoch, Recipients, issue_document
from protocol.durable import REAL, Files
from protocol.envelope import (
    HybridRecipient,
    KeyIdentity,
    generate_hybrid,
    generate_x25519,
    parse_identities,
    parse_recipient,
)
from protocol.errors import ProtocolError
from protocol.keyfiles import read_secret
from protocol.signing import SigningKey
from provisioning.keys.epochs import EpochKey, Planned, list_recipients, make_epoch, plan_epochs
from provisioning.keys.errors import KeysError
from provisioning.keys.folder import FOLDER_MODE, put_key_file
from provisioning.keys.layout import PUBLIC, KeyFile, epoch_file
from provisioning.keys.standing import Standing, load_standing


def extend_epochs(  # noqa: PLR0913 - what, with which key, when, how far, and how a test watches it
    folder: Path, root: SigningKey, *, now: datetime, weeks: int, replace_lost: bool = False, files: Files = REAL
) -> tuple[Recipients, tuple[str, ...]]:
    """Publish recipients for the current week and `weeks` after it; give the list and the names that are new.

    With `replace_lost` a week that is not over and has lost its identity gets a new one. Raises `KeysError`, also when
    nothing is missing.
    """
    standing = load_standing(folder)
    lost = _lost(standing, now)
    if lost and not replace_lost:
        raise KeysError(
            f"{folder / 'epochs'}: {', '.join(f'{name}.key' for name in lost)}: missing, and the week is not over: put "
            "it back from the backup of the keys; or, when it is lost for good, give --replace-lost"
        )
    listed = {epoch.name: epoch for epoch in standing.recipients.epochs if epoch.name not in lost}
    missing = [planned for planned in plan_epochs(now, weeks) if planned[0] not in listed]
    if not missing:
        raise KeysError(f"{folder}: recipients until {standing.recipients.expires_at:%Y-%m-%d} are published already")
    files.make_folder(folder / "epochs", FOLDER_MODE)
    generate = _generator(standing)
    new = tuple(_identify(folder, planned, generate, files).epoch for planned in missing)
    living = (epoch for epoch in listed.values() if (folder / "epochs" / f"{epoch.name}.key").exists())
    epochs = tuple(sorted((*living, *new), key=lambda epoch: epoch.begins_at))
    order = (standing.recipients.generation, standing.recipients.version + 1)
    recipients = list_recipients(epochs, now.replace(microsecond=0), order=order)
    put_key_file(folder, KeyFile(Recipients.KIND, issue_document(recipients, root), PUBLIC), files)
    return recipients, tuple(epoch.name for epoch in new)


def _identify(folder: Path, planned: Planned, generate: Callable[[], KeyIdentity], files: Files) -> EpochKey:
    path = folder / "epochs" / f"{planned[0]}.key"
    if path.exists():
        return make_epoch(planned, read_identity(path))
    key = make_epoch(planned, generate())
    put_key_file(folder, epoch_file(key), files)
    return key


def _lost(standing: Standing, now: datetime) -> tuple[str, ...]:
    """Name the weeks that are not over and whose identity is gone: nobody ended those."""
    folder = standing.folder / "epochs"
    unended = (epoch.name for epoch in standing.recipients.epochs if epoch.ends_at > now)
    return tuple(name for name in unended if not (folder / f"{name}.key").exists())


def _generator(standing: Standing) -> Callable[[], KeyIdentity]:
    """Go on with the kind of identities that the school chose: that of the youngest, whose own may be gone by now."""
    youngest: Epoch = standing.recipients.epochs[-1]
    return generate_hybrid if isinstance(parse_recipient(youngest.recipient), HybridRecipient) else generate_x25519


def read_identity(path: Path) -> KeyIdentity:
    """Read the age identity in a file; raise `KeysError`."""
    try:
        return parse_identities(read_secret(path))[0]
    except ProtocolError as error:
        raise KeysError(f"{path}: {error}; put it back from the backup of the keys") from None
