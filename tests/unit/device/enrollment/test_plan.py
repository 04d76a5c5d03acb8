"""The pure plan: which step comes next, when a renewal is due and by which doors, and how patience grows."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from device.enrollment.plan import Fit, Life, Patience, Standing, Step, Way, plan_next, plan_renewal

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
LIFE = Life(begins_at=BEGIN, ends_at=BEGIN + timedelta(days=90), spread=0.0)
BARE = Standing(
    certificate=Fit.NONE,
    has_tls_key=False,
    has_staged_key=False,
    has_recorder_key=False,
    shows_recorder_key=False,
    has_secret=True,
    joins_anew=False,
    is_renewed=False,
    is_registered=False,
    is_fetched=False,
)
EFFECTS = {
    Step.KEEP_STAGED_KEY: {"certificate": Fit.OURS, "has_staged_key": False, "has_tls_key": True},
    Step.MAKE_TLS_KEY: {"has_tls_key": True},
    Step.MAKE_RECORDER_KEY: {"has_recorder_key": True},
    Step.SHOW_RECORDER_KEY: {"shows_recorder_key": True},
    Step.SHRED: {"has_secret": False},
    Step.RENEW: {"is_renewed": True},
    Step.REGISTER: {"is_registered": True},
    Step.FETCH: {"is_fetched": True},
}
TRUTHS = [name for name, value in vars(BARE).items() if isinstance(value, bool)]


def after(standing: Standing, step: Step) -> Standing:
    """Give what a step that succeeded makes of a standing."""
    if step is Step.JOIN:
        return replace(standing, certificate=Fit.STAGED if standing.has_staged_key else Fit.OURS)
    return replace(standing, **EFFECTS[step])  # type: ignore[arg-type]  # fields by name


def walk(standing: Standing) -> list[Step]:
    """Do every step until none is left."""
    steps = []
    while (step := plan_next(standing)) is not None:
        steps.append(step)
        assert len(steps) < 20, steps
        standing = after(standing, step)
    assert standing.certificate is Fit.OURS
    return steps


def test_bare_unit_goes_the_whole_way_in_order() -> None:
    """Keys before the certificate, the secret shredded as soon as there is one, then registration and documents."""
    assert walk(BARE) == [
        Step.MAKE_TLS_KEY,
        Step.MAKE_RECORDER_KEY,
        Step.SHOW_RECORDER_KEY,
        Step.JOIN,
        Step.SHRED,
        Step.RENEW,
        Step.REGISTER,
        Step.FETCH,
    ]


def test_every_standing_leads_to_an_enrolled_unit() -> None:
    """From each of the combinations of what lies there and what was done, the steps end, and with a usable one."""
    for fit, truths in itertools.product(Fit, itertools.product((False, True), repeat=len(TRUTHS))):
        standing = replace(BARE, certificate=fit, **dict(zip(TRUTHS, truths, strict=True)))
        if standing.certificate is Fit.STAGED and not standing.has_staged_key:
            continue  # there is no such thing
        steps = walk(standing)
        assert Step.JOIN not in steps or Step.MAKE_TLS_KEY not in steps[steps.index(Step.JOIN) :], standing


def test_certificate_is_never_asked_for_before_both_keys_are_there() -> None:
    """Nothing is bound to a key that could still be lost."""
    for truths in itertools.product((False, True), repeat=len(TRUTHS)):
        standing = replace(BARE, **dict(zip(TRUTHS, truths, strict=True)))
        if plan_next(standing) is Step.JOIN:
            assert standing.has_tls_key
            assert standing.has_recorder_key


@pytest.mark.parametrize(
    ("days", "ways"),
    [
        (-1, ()),
        (59.99, ()),
        (60, (Way.SHOWN, Way.SIGNED)),
        (89.99, (Way.SHOWN, Way.SIGNED)),
        (90, (Way.SIGNED,)),
        (9000, (Way.SIGNED,)),
    ],
)
def test_renewal_is_due_at_two_thirds_and_by_a_signature_after_the_end(days: float, ways: tuple[Way, ...]) -> None:
    """Before: nobody is asked. Until the end: two doors. After it: the one that TLS does not shut."""
    assert plan_renewal(LIFE, BEGIN + timedelta(days=days)) == ways


def test_spread_delays_a_renewal_by_a_thirtieth_of_the_life_at_most() -> None:
    """Three days of ninety, so that twenty-seven are left to try."""
    late = replace(LIFE, spread=0.999999)
    assert timedelta(days=62, hours=23) < late.due_at - BEGIN < timedelta(days=63)


def test_patience_grows_has_a_limit_and_obeys_retry_after() -> None:
    """Waits double up to a minute, are spread by half, and are never shorter than the controller asked for."""
    waits = [Patience().delay(failures, 0.0, 0.999).total_seconds() for failures in range(1, 12)]
    assert waits == sorted(waits)
    assert waits[0] < 2.01
    assert waits[-1] <= 60
    assert Patience().delay(1, 0.0, 0.0).total_seconds() == 1.0
    assert 30 <= Patience().delay(1, 30.0, 0.0).total_seconds() <= 36
    assert Patience().delay(1, 1e9, 0.5).total_seconds() <= 1.2 * 900
    assert Patience().delay(10_000, 0.0, 0.5).total_seconds() <= 60
