"""Makes cards: everything that can be refused is refused first, then units are entered, then each card is written.

A folder of a card appears whole or not at all. What the controller has entered when something fails later is named, so
that nobody wonders about a pending unit without a card.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provisioning.card.contents import Libraries, SchoolFacts, read_device, write_contents
from provisioning.card.errors import CardError, tell_cause
from provisioning.card.placing import is_boot_partition, place, require_boot_partition
from provisioning.card.preparing import spell_removal
from provisioning.card.rooms import Room
from provisioning.card.wheels import fetch_wheels, make_own_wheel

Preparer = Callable[[Room, Path | None], None]
"""Enters a unit for a room and writes its bundle to a new folder; without a folder it only says whether it could."""


@dataclass(frozen=True)
class Entered:
    """A unit that the controller entered, for a card that is not made yet."""

    device: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """One card that was made: for which room, with which unit, where its files are."""

    room: Room
    device: str
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What every card is made with."""

    prepare: Preparer
    config: Path
    """The controller's, for the words about units that were entered for nothing."""
    school: SchoolFacts
    cache: Path
    processor: str


def make_card(room: Room, out: Path, shop: Workshop) -> Card:
    """Make one card: into the new folder `out`, or onto the boot partition that is mounted there."""
    if is_boot_partition(out):
        require_boot_partition(out)
    elif out.exists() and any(out.iterdir()):
        raise CardError("out", f"{out}: expected a new or empty folder, or a card's boot partition")
    on_card, entered = is_boot_partition(out), list[Entered]()
    with (
        _answering_for(entered, shop.config),
        _drafting(None if on_card else out.parent) as draft,
        _libraries(shop) as libraries,
    ):
        device = _draw_up(room, draft, shop, libraries, entered)
        if on_card:
            place(draft / "card", out)
        else:
            (draft / "card").replace(out)
    return Card(room=room, device=device, folder=out)


def make_cards(rooms: Sequence[Room], out: Path, shop: Workshop) -> tuple[Card, ...]:
    """Make a folder for each room in `out`: all of them, or none."""
    taken = [room.label for room in rooms if (out / room.folder).exists()]
    if taken:
        raise CardError("out", f"{out}: there is a folder already for {', '.join(taken)}; nothing was made")
    for room in {room.owner: room for room in rooms}.values():
        shop.prepare(room, None)
    cards: list[Card] = []
    entered: list[Entered] = []
    with _answering_for(entered, shop.config), _none_unless_all(cards), _libraries(shop) as libraries:
        for room in rooms:
            with _drafting(out) as draft:
                device = _draw_up(room, draft, shop, libraries, entered)
                (draft / "card").replace(out / room.folder)
            cards.append(Card(room=room, device=device, folder=out / room.folder))
    return tuple(cards)


@contextmanager
def _answering_for(entered: Sequence[Entered], config: Path) -> Iterator[None]:
    """Say in words why no card was made, also after Ctrl-C, and which units were entered for nothing."""
    try:
        yield
    except KeyboardInterrupt:
        refusal = CardError("", "interrupted")
    except CardError as error:
        refusal = error
    except OSError as error:
        refusal = CardError("", f"files cannot be written: {tell_cause(error)}")
    else:
        return
    if not entered:
        raise refusal from None
    named = ", ".join(f"{one.device} ({one.label})" for one in entered)
    raise CardError(
        "",
        f"{refusal}\nNo card was made. Pending units that were entered before: {named}; their secrets are gone. "
        f"Take them out with:\n  {spell_removal(config, [one.device for one in entered])}",
    ) from None


@contextmanager
def _none_unless_all(cards: Sequence[Card]) -> Iterator[None]:
    """Remove the cards that were made, whatever ends the work before the last one is."""
    try:
        yield
    except BaseException:
        for card in cards:
            shutil.rmtree(card.folder)
        raise


@contextmanager
def _drafting(beside: Path | None) -> Iterator[Path]:
    """Give a folder of this user's alone, which is gone afterwards: a one-time secret passes through it."""
    if beside is not None:
        beside.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".card-", dir=beside))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _libraries(shop: Workshop) -> Iterator[Libraries]:
    with tempfile.TemporaryDirectory() as built:
        yield Libraries(wheels=fetch_wheels(shop.cache, shop.processor), own=make_own_wheel(Path(built)))


def _draw_up(room: Room, draft: Path, shop: Workshop, libraries: Libraries, entered: list[Entered]) -> str:
    shop.prepare(room, draft / "unit")
    entered.append(Entered(read_device(draft / "unit" / "device.toml"), room.label))
    (draft / "card").mkdir(mode=0o700)
    return write_contents(draft / "card", room, draft / "unit", school=shop.school, libraries=libraries)
