"""Which roles go together, which can be of one site, and what stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.accounts.models import Role
from controller.accounts.role_policy import (
    OF_A_SITE,
    Held,
    RoleFault,
    goes_against,
    judge_giving,
    judge_taking,
    sites_of,
)

SITES = ("", "North", "South")
helds = st.builds(Held, st.sampled_from(Role), st.sampled_from(SITES))


@pytest.mark.parametrize(("has", "gets"), [(Role.EVALUATOR, Role.ADMIN), (Role.ADMIN, Role.EVALUATOR)])
def test_evaluator_and_admin_are_one_person_only_after_the_warning(has: Role, gets: Role) -> None:
    """In either order the role is refused until its warning was read, and it names the other role."""
    held = {Held(has)}
    assert goes_against(held, gets) == {has}
    assert judge_giving(held, Held(gets), understood="") is RoleFault.WARNING_UNREAD
    assert judge_giving(held, Held(gets), understood=has) is RoleFault.WARNING_UNREAD
    assert judge_giving(held, Held(gets), understood=gets) is None


@given(st.frozensets(helds), helds)
def test_role_is_given_once_and_of_a_site_only_where_it_can_be(held: frozenset[Held], new: Held) -> None:
    """What is held already, and a site with a role of the whole school, are always refused."""
    fault = judge_giving(held, new, understood=new.role)
    expected = RoleFault.HELD_ALREADY if new in held else None
    if expected is None and new.site and new.role not in OF_A_SITE:
        expected = RoleFault.NOT_OF_A_SITE
    assert fault is expected


def test_last_admin_and_last_role_stay() -> None:
    """Somebody always runs the server, and nobody has an account that is for nothing."""
    both = {Held(Role.ADMIN), Held(Role.TEACHER)}
    assert judge_taking(both, Held(Role.ADMIN), admins=1) is RoleFault.LAST_ADMIN
    assert judge_taking(both, Held(Role.ADMIN), admins=2) is None
    assert judge_taking({Held(Role.IT, "North")}, Held(Role.IT, "North"), admins=1) is RoleFault.LAST_ROLE
    assert judge_taking(both, Held(Role.IT), admins=1) is RoleFault.NOT_HELD


def test_role_of_the_whole_school_covers_every_site() -> None:
    """Beside one of the whole school a site adds nothing; without the role there is no site."""
    assert sites_of({Held(Role.IT, "North"), Held(Role.IT, "South")}, Role.IT) == {"North", "South"}
    assert sites_of({Held(Role.IT, "North"), Held(Role.IT)}, Role.IT) is None
    assert sites_of({Held(Role.PRINCIPAL, "North")}, Role.IT) == frozenset()
