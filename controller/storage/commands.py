"""`backrow controller storage`: how the storage identity stands, and its rotation."""

from __future__ import annotations

from pathlib import Path

import click

from controller.opening import config_option, opened

WORDS = (
    "Storage identity {name} is in force, and every entry of the key store is sealed to it. The older ones are "
    "destroyed {where}: a backup of the key store that was made before opens with nothing that is left. Copies of the "
    "older ones that were made elsewhere (a backup of the keys folder, a snapshot) still open such a backup: "
    "destroy them. A backup of the key store that is made from now on needs the new identity: keep both."
)


@click.group(name="storage")
def storage() -> None:
    """The identity to which the keys of delivered recordings are sealed."""


@storage.command()
@config_option
@click.option("--without-backup", is_flag=True, help="Rotate although [controller] keys_backup names no place.")
def rotate(path: Path, without_backup: bool) -> None:  # noqa: FBT001 - click hands a switch over so
    """Make a new storage identity, seal every entry to it, and destroy the old one."""
    from controller.errors import OperatorError
    from controller.storage import rotation

    with opened(path) as services:
        backup = services.config.controller.keys_backup
        if backup is None and not without_backup:
            raise OperatorError(f"{rotation.UNBACKED}; name one, or say --without-backup")
        name = rotation.rotate(services)
    click.echo(click.wrap_text(WORDS.format(name=name, where=f"here and in {backup}" if backup else "here"), 100))


@storage.command()
@config_option
def check(path: Path) -> None:
    """Tell which storage identities there are, and name the entries that open with none of them."""
    from controller.storage.policy import is_due, parse_made_at
    from controller.storage.rotation import UNBACKED, make_rotator, rotation_of

    with opened(path) as services:
        rotation, damaged = rotation_of(services), services.key_store.damaged()
        make_rotator(services)
        for name in sorted(rotation.names):
            goes_on = name != max(rotation.names)
            click.echo(f"{name}  {'to be destroyed: a rotation goes on' if goes_on else 'in force'}")
        made_at = parse_made_at(max(rotation.names))
        if not rotation.is_automatic:
            click.echo(click.wrap_text(f"Beware: {UNBACKED}.", 100))
        elif made_at:
            due = "due now" if is_due(rotation.names, services.clock(), rotation.every) else "due"
            click.echo(f"The next rotation is {due}: {made_at + rotation.every:%Y-%m-%d}.")
    for name in damaged:
        click.echo(f"{name}: opens with no storage identity; put it back from a backup of the key store, or remove it")
    if damaged:
        raise SystemExit(1)
    click.echo("Every entry of the key store opens.")
