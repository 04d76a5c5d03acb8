"""What controller/accounts/services.py promises: who gets in, by what, and what the database gives away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from controller.accounts import policy
from controller.accounts.models import Role
from controller.accounts.passwords import NOBODY, Passwords
from controller.accounts.services import (
    EmailTakenError,
    LinkOverError,
    PasswordRefusedError,
    SignInRefusedError,
    TooManyAttemptsError,
)
from tests.house import PASSWORD, QUICK, House

OTHER = "another four words"
ADDRESS = "10.0.0.7"


def _sign_in(house: House, email: str, password: str = PASSWORD, address: str = ADDRESS) -> str:
    return house.accounts.sign_in(email=email, password=password, address=address)


def test_account_without_link_lets_nobody_in(house: House) -> None:
    """A new account has no password at all: no password opens it."""
    house.accounts.add(email="ada@school.example", name="Ada", role=Role.TEACHER)
    for password in ("", PASSWORD):
        with pytest.raises(SignInRefusedError):
            _sign_in(house, "ada@school.example", password)


def test_email_names_one_account(house: House) -> None:
    """Two accounts never share an address, whatever its case."""
    house.add_teacher("Ada Moreno")
    with pytest.raises(EmailTakenError, match="ADA@school"):
        house.accounts.add(email="ADA@school.example", name="Another Ada", role=Role.TEACHER)


def test_link_works_once(house: House) -> None:
    """Whoever comes second with a link is refused."""
    account = house.accounts.add(email="ada@school.example", name="Ada", role=Role.TEACHER)
    link = house.accounts.issue_link(account, made_by=None)
    house.accounts.redeem_link(link, password=PASSWORD, repeated=PASSWORD)
    with pytest.raises(LinkOverError):
        house.accounts.redeem_link(link, password=OTHER, repeated=OTHER)
    assert _sign_in(house, "ada@school.example")


def test_link_survives_a_refused_password(house: House) -> None:
    """A password that is too short does not use the link up."""
    account = house.accounts.add(email="ada@school.example", name="Ada", role=Role.TEACHER)
    link = house.accounts.issue_link(account, made_by=None)
    with pytest.raises(PasswordRefusedError):
        house.accounts.redeem_link(link, password="short", repeated="short")
    assert house.accounts.find_link(link).id == account


def test_link_ends(house: House) -> None:
    """A link that nobody used in two days is over."""
    account = house.accounts.add(email="ada@school.example", name="Ada", role=Role.TEACHER)
    link = house.accounts.issue_link(account, made_by=None)
    house.clock.pass_time(policy.LINK_LASTS)
    with pytest.raises(LinkOverError):
        house.accounts.find_link(link)


def test_new_link_ends_the_one_before(house: House) -> None:
    """A link that was sent to the wrong person is ended by making another."""
    account = house.accounts.add(email="ada@school.example", name="Ada", role=Role.TEACHER)
    first = house.accounts.issue_link(account, made_by=None)
    house.accounts.issue_link(account, made_by=None)
    with pytest.raises(LinkOverError):
        house.accounts.find_link(first)


def test_recovery_signs_out_everywhere(house: House) -> None:
    """When a link sets a new password, whoever was signed in before is out, and the old password is worth nothing."""
    teacher = house.add_teacher()
    link = house.accounts.issue_link(teacher.id, made_by=None)
    fresh = house.accounts.redeem_link(link, password=OTHER, repeated=OTHER)
    assert house.accounts.find_person(teacher.login) is None
    assert house.accounts.find_person(fresh) is not None
    with pytest.raises(SignInRefusedError):
        _sign_in(house, teacher.email)


def test_login_ends_with_sign_out(house: House) -> None:
    """After signing out the cookie's token is worth nothing, and other browsers stay signed in."""
    teacher = house.add_teacher()
    other = _sign_in(house, teacher.email)
    house.accounts.sign_out(teacher.login)
    assert house.accounts.find_person(teacher.login) is None
    assert house.accounts.find_person(other) is not None


def test_login_lasts_while_used(house: House) -> None:
    """A login in use lasts a week; one left alone half a day."""
    teacher = house.add_teacher()
    for _ in range(13):
        house.clock.pass_time(timedelta(hours=11))
        assert house.accounts.find_person(teacher.login)
        house.accounts.note_use(teacher.login)
    house.clock.pass_time(policy.LOGIN_IDLE)
    assert house.accounts.find_person(teacher.login) is None


