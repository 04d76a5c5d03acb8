"""Renewing: when, by which door, with which key; and what a unit that was off for weeks does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes

from device.enrollment.checking import life_of
from device.enrollment.command import NotEnrolled, RenewalFailed, renew_key, renew_now, renew_when_due
from device.enrollment.plan import Fit
from protocol.enrollment import EST_PATH, NONCE_PATH, RENEWAL_PATH
from protocol.pki import issue_device
from tests.unit.device.enrollment.conftest import DAY, Room

SHOWN, SIGNED = f"POST {EST_PATH}/simplereenroll", f"POST {RENEWAL_PATH}"


@pytest.fixture
def enrolled(room: Room) -> Room:
    """The unit has joined, and nothing was asked since."""
    assert room.enroll()
    room.registry.asked.clear()
    room.said.clear()
    return room


def move_to(room: Room, part: float) -> None:
    """Let a part of the certificate's life pass."""
    life = life_of(room.chain()[0])
    room.world.now_at = life.begins_at + (life.ends_at - life.begins_at) * part


def test_nothing_is_asked_before_two_thirds_of_the_life(enrolled: Room) -> None:
    """A look at the clock is all, and it says when."""
    move_to(enrolled, 0.66)
    renew_when_due(enrolled.config, enrolled.shop())
    assert enrolled.registry.asked == []
    assert "nothing to do before" in enrolled.said[0]


def test_certificate_is_renewed_over_tls_and_the_key_stays(enrolled: Room) -> None:
    """At two thirds and a thirtieth at the latest, at the units' listener; only the certificate's file changes."""
    move_to(enrolled, 0.7001)
    key, old = (enrolled.unit.data / "identity" / "tls.key").read_bytes(), enrolled.chain()[0]
    renew_when_due(enrolled.config, enrolled.shop())
    assert SHOWN in enrolled.registry.asked
    assert enrolled.chain()[0].not_valid_after_utc > old.not_valid_after_utc
    assert (enrolled.unit.data / "identity" / "tls.key").read_bytes() == key
    assert enrolled.store().fit() is Fit.OURS


def test_certificate_that_is_over_is_renewed_by_a_signature(enrolled: Room) -> None:
    """Fourteen weeks in a cupboard: the old key signs, the people's listener answers, and the unit is back."""
    move_to(enrolled, 1.2)
    renew_when_due(enrolled.config, enrolled.shop())
    assert SIGNED in enrolled.registry.asked
    assert SHOWN not in enrolled.registry.asked
    assert enrolled.chain()[0].not_valid_after_utc > enrolled.world.now_at


def test_second_door_is_tried_when_the_first_is_shut(enrolled: Room) -> None:
    """A units' listener that refuses costs nothing as long as the people's answers."""
    move_to(enrolled, 0.8)
    enrolled.registry.refuse[f"{EST_PATH}/simplereenroll"] = (503, b"broken")
    renew_when_due(enrolled.config, enrolled.shop())
    assert enrolled.registry.asked[-1] == SIGNED
    assert enrolled.chain()[0] == enrolled.registry.issued[-1]


def test_failure_leaves_the_old_certificate_and_says_why(enrolled: Room) -> None:
    """Every door's words, whether the certificate is over, and nothing was touched."""
    move_to(enrolled, 0.8)
    before = enrolled.chain()
    enrolled.registry.revoked = {before[0].fingerprint(hashes.SHA256()).hex()}
    with pytest.raises(RenewalFailed, match=r"units' listener.*not let in.*people's listener.*not known") as failed:
        renew_when_due(enrolled.config, enrolled.shop())
    assert not failed.value.presses
    move_to(enrolled, 1.1)
    with pytest.raises(RenewalFailed) as failed:
        renew_when_due(enrolled.config, enrolled.shop())
    assert failed.value.presses
    assert enrolled.chain() == before


def test_renewal_without_the_peoples_address_says_what_is_missing(enrolled: Room) -> None:
    """A configuration without [enrollment] renews over TLS, and can do nothing once the certificate is over."""
    config = replace(enrolled.config, enrollment=replace(enrolled.config.enrollment, url=""))
    move_to(enrolled, 0.8)
    renew_when_due(config, enrolled.shop())
    move_to(enrolled, 1.1)
    with pytest.raises(RenewalFailed, match=r"\[enrollment\] url is missing"):
        renew_when_due(config, enrolled.shop())


