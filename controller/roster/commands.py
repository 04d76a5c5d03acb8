"""`backrow controller roster`: read a roster into a draft, look at the difference, apply or discard it; list classes.

Reads options and files, prints for people. Names are printed only when they are asked for: a terminal keeps what it
shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.calendar.acting import doing
from controller.opening import config_option, opened

if TYPE_CHECKING:
    from controller.people.policy import Name
    from controller.roster.drafts import Preview
    from controller.roster.found import Reading
    from controller.services import Services


@click.group(name="roster")
def roster() -> None:
    """Classes and who is in them: read, compare, apply."""


@roster.command(name="import")
@config_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--site", help="The site of its classes; without it: as the file names it.")
@click.option("--whole", is_flag=True, help="A table is the whole roster of its sites: other classes of theirs end.")
@click.option("--starts-on", default="", metavar="DAY", help="The first day; without it: today.")
def import_file(path: Path, file: Path, site: str | None, whole: bool, starts_on: str) -> None:  # noqa: FBT001 - click's
    """Read a OneRoster zip or a table into a draft, and show what it would change; nothing is changed yet."""
    from controller.roster.drafts import make_draft, today
    from controller.roster.importing import read_file
    from controller.roster.models import Scope
    from controller.roster.refusals import read_day

    with doing(path) as (services, deed):
        first = read_day(starts_on, today(services))
        with file.open("rb") as data:
            reading = read_file(data, file.name, site=site, scope=Scope.SITES if whole else Scope.CLASSES)
        _require_right(reading)
        draft = make_draft(services, reading, first, deed)
        _show(services, draft)


def _require_right(reading: Reading) -> None:
    from controller.roster.refusals import Fault, RosterRefusedError

    for flaw in reading.flaws:
        click.echo(str(flaw), err=True)
    if reading.roster is None:
        raise RosterRefusedError(Fault.FLAWED, "file", number=reading.flaws_in_all)


@roster.command(name="preview")
@config_option
@click.argument("draft")
@click.option("--names", "named", is_flag=True, help="Print names, too.")
def show_draft(path: Path, draft: str, named: bool) -> None:  # noqa: FBT001 - click's
    """Show what applying a draft would change."""
    with opened(path) as services:
        found = _show(services, draft)
        if named:
            _show_names(services, found)


def _show(services: Services, draft: str) -> Preview:
    from controller.roster.drafts import preview
    from controller.roster.words import PASSED, SUMS

    found = preview(services, draft)
    click.echo(f"Draft {found.draft}, from {found.plan.starts_on} on:")
    for name, number in found.plan.sums().items():
        if number:
            click.echo(f"  {SUMS[name]:<30} {number:>8,}")
    for why, number in found.passed_over.items():
        click.echo(f"  Passed over: {PASSED[why]} {number:,}")
    if found.plan.loss.is_too_much:
        click.echo("More than a tenth would vanish: look whether the file is whole; if it is meant, --vanishing.")
    for day in found.later_starts:
        click.echo(f"A roster that begins on {day} was applied already and stays as it is.")
    click.echo(f"Nothing is changed. Apply it: backrow controller roster apply {found.draft} --seen {found.basis}")
    return found


def _show_names(services: Services, found: Preview) -> None:
    from controller.people.repo import names_of

    plan = found.plan
    _list("New", (person.name for person, _ in plan.new_people))
    with services.database.reading() as session:
        for words, people in (("Moved", plan.moved_people), ("Gone", plan.gone_people), ("By name", plan.by_name)):
            _list(words, names_of(session, people).values())
    for each in plan.renamed:
        click.echo(f"Renamed: {each.before.name.listed} -> {each.after.name.listed}")


def _list(words: str, names: Iterable[Name]) -> None:
    for name in sorted(each.listed for each in names):
        click.echo(f"{words}: {name}")


@roster.command(name="apply")
@config_option
@click.argument("draft")
@click.option("--seen", type=int, required=True, help="The number that the preview printed.")
@click.option("--vanishing", is_flag=True, help="That more than a tenth of people or memberships vanishes is meant.")
def apply(path: Path, draft: str, seen: int, vanishing: bool) -> None:  # noqa: FBT001 - click's
    """Apply a draft as its preview showed it."""
    from controller.roster.drafts import Vanishing, apply_draft

    with doing(path) as (services, deed):
        meant = Vanishing.MEANT if vanishing else Vanishing.USUAL
        plan = apply_draft(services, draft, basis=seen, vanishing=meant, deed=deed)
    click.echo(f"Done. The roster holds from {plan.starts_on} on.")


@roster.command(name="discard")
@config_option
@click.argument("draft")
def discard(path: Path, draft: str) -> None:
    """Throw a draft away; nothing was changed by it."""
    from controller.roster.drafts import discard_draft

    with doing(path) as (services, deed):
        discard_draft(services, draft, deed)
    click.echo("Discarded: nothing was changed.")


@roster.command(name="drafts")
@config_option
def drafts(path: Path) -> None:
    """List the drafts that wait for a decision."""
    from controller.roster.drafts import waiting_drafts

    with opened(path) as services, services.database.reading() as session:
        for row in waiting_drafts(session, services):
            click.echo(f"{row.id}  {row.source.value}  from {row.starts_on} on, ends by itself {row.ends_at:%Y-%m-%d}")


@roster.command(name="classes")
@config_option
def classes(path: Path) -> None:
    """List the classes of today, with how many are in them."""
    from controller.roster.drafts import today
    from controller.roster.repo import classes_on

    with opened(path) as services, services.database.reading() as session:
        for row in classes_on(session, today(services)):
            place = f" ({row.site})" if row.site else ""
            click.echo(f"{row.title}{place}: pupils {row.pupils}, adults {row.adults}  {row.id}")


@roster.command(name="export")
@config_option
@click.argument("class_id")
def export(path: Path, class_id: str) -> None:
    """Print a class, by its id, as a table that can be changed and read again. It has names."""
    from controller.roster.drafts import today
    from controller.roster.exports import encode_class
    from controller.roster.models import SchoolClass
    from controller.roster.refusals import Fault, RosterRefusedError
    from controller.roster.repo import members_on

    with opened(path) as services, services.database.reading() as session:
        row = session.get(SchoolClass, class_id)
        if row is None:
            raise RosterRefusedError(Fault.CLASS_UNKNOWN, "class", got=class_id[:40])
        day = max(today(services), row.begins_on)
        click.echo(encode_class(row.title, row.site, members_on(session, class_id, day)), nl=False)


@roster.command(name="forget")
@config_option
@click.argument("person")
@click.confirmation_option(prompt="The name is gone for ever then. Forget this person?")
def forget(path: Path, person: str) -> None:
    """Forget a person who is in no class any more, by their id."""
    from controller.roster.forgetting import forget_person

    with doing(path) as (services, deed):
        forget_person(services, person, deed)
    click.echo("Forgotten: the name is gone.")