def test_login_never_outlives_a_week(house: House) -> None:
    """Even a login in constant use ends."""
    teacher = house.add_teacher()
    for _ in range(16):
        house.clock.pass_time(timedelta(hours=11))
        house.accounts.note_use(teacher.login)
    assert house.accounts.find_person(teacher.login) is None


def test_attempts_are_limited_even_with_the_right_password(house: House) -> None:
    """After eight failures from one place the ninth is not looked at; from elsewhere the owner still gets in."""
    teacher = house.add_teacher()
    for _ in range(policy.PAIR_LIMIT.most):
        with pytest.raises(SignInRefusedError):
            _sign_in(house, teacher.email, "wrong")
    with pytest.raises(TooManyAttemptsError):
        _sign_in(house, teacher.email)
    assert _sign_in(house, teacher.email, address="10.0.0.8")
    house.clock.pass_time(policy.ATTEMPTS_WITHIN)
    assert _sign_in(house, teacher.email)


def test_attempts_on_unknown_accounts_are_limited_too(house: House) -> None:
    """Being limited does not tell who has an account."""
    for _ in range(policy.PAIR_LIMIT.most):
        with pytest.raises(SignInRefusedError):
            _sign_in(house, "nobody@school.example")
    with pytest.raises(TooManyAttemptsError):
        _sign_in(house, "nobody@school.example")


def test_one_place_cannot_try_everybody(house: House) -> None:
    """An address that failed with sixty accounts waits, whichever account comes next."""
    for number in range(policy.ADDRESS_LIMIT.most):
        teacher = house.add_teacher(f"Teacher{number}")
        with pytest.raises(SignInRefusedError):
            _sign_in(house, teacher.email, "not the password")
    with pytest.raises(TooManyAttemptsError):
        _sign_in(house, house.add_teacher().email)


def test_changing_the_password_needs_the_current_one(house: House) -> None:
    """A browser left open changes no password; guessing at it is limited."""
    teacher = house.add_teacher()
    for _ in range(policy.PAIR_LIMIT.most):
        with pytest.raises(SignInRefusedError):
            house.accounts.change_password(teacher.id, current="wrong", password=OTHER, repeated=OTHER)
    with pytest.raises(TooManyAttemptsError):
        house.accounts.change_password(teacher.id, current=PASSWORD, password=OTHER, repeated=OTHER)


def test_database_holds_no_token_and_no_password(house: House) -> None:
    """Whoever reads the database can neither sign in, nor use a link, nor learn a password."""
    teacher = house.add_teacher()
    link = house.accounts.issue_link(teacher.id, made_by=None)
    with house.services.database.reading() as session:
        tables = ("account", "one_time_link", "login", "sign_in_attempt")
        content = repr([session.execute(text(f"SELECT * FROM {table}")).all() for table in tables])  # noqa: S608
    assert teacher.email in content
    for secret in (PASSWORD, link, teacher.login):
        assert secret not in content


def test_unknown_account_costs_the_same_work() -> None:
    """The hash that stands in for nobody was made with the parameters in use, so that time tells nothing."""
    assert not Passwords().needs_rehash(NOBODY)
    assert NOBODY.startswith("$argon2id$")
    assert QUICK.check(None, PASSWORD) is False


def test_weaker_hash_is_replaced_at_sign_in(house: House) -> None:
    """A hash of older parameters is made anew when its owner signs in."""
    teacher = house.add_teacher()
    strict = Passwords()
    weak = house.accounts
    with house.services.database.reading() as session:
        before = session.execute(text("SELECT password_hash FROM account")).scalar_one()
    assert strict.needs_rehash(before)
    type(weak)(database=weak.database, passwords=strict, now=weak.now, random_bytes=weak.random_bytes).sign_in(
        email=teacher.email, password=PASSWORD, address=ADDRESS
    )
    with house.services.database.reading() as session:
        after = session.execute(text("SELECT password_hash FROM account")).scalar_one()
    assert not strict.needs_rehash(after)
    assert strict.check(after, PASSWORD)
