"""Decides how somebody stands to being recorded on a day, from everything that was ever answered for them.

Pure, and strict: nothing answered is a refusal, so is an answer that has ended, and of two people who may answer the
one who refuses is heard. Defined in docs/protocol/consent.md ("Answers").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from controller.consent.rules import Rules


class Subject(StrEnum):
    """What of somebody is recorded; each is answered apart."""

    PICTURE = "picture"
    VOICE = "voice"


class Scope(StrEnum):
    """What for: to record at all, and then who may watch or what becomes of it."""

    RECORD = "record"
    SELF = "self"
    """The teacher watches their own lesson."""
    PEER = "peer"
    COACH = "coach"
    EVALUATE = "evaluate"
    LIBRARY = "library"
    LICENSURE = "licensure"


class Giver(StrEnum):
    """Who answered. Two guardians are two givers: each can refuse, whatever the other says."""

    GUARDIAN_1 = "guardian_1"
    GUARDIAN_2 = "guardian_2"
    SELF = "self"


class Standing(StrEnum):
    """Why somebody stands as they do; `NOT_RETURNED` and `EXPIRED` are refusals like the others."""

    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    NOT_RETURNED = "not_returned"
    EXPIRED = "expired"


NOTHING: frozenset[Scope] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One whole statement of one giver; a later one takes its place, and none is ever changed.

    `number` orders the statements as they were written down. Days are the school's; the last one still counts.
    """

    number: int
    giver: Giver
    picture: frozenset[Scope]
    voice: frozenset[Scope]
    holds_from: date
    holds_until: date | None = None
    is_withdrawal: bool = False

    @property
    def is_for_one_day(self) -> bool:
        """Tell whether it was given for a single day; a withdrawal never is, so that no older yes comes back."""
        return not self.is_withdrawal and self.holds_from == self.holds_until

    @property
    def refuses(self) -> bool:
        """Tell whether it lets nothing of the person be recorded."""
        return Scope.RECORD not in self.picture and Scope.RECORD not in self.voice

    @property
    def takes_back(self) -> bool:
        """Tell whether it lets something of the person not be recorded for the teacher's own eyes."""
        return self.is_withdrawal or not self.picture & self.voice >= _OBJECTED

    @property
    def says(self) -> Standing:
        """Name what it says, as long as it holds."""
        if self.is_withdrawal:
            return Standing.WITHDRAWN
        return Standing.REFUSED if self.refuses else Standing.GRANTED


@dataclass(frozen=True, kw_only=True)
class Stand:
    """How somebody stands on a day: what for which subject, and why.

    `took_back`: the last word of theirs, or of somebody for them, took something back, whether it counts still or not.
    """

    picture: frozenset[Scope]
    voice: frozenset[Scope]
    why: Standing
    took_back: bool = False

    def allows(self, subject: Subject, scopes: Iterable[Scope]) -> bool:
        """Tell whether a subject may be used for every one of some scopes; recording is the least of each."""
        granted = self.picture if subject is Subject.PICTURE else self.voice
        return granted.issuperset({Scope.RECORD, *scopes})


def stand_on(day: date, answers: Sequence[Answer], *, of_age_on: date | None, is_adult: bool, rules: Rules) -> Stand:
    """Tell how somebody stands on a day. `of_age_on`: from when a pupil answers alone; None while nobody said so."""
    alone = is_adult or (of_age_on is not None and day >= of_age_on)
    heard = [answer for answer in answers if not alone or answer.giver is Giver.SELF]
    newest = _newest_by_giver(day, heard, rules)
    if not newest:
        return _nothing_returned(answers, rules)
    stands = [_stand_of(answer, day, rules) for answer in newest]
    if not alone and all(answer.giver is Giver.SELF for answer in newest):
        stands.append(_nothing_returned(answers, rules))  # a child can refuse alone, and grant only beside a guardian
    return Stand(
        picture=frozenset.intersection(*(stand.picture for stand in stands)),
        voice=frozenset.intersection(*(stand.voice for stand in stands)),
        why=_strictest(stands),
        took_back=_took_back(answers),
    )


def _newest_by_giver(day: date, answers: Iterable[Answer], rules: Rules) -> list[Answer]:
    """Give each giver's newest answer that counts on a day; what has ended is not replaced by an older one."""
    newest: dict[Giver, Answer] = {}
    for answer in sorted(answers, key=lambda each: each.number):
        if _counts_on(day, answer, rules):
            newest[answer.giver] = answer
    return list(newest.values())


def _counts_on(day: date, answer: Answer, rules: Rules) -> bool:
    """Tell whether an answer is one of a day: one for a single day is of that day alone, every other of all after it.

    Where the school asks each time the others cannot grant, but they can refuse and withdraw.
    """
    if answer.is_for_one_day:
        return answer.holds_from == day
    return answer.holds_from <= day and (answer.takes_back or not rules.each_time)


def _nothing_returned(answers: Iterable[Answer], rules: Rules) -> Stand:
    """Give the stand of somebody for whom no answer counts: only a school that goes by objection takes it for a yes.

    It is no silence where a giver's last word took something back, though that counts no more or not yet: what the
    guardians refused is not granted by a birthday.
    """
    took_back = _took_back(answers)
    granted = _OBJECTED if rules.objection and not took_back else NOTHING
    return Stand(picture=granted, voice=granted, why=Standing.NOT_RETURNED, took_back=took_back)


def _took_back(answers: Iterable[Answer]) -> bool:
    last: dict[Giver, Answer] = {}
    for each in answers:
        if not each.is_for_one_day and (each.giver not in last or last[each.giver].number < each.number):
            last[each.giver] = each
    return any(each.takes_back for each in last.values())


_OBJECTED = frozenset({Scope.RECORD, Scope.SELF})
"""The most that silence can mean, even where a school goes by objection: the teacher's own eyes."""


def _stand_of(answer: Answer, day: date, rules: Rules) -> Stand:
    if answer.holds_until is not None and day > answer.holds_until:
        return Stand(picture=NOTHING, voice=NOTHING, why=Standing.EXPIRED)
    if rules.each_time and not answer.is_for_one_day:
        return Stand(picture=NOTHING, voice=NOTHING, why=answer.says)
    return Stand(picture=answer.picture, voice=answer.voice, why=answer.says)


_ORDER = (Standing.WITHDRAWN, Standing.REFUSED, Standing.EXPIRED, Standing.NOT_RETURNED, Standing.GRANTED)


def _strictest(stands: Iterable[Stand]) -> Standing:
    return min((stand.why for stand in stands), key=_ORDER.index)