@pytest.mark.parametrize("clock", [timedelta(days=-365 * 56), timedelta(days=3650)])
@pytest.mark.parametrize(("part", "way"), [(0.3, None), (0.8, SHOWN), (1.4, SIGNED)])
def test_unit_with_a_wrong_clock_goes_by_the_controllers_time(
    enrolled: Room, clock: timedelta, part: float, way: str | None
) -> None:
    """At 1970 and ten years ahead: not due is left alone, due and over are renewed."""
    move_to(enrolled, part)
    true_now = enrolled.world.now_at
    enrolled.registry.now, enrolled.clock_is_trusted = (lambda: true_now), False
    enrolled.world.now_at += clock
    renew_when_due(enrolled.config, enrolled.shop())
    assert [asked for asked in enrolled.registry.asked if asked in (SHOWN, SIGNED)] == ([way] if way else [])


def test_lost_answer_of_a_renewal_costs_one_more_certificate(enrolled: Room) -> None:
    """The registry has a newer certificate than the unit: the older one still renews."""
    move_to(enrolled, 0.8)
    enrolled.registry.lose_replies = 2
    with pytest.raises(RenewalFailed):
        renew_when_due(enrolled.config, enrolled.shop())
    renew_when_due(enrolled.config, enrolled.shop())
    assert len(enrolled.registry.issued) == 4
    assert enrolled.chain()[0] == enrolled.registry.issued[-1]


def test_nonce_is_used_once(enrolled: Room) -> None:
    """Each try asks for a nonce of its own."""
    move_to(enrolled, 1.1)
    enrolled.registry.refuse[RENEWAL_PATH] = (503, b"later")
    for _ in range(2):
        with pytest.raises(RenewalFailed):
            renew_when_due(enrolled.config, enrolled.shop())
    assert enrolled.registry.asked.count(f"GET {NONCE_PATH}") == 2


def test_person_can_renew_at_once(enrolled: Room) -> None:
    """`--now` asks for another certificate that is not due."""
    renew_now(enrolled.config, enrolled.shop())
    assert enrolled.registry.issued[-1] == enrolled.chain()[0]
    assert len(enrolled.registry.issued) == 2


def test_person_can_replace_the_key(enrolled: Room) -> None:
    """The new key gets the certificate, takes the old one's place, and is shown once, which ends the old one."""
    old = enrolled.store().tls_key().public_key()
    renew_key(enrolled.config, enrolled.shop())
    new = enrolled.store().tls_key().public_key()
    assert new != old
    assert enrolled.store().fit() is Fit.OURS
    assert not enrolled.store().has_staged_key()
    assert enrolled.registry.asked.count(SHOWN) == 2
    assert enrolled.chain()[0].public_key() == new


def test_unit_without_a_usable_certificate_is_told_to_enroll(room: Room, enrolled: Room) -> None:
    """Nothing to renew: none, or one for another key."""
    stranger = issue_device(room.school.authority, room.unit.device, now=room.world.now_at)
    (room.unit.data / "certificate" / "tls.pem").write_bytes(stranger.certificate_pem())
    with pytest.raises(NotEnrolled, match="backrow device enroll"):
        renew_when_due(enrolled.config, enrolled.shop())
    (room.unit.data / "certificate" / "tls.pem").unlink()
    with pytest.raises(NotEnrolled, match="backrow device enroll"):
        renew_when_due(enrolled.config, enrolled.shop())
    assert enrolled.registry.asked == []


def test_renewals_of_units_that_joined_together_are_spread(room: Room) -> None:
    """The same certificate is due at the same time at every look; others at other times, within three days."""
    made = [issue_device(room.school.authority, room.unit.device, now=room.world.now_at) for _ in range(40)]
    due = [life_of(each.certificate).due_at for each in made]
    assert due == [life_of(each.certificate).due_at for each in made]
    assert timedelta(hours=12) < max(due) - min(due) <= 3.1 * DAY
    assert min(due) - room.world.now_at >= 59 * DAY


def test_unit_that_knows_no_time_and_reaches_nobody_tries_again_soon(enrolled: Room) -> None:
    """Its certificate may be over: it does not wait for an hour to find out."""
    enrolled.clock_is_trusted = False
    config = replace(enrolled.config, controller=replace(enrolled.config.controller, url="https://127.0.0.1:9"))
    config = replace(config, enrollment=replace(config.enrollment, url="https://127.0.0.1:9"))
    with pytest.raises(RenewalFailed, match=r"127\.0\.0\.1:9") as failed:
        renew_when_due(config, enrolled.shop())
    assert failed.value.presses
