"""Which sums of a night may be shown: of five rooms or more, and so is every difference of two of them (promise P7)."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from controller.accounts.models import Role
from controller.nights.policy import FEWEST_ROOMS, Part, coarsen, divide, may_read, may_renew

SITES = st.dictionaries(st.text("abcdefgh", max_size=3), st.integers(0, 12), max_size=12)


def _known_sets(parts: tuple[Part, ...]) -> list[frozenset[str]]:
    """Give all sets of sites of which a reader can work out the sum: what is shown, and what adding and taking give."""
    shown = [frozenset(part.sites) for part in parts]
    unions = [frozenset().union(*some) for count in range(1, len(shown) + 1) for some in combinations(shown, count)]
    return [*unions, *(one - other for one in unions for other in unions if other < one)]


@given(SITES)
def test_no_sum_or_difference_is_of_fewer_than_five_rooms(rooms: dict[str, int]) -> None:
    """Whatever can be worked out from the parts and their total is of five rooms or more."""
    for known in _known_sets(divide(rooms)[:6]):
        assert sum(rooms[site] for site in known) >= FEWEST_ROOMS


@given(SITES)
def test_division_is_of_every_site_or_of_none(rooms: dict[str, int]) -> None:
    """Each site is in one part, so that the total hides no site that could be worked out; else nothing is shown."""
    parts = divide(rooms)
    shown = sorted(site for part in parts for site in part.sites)
    assert shown == (sorted(rooms) if sum(rooms.values()) >= FEWEST_ROOMS else [])
    assert all(part.rooms == sum(rooms[site] for site in part.sites) for part in parts)


@given(SITES, st.data())
def test_coarsening_takes_nothing_apart(rooms: dict[str, int], data: st.DataObject) -> None:
    """Where rooms fall out later, parts are only put together, so that sums of both times never give fewer rooms."""
    before = divide(rooms)
    after = coarsen(Part(part.sites, data.draw(st.integers(0, part.rooms))) for part in before)
    for part in after:
        inside = [set(finer.sites) for finer in before if set(finer.sites) & set(part.sites)]
        assert set().union(*inside) == set(part.sites)
        assert part.rooms >= FEWEST_ROOMS


def test_small_sites_are_told_together() -> None:
    """Two sites of three rooms are one part beside a large one."""
    assert divide({"North": 9, "East": 3, "West": 3}) == (Part(("East", "West"), 6), Part(("North",), 9))


def test_one_small_site_hides_behind_the_smallest_other() -> None:
    """Told alone, total and large sites would give its sum away."""
    assert divide({"North": 9, "South": 6, "East": 3}) == (Part(("East", "South"), 9), Part(("North",), 9))


def test_four_rooms_are_told_nothing() -> None:
    """A school of four rooms has no part."""
    assert divide({"": 4}) == ()


def test_site_without_rooms_is_never_a_part_of_its_own() -> None:
    """A unit of it may come back in the night, alone."""
    assert divide({"North": 9, "Empty": 0}) == (Part(("Empty", "North"), 9),)


def test_plan_is_renewed_by_five_rooms() -> None:
    """Four rooms that spoke do not change what is shown."""
    assert not may_renew(4)
    assert may_renew(5)


def test_admins_alone_read_of_nights() -> None:
    """A teacher reads of their own recordings, and no sum of the school's."""
    assert [role for role in Role if may_read((role,))] == [Role.ADMIN]
