"""`backrow controller device`: look at units, find one, move, swap, accept, retire, declare one lost.

Reads options, asks life.py, prints for people; `--json` is for scripts. Prints nothing from which a reader could tell
whether a room records (promise P7).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controller.errors import OperatorError
from controller.opening import config_option, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.devices.forms import UnitForm
    from controller.devices.history import Deed
    from controller.devices.models import Device
    from controller.services import Services

json_option = click.option("--json", "form", flag_value="json", default=False, help="For scripts.")
unit_argument = click.argument("unit")


@click.command(name="list")
@config_option
@click.option("--all", "states", flag_value="all", default="living", help="Also retired, lost and removed ones.")
@click.option("--json", "form", flag_value="json", default="text", help="For scripts.")
@click.option("--csv", "form", flag_value="csv", help="For a spreadsheet.")
def list_units(path: Path, states: str, form: str) -> None:
    """List the units."""
    from controller.devices.forms import all_units, describe_units, encode_csv
    from controller.devices.models import LIVING, DeviceState

    with opened(path) as services, services.database.reading() as session:
        units = describe_units(services, session, all_units(session, DeviceState if states == "all" else LIVING))
        if form == "json":
            click.echo(json.dumps([unit.to_json() for unit in units], indent=2, ensure_ascii=False))
        elif form == "csv":
            click.echo(encode_csv(units), nl=False)
        else:
            click.echo(tell_units(units))


def tell_registry(services: Services) -> str:
    """Say of each unit of the school's what IT may know."""
    from controller.devices.forms import all_units, describe_units
    from controller.devices.models import LIVING

    with services.database.reading() as session:
        return tell_units(describe_units(services, session, all_units(session, LIVING)))


def tell_units(units: list[UnitForm]) -> str:
    """Say of each unit what IT may know, a line each."""
    if not units:
        return "There are no units yet; add one with: backrow controller device prepare"
    return "\n".join(
        f"{unit.device.id}  {unit.device.label:<24} {unit.device.state:<11} {tell_presence(unit):<12} "
        f"{tell_health(unit)}".rstrip()
        + (f"\n    -> {unit.remedy}" if unit.remedy else "")
        for unit in units
    )


def tell_presence(unit: UnitForm) -> str:
    """Say whether a unit can be reached."""
    if unit.presence is None:
        return "never seen"
    return "reachable" if unit.presence.online else "unreachable"


def tell_health(unit: UnitForm) -> str:
    """Say whether a unit is fit, and why not."""
    if unit.health is None:
        return ""
    left = unit.health.school_days_left
    days = "" if left is None else f", {left} school days of space left"
    reason = f": {unit.health.reason}" if unit.health.reason else ""
    return ("fit" if unit.health.fit else "unfit") + reason + days


@click.command(name="show")
@config_option
@json_option
@unit_argument
def show(path: Path, form: str, unit: str) -> None:
    """Show one unit: where it is, whose, its state, its certificate, what can be done with it."""
    from controller.devices.forms import describe_unit
    from controller.devices.life import find_unit

    with opened(path) as services, services.database.reading() as session:
        found = describe_unit(services, session, find_unit(session, unit))
        told: dict[str, Any] = {**found.to_json()}
        if form == "json":
            click.echo(json.dumps(told, indent=2, ensure_ascii=False))
            return
        told |= {"owner": found.owner_name, "tags": ", ".join(found.tags), "actions": ", ".join(told["actions"])}
        told |= {"epochs_waiting": ", ".join(told["epochs_waiting"])}
        told |= {"presence": tell_presence(found), "health": tell_health(found) or None}
        click.echo("\n".join(f"{name.replace('_', ' '):<20} {value or '-'}" for name, value in told.items()))


@click.command(name="history")
@config_option
@json_option
@unit_argument
def history(path: Path, form: str, unit: str) -> None:
    """Show what was done to a unit, when and by whom; the newest first."""
    from controller.devices.forms import describe_history
    from controller.devices.life import find_unit

    with opened(path) as services, services.database.reading() as session:
        lines = [line.to_json() for line in describe_history(session, find_unit(session, unit).id)]
    if form == "json":
        click.echo(json.dumps(lines, indent=2, ensure_ascii=False))
        return
    for line in lines:
        click.echo(
            f"{line['at'][:16]}  {line['what']:<12} by {line['by_name'] or line['by']}  {line['detail']}".rstrip()
        )


@click.command(name="identify")
@config_option
@unit_argument
def identify(path: Path, unit: str) -> None:
    """Let a unit's lamp blink green, blue and white for ten seconds, if it is at rest."""
    from controller.devices import life

    row = _do(path, lambda services, deed: life.identify(services, unit, deed))
    click.echo(f"Unit {row.id} ({row.label}) blinks for ten seconds as soon as it hears this, if nothing is recorded.")


@click.command(name="move")
@config_option
@unit_argument
@click.option("--label", help="What people call it.")
@click.option("--room", "room_name", help="The room.")
@click.option("--site", help="The site or building.")
@click.option("--owner", help="The teacher whose unit it is: address or account id.")
@click.option("--tag", "tags", multiple=True, help="A tag; give all that it shall have.")
@click.option("--no-tags", "untagged", flag_value="yes", help="Take all tags away.")
def move(path: Path, unit: str, tags: tuple[str, ...], untagged: str | None, **place: str | None) -> None:
    """Give a unit another label, room, site, owner or tags."""
    from controller.devices import life

    if tags and untagged:
        raise click.UsageError("expected --tag or --no-tags, got both")
    wanted = life.Place(tags=tags if tags or untagged else None, **place)
    row = _do(path, lambda services, deed: life.move(services, unit, wanted, deed))
    click.echo(f"Unit {row.id} is now {row.label}. Print its room card anew if the label changed.")


@click.command(name="swap")
@config_option
@unit_argument
@click.argument("spare")
def swap(path: Path, unit: str, spare: str) -> None:
    """Put SPARE in the place of UNIT: its label, room, site, tags and owner, in one step."""
    from controller.devices import life

    row = _do(path, lambda services, deed: life.swap(services, unit, spare, deed))
    click.echo(f"Unit {row.id} is now {row.label}. What {unit} still holds it delivers as before, unless it is lost.")
    click.echo("Print the room card anew: it tells of this unit's own pins and times.")


@click.command(name="accept")
@config_option
@unit_argument
@click.option("--why", required=True, help="What was found when somebody looked at the unit.")
def accept(path: Path, unit: str, why: str) -> None:
    """Let a quarantined unit deliver again, after a person looked at it."""
    from controller.devices import life

    row = _do(path, lambda services, deed: life.accept(services, unit, why, deed))
    click.echo(f"Unit {row.id} ({row.label}) is active again.")


@click.command(name="retire")
@config_option
@unit_argument
def retire(path: Path, unit: str) -> None:
    """Take a unit out of use: it records no more, delivers what it holds, then wipes itself. A lost one: lost."""
    from controller.devices import life

    row = _do(path, lambda services, deed: life.retire(services, unit, deed))
    click.echo(
        f"Unit {row.id} ({row.label}) is retired. Leave it connected for a night: it delivers what it holds, and"
    )
    click.echo("wipes itself a day from now or later, whether or not it holds anything.")


@click.command(name="lost")
@config_option
@unit_argument
@click.option("--new-pack", "pack", flag_value="anew", default="held", help="Make another pack beside the old one.")
def lost(path: Path, unit: str, pack: str) -> None:
    """Let a lost or stolen unit in no more, from now on, and make its breach pack for the keeper of the root."""
    from controller.devices.history import OPERATOR
    from controller.devices.life import deed_of
    from controller.devices.losing import Pack, lose

    with opened(path) as services:
        done = lose(services, unit, deed_of(services, OPERATOR), pack=Pack(pack))
    click.echo(f"Unit {done.unit.id} ({done.unit.label}) is let in no more; its certificates are revoked.")
    if done.is_held:
        click.echo("A breach pack was made before; --new-pack makes another.")
    if done.pack:
        click.echo(f"The breach pack is {done.pack}. Give it to the keeper of the root, who alone can open it:")
        click.echo(f"  age -d -i keeper.key {done.pack.name}")
    if done.troubles:
        raise OperatorError("; ".join(done.troubles) + "; mend this and declare the unit lost once more")


@click.command(name="remove")
@config_option
@click.argument("units", nargs=-1, required=True)
def remove(path: Path, units: tuple[str, ...]) -> None:
    """Forget units that were prepared and never joined: their secrets are void at once. Others: retire, lost."""
    from controller.devices import life

    for unit in units:
        row = _do(path, lambda services, deed, unit=unit: life.remove(services, unit, deed))  # type: ignore[misc]
        click.echo(f"Unit {row.id} ({row.label}) is removed; its one-time secret is void, its history stays.")


def _do(path: Path, change: Callable[[Services, Deed], Device]) -> Device:
    from controller.devices.history import OPERATOR
    from controller.devices.life import deed_of

    with opened(path) as services:
        return change(services, deed_of(services, OPERATOR))


COMMANDS = (list_units, show, history, identify, move, swap, accept, retire, lost, remove)
