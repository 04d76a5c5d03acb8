"""The steps of the walk: each does one thing that an office, a teacher, a principal or a file can do.

What is refused changes nothing, and is a step like any other. Who draws badly is refused often, so that the draws lean
towards what a school does.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta

from controller.accounts.models import Role
from controller.accounts.role_policy import Held
from controller.accounts.roles import RoleChange
from controller.calendar.changes import add_free_days, remove_free_days
from controller.calendar.importing import Missing
from controller.calendar.importing import read_file as read_days
from controller.calendar.importing import take as take_days
from controller.calendar.policy import FreeDay
from controller.consent.answering import Said, take_back, write_answers
from controller.consent.answers import Giver, Scope
from controller.consent.darkening import Dark, black_out, lift_blackout
from controller.consent.models import Who
from controller.consent.opting import Word, write_agreements
from controller.consent.piloting import begin_pilot, end_pilot
from controller.consent.repo import newest_rules
from controller.consent.rules import Rules, loosenings
from controller.consent.ruling import UNSET, set_rules
from controller.devices.abilities import note_abilities
from controller.devices.history import OPERATOR
from controller.devices.life import Place, move
from controller.devices.policies import renew_policies
from controller.errors import OperatorError
from controller.forms.drafts import apply_draft as apply_answers
from controller.forms.drafts import make_draft as draft_answers
from controller.forms.drafts import preview as preview_answers
from controller.forms.importing import Basis, find_answers
from controller.forms.lists import read_answers
from controller.forms.versions import rules_in_force
from controller.roster.drafts import Vanishing, apply_draft, make_draft, preview
from controller.roster.forgetting import forget_person
from controller.roster.importing import read_file as read_roster
from controller.roster.importing import read_pasted
from controller.roster.models import Scope as Whole
from controller.timetable.asked import DayChange, NewGuest, NewRule, NewUsual
from controller.timetable.drafts import apply_draft as apply_lessons
from controller.timetable.drafts import make_draft as draft_lessons
from controller.timetable.drafts import preview as preview_lessons
from controller.timetable.importing import Sent
from controller.timetable.importing import read_file as read_lessons
from controller.timetable.writing import editing
from controller.wiring import make_roles
from protocol.abilities import Ability
from tests.consent_walk.school import HALF_HOURS, ROOMS, School, draw_rules

CLASSES = ("5b", "6a")
PUPILS = ("Ana García", "Ben Kim", "Eve Low", "Luz Moreno", "Nils Öst", "Pat Neil", "Rita Roy")
ADULTS = ("Zoe Aide", "Yan Helper")
SEEN = frozenset({Scope.RECORD, Scope.SELF})
SCOPES = (
    SEEN,
    SEEN,
    SEEN,
    SEEN,
    frozenset(Scope),
    frozenset({Scope.RECORD}),
    frozenset({Scope.SELF}),
    frozenset[Scope](),
)
Step = Callable[[School], str]


def paste(school: School) -> str:
    """Paste a class list."""
    random, services = school.random, school.house.services
    title, names = random.choice(CLASSES), random.sample(PUPILS, random.randint(1, 5))
    teachers = [random.choice(school.teachers).id] if random.random() < 0.5 else []
    starts_on = school.day(0, 4) if random.random() < 0.4 else school.today
    with services.database.reading() as session:
        reading = read_pasted(session, "\n".join(names), title=title, site="", teachers=teachers)
    draft = make_draft(services, reading, starts_on, school.deed)
    basis = preview(services, draft).basis
    apply_draft(services, draft, basis=basis, vanishing=Vanishing.MEANT, deed=school.deed)
    there = school.rows(
        "SELECT given || ' ' || family FROM membership m JOIN school_class c ON c.id = m.class_id"
        " JOIN person_name n ON n.person = m.person WHERE title = ? AND role = 'pupil' AND m.begins_on <= ?"
        " AND (m.ends_on IS NULL OR m.ends_on >= ?)",
        *(title, starts_on.isoformat(), starts_on.isoformat()),
    )
    found = {name for (name,) in there}
    more = found - set(names) if starts_on > school.today else set()  # who came today stays for the day
    assert (set(names) - found, more) == (set(), set()), f"{title} from {starts_on}: {names}"
    return f"paste {title} from {starts_on}: {names} {teachers}"


def send_classes(school: School) -> str:
    """Send a table of classes, with aides, adults who were pupils, days, and pupils who come of age."""
    random, services = school.random, school.house.services
    lines = ["class,given,family,role,begins_on,ends_on,of_age_on"]
    title = random.choice(CLASSES)
    for name in random.sample((*PUPILS, *ADULTS), random.randint(2, 6)):
        role = "aide" if name in ADULTS else "pupil" if random.random() < 0.95 else "aide"
        first = school.day(-3, 2).isoformat() if random.random() < 0.2 else ""
        last = school.day(3, 6).isoformat() if random.random() < 0.2 else ""
        of_age = school.day(-1, 4).isoformat() if role == "pupil" and random.random() < 0.2 else ""
        lines.append(",".join((title, *name.split(" "), role, first, last, of_age)))
    reading = read_roster(io.BytesIO("\n".join(lines).encode()), "classes.csv", site="", scope=Whole.CLASSES)
    if reading.roster is None:
        return f"classes with flaws {reading.flaws}"
    draft = make_draft(services, reading, school.day(0, 2), school.deed)
    basis = preview(services, draft).basis
    apply_draft(services, draft, basis=basis, vanishing=Vanishing.MEANT, deed=school.deed)
    return f"classes {lines[1:]}"


def forget(school: School) -> str:
    """Forget somebody."""
    person = school.random.choice(school.ids("person"))
    forget_person(school.house.services, person, school.deed)
    return f"forget {person}"


def answer(school: School) -> str:
    """Write an answer down: for a day, for some, until further notice, from tomorrow, or a withdrawal."""
    random = school.random
    person, kind = random.choice(school.rows("SELECT id, kind FROM person ORDER BY rowid"))
    giver = Giver.SELF if kind == "adult" else random.choice((*Giver, Giver.GUARDIAN_1))
    holds_from = school.day(-3, 3) if random.random() < 0.5 else school.today
    holds_until = holds_from + timedelta(days=random.randint(0, 4)) if random.random() < 0.4 else None
    said = Said(
        person=person,
        giver=giver,
        picture=random.choice(SCOPES),
        voice=random.choice(SCOPES),
        holds_from=holds_from,
        holds_until=holds_until,
        is_withdrawal=random.random() < 0.1,
    )
    write_answers(school.house.services, [said], by="office")
    return f"answer {said}"


def everybody_agrees(school: School) -> str:
    """Let all agree, for some days or until further notice: families, pupils, adults, teachers and the principal."""
    services, today = school.house.services, school.today
    people = school.rows("SELECT id, kind FROM person WHERE forgotten_at IS NULL ORDER BY rowid")
    until = today + timedelta(days=school.random.randint(0, 9)) if school.random.random() < 0.5 else None
    heard = {(each, Giver.SELF) for each, _ in people} | {
        (each, Giver.GUARDIAN_1) for each, k in people if k == "pupil"
    }
    heard |= {(each, Giver(giver)) for each, giver in school.rows("SELECT DISTINCT person, giver FROM answer")}
    said = [
        Said(person=each, giver=giver, picture=SEEN, voice=SEEN, holds_from=today, holds_until=until)
        for each, giver in sorted(heard)
        if giver is Giver.SELF or (each, "pupil") in people
        if (each, "pupil") in people or (each, "adult") in people
    ]
    write_answers(services, said, by="office")
    words = [Word(who=Who.PRINCIPAL, about=site, agrees=True, holds_from=today) for site in ("", "North")]
    teachers = [each for (each,) in school.rows("SELECT account FROM account_role WHERE role = 'teacher'")]
    words += [Word(who=Who.TEACHER, about=each, agrees=True, holds_from=today) for each in teachers]
    write_agreements(services, words, by=OPERATOR)
    return f"everybody agrees until {until}"


def send_answers(school: School) -> str:
    """Send a table of answers."""
    random, services = school.random, school.house.services
    people = random.sample(school.ids("person", "kind = 'pupil'"), 1)
    lines = [f"{each},{random.choice(('yes', 'yes', 'no', 'picture', 'withdrawn'))}" for each in people]
    table = read_answers(io.BytesIO("\n".join(["id,answer", *lines]).encode()), "answers.csv")
    with services.database.reading() as session:
        found = find_answers(session, table, Basis(day=school.today, rules=rules_in_force(session)))
    if table.flaws.count:
        return f"answers with flaws {table.told()}"
    draft = draft_answers(services, found, by="office")
    with services.database.reading() as session:
        basis = preview_answers(session, services, draft).basis
    apply_answers(services, draft, basis=basis, by="office")
    return f"answers {lines}"


def undo(school: School) -> str:
    """Take one of the last lines back."""
    number = school.random.choice(school.rows("SELECT number FROM answer ORDER BY number DESC LIMIT 5"))[0]
    take_back(school.house.services, number, by="office")
    return f"take back {number}"


def rule(school: School) -> str:
    """Set other rules, now and then without a reason."""
    services, rules = school.house.services, draw_rules(school.random)
    with services.database.reading() as session:
        version, before = newest_rules(session) or (UNSET, None)
    reasons = dict.fromkeys(loosenings(before, rules), "why" if school.random.random() < 0.9 else "")
    set_rules(services, rules, seen=version, reasons=reasons, by="officer")
    return f"rules {rules}"


def agree(school: School) -> str:
    """Let a teacher or the principal say yes or no."""
    random = school.random
    who = random.choice(tuple(Who))
    about = random.choice(school.teachers).id if who is Who.TEACHER else random.choice(("", "North"))
    first = school.day(0, 3)
    last = first + timedelta(days=random.randint(0, 4)) if random.random() < 0.4 else None
    word = Word(who=who, about=about, agrees=random.random() < 0.7, holds_from=first, holds_until=last)
    write_agreements(school.house.services, [word], by=OPERATOR)
    return f"agreement {word}"


def darken(school: School) -> str:
    """Black out a room, a site or everything for some hours."""
    random, zone = school.random, school.house.services.config.controller.time_zone
    begins_at = datetime.combine(school.day(0, 3), random.choice(HALF_HOURS), tzinfo=zone)
    where = random.choice(({"room": random.choice(school.rooms)}, {"site": "North"}, {}))
    dark = Dark(begins_at=begins_at, ends_at=begins_at + timedelta(hours=random.choice((1, 2, 24))), **where)
    black_out(school.house.services, dark, by="office")
    return f"blackout {dark}"


def lift(school: School) -> str:
    """Lift a blackout."""
    held = school.ids("blackout", "lifted_at IS NULL")
    if held:
        lift_blackout(school.house.services, school.random.choice(held), by="office")
    return "lift a blackout"


def pilot(school: School) -> str:
    """Begin or end a pilot."""
    random, services, room = school.random, school.house.services, school.random.choice(school.rooms)
    if random.random() < 0.3:
        end_pilot(services, room, by="officer")
        return f"no pilot in {room}"
    until = school.day(0, 9)
    begin_pilot(services, room, until=until, reason="to try", by="officer")
    return f"pilot in {room} until {until}"


def change_role(school: School) -> str:
    """Take the teacher's role from somebody, or give it back."""
    account, roles = school.random.choice(school.teachers).id, make_roles(school.house.services)
    if school.rows("SELECT 1 FROM account_role WHERE account = ? AND role = 'teacher'", account):
        if not school.rows("SELECT 1 FROM account_role WHERE account = ? AND role = 'viewer'", account):
            roles.give(RoleChange(account=account, held=Held(Role.VIEWER), by=None))
        roles.take(RoleChange(account=account, held=Held(Role.TEACHER), by=None))
        return f"{account} teaches no more"
    roles.give(RoleChange(account=account, held=Held(Role.TEACHER), by=None))
    return f"{account} teaches again"


def move_unit(school: School) -> str:
    """Carry a unit into another room, or give it another owner."""
    random, unit = school.random, school.random.choice(school.teachers).device
    place = random.choice((*ROOMS, *ROOMS, Place(owner=random.choice(school.teachers).email)))
    move(school.house.services, unit, place, school.deed)
    return f"unit {unit} to {place}"


def change_abilities(school: School) -> str:
    """Let a unit be of an older or a newer release."""
    unit, can = school.random.choice(school.teachers).device, school.random.random() < 0.8
    note_abilities(school.house.services, unit, Ability.OMITS_SOUND.value if can else "")
    return f"unit {unit} can omit sound: {can}"


def free(school: School) -> str:
    """Enter days without school, take them out, or let a file do both."""
    random, services = school.random, school.house.services
    site, first = random.choice(("", "North")), school.day(0, 4)
    last = first + timedelta(days=random.randint(0, 1))
    held = school.ids("free_days", "site = ''")
    if random.random() < 0.4:
        data = f"first_day,last_day,label\n{first},{last},Storm\n".encode()
        found = read_days(data, today=school.today, zone=services.config.controller.time_zone)
        take_days(services, site, found, missing=Missing.REMOVE, deed=school.deed)
        return f"file of free days of {site!r}: {first} {last}"
    if held and random.random() < 0.6:
        remove_free_days(services, "", random.choice(held), school.deed)
        return "school again"
    add_free_days(services, site, [FreeDay(first, last, "Storm")], school.deed)
    return f"free {site!r} {first} {last}"


def usual(school: School) -> str:
    """Say who is usually in a room."""
    random, known = school.random, school.ids("school_class")
    begins, ends = sorted(random.sample(HALF_HOURS, 2))
    first = school.day(0, 3)
    new = NewUsual(
        room=random.choice(school.rooms),
        teacher=random.choice(school.leads),
        classes=tuple(random.sample(known, min(len(known), random.choice((1, 1, 2))))),
        begins=begins,
        ends=ends,
        begins_on=first,
        ends_on=first + timedelta(days=random.randint(0, 9)) if random.random() < 0.4 else None,
        weekdays=tuple(range(7)) if random.random() < 0.8 else (0, 2, 6),
    )
    with editing(school.house.services, school.deed) as edit:
        edit.set_usual(new)
    return f"usual {new}"


def draw_rule(school: School) -> NewRule:
    """Draw a weekly lesson."""
    random, known, first = school.random, school.ids("school_class"), school.day(0, 4)
    begins, ends = sorted(random.sample(HALF_HOURS, 2))
    is_single = random.random() < 0.3
    return NewRule(
        room=random.choice(school.rooms),
        weekday=first.weekday(),
        begins=begins,
        ends=ends,
        begins_on=first,
        ends_on=first if is_single else first + timedelta(days=14) if random.random() < 0.3 else None,
        classes=tuple(random.sample(known, min(len(known), random.choice((0, 1, 1, 1, 2))))),
        teachers=tuple(random.sample(school.leads, random.choice((0, 1, 1, 1, 2)))),
    )


def lesson(school: School) -> str:
    """Add a weekly lesson, or let one be another from a day on."""
    new, known = draw_rule(school), school.ids("lesson_rule")
    with editing(school.house.services, school.deed) as edit:
        if known and school.random.random() < 0.3:
            edit.change_rule(school.random.choice(known), new)
        else:
            edit.add_rule(new)
    return f"lesson {new}"


def one_day(school: School) -> str:
    """Cancel a lesson on a day, or give it a substitute or another room; or let it be as always again."""
    random = school.random
    name, weekday = random.choice(school.rows("SELECT id, weekday FROM lesson_rule ORDER BY rowid"))
    day = school.today + timedelta(days=(weekday - school.today.weekday()) % 7)
    with editing(school.house.services, school.deed) as edit:
        if random.random() < 0.2:
            edit.undo_change(name, day)
            return f"{name} on {day} as always"
        change = DayChange(
            rule=name,
            day=day,
            is_cancelled=random.random() < 0.2,
            teacher=random.choice((None, random.choice(school.leads))),
            room=random.choice((None, random.choice(school.rooms))),
        )
        edit.change_day(change)
    return f"change {change}"


def guest(school: School) -> str:
    """Let somebody be in a class or a room for some days."""
    random, first = school.random, school.day(0, 3)
    where = random.choice(("class_id", "room"))
    known = school.rooms if where == "room" else school.ids("school_class")
    person, last = random.choice(school.ids("person")), first + timedelta(days=random.randint(0, 3))
    new = NewGuest(person=person, begins_on=first, ends_on=last, **{where: random.choice(known)})
    with editing(school.house.services, school.deed) as edit:
        edit.add_guest(new)
    return f"guest {new}"


def end(school: School) -> str:
    """End a lesson, what is usual, or a guest's days."""
    known = [each for table in ("lesson_rule", "usual_lesson", "lesson_guest") for each in school.ids(table)]
    entry, last_day = school.random.choice(known), school.day(-1, 2)
    with editing(school.house.services, school.deed) as edit:
        edit.end(entry, last_day)
    return f"end {entry} on {last_day}"


def send_lessons(school: School) -> str:
    """Send a table of lessons."""
    random, services = school.random, school.house.services
    lines = ["room,site,weekday,begins,ends,classes,teachers"]
    for _ in range(random.randint(1, 4)):
        begins, ends = sorted(random.sample(HALF_HOURS, 2))
        place, lead = random.choice(ROOMS), random.choice(school.teachers).email
        hours = f"{random.randint(1, 7)},{begins:%H:%M},{ends:%H:%M}"
        lines.append(f"{place.room_name},{place.site},{hours},{random.choice(CLASSES)},{lead}")
    sent = Sent(name="lessons.csv", starts_on=school.day(0, 2))
    reading = read_lessons(services, io.BytesIO("\n".join(lines).encode()), sent)
    if reading.found is None:
        return f"lessons with flaws {reading.flaws}"
    draft = draft_lessons(services, reading, sent.starts_on, school.deed)
    basis = preview_lessons(services, draft).basis
    apply_lessons(services, draft, basis=basis, vanishing=Vanishing.MEANT, deed=school.deed)
    return f"lessons {lines[1:]} from {sent.starts_on}"


def pass_time(school: School) -> str:
    """Let hours or days pass, with the jobs' hourly look or, while they stand still, without."""
    hours, looks = school.random.choice((1, 5, 24, 24, 60)), school.random.random() < 0.8
    school.house.clock.pass_time(timedelta(hours=hours))
    if looks:
        renew_policies(school.house.services)
    return f"{hours} hours pass, the jobs look: {looks}"


STEPS: dict[Step, int] = {
    **dict.fromkeys((everybody_agrees, paste, usual, lesson, pass_time), 4),
    **dict.fromkeys((answer,), 8),
    **dict.fromkeys((send_classes, one_day, guest, send_lessons, agree, rule, undo, send_answers), 3),
    **dict.fromkeys((end, darken, lift, pilot, free, change_role, move_unit), 2),
    **dict.fromkeys((forget, change_abilities), 1),
}


def take_step(school: School) -> None:
    """Take a step that was drawn, and write down what was done or why it was refused."""
    (step,) = school.random.choices(tuple(STEPS), tuple(STEPS.values()))
    try:
        done = step(school)
    except OperatorError as error:
        done = f"{step.__name__} was refused: {error}"
        school.reached[f"{step.__name__} refused"] += 1
    except (IndexError, ValueError):
        done = f"{step.__name__}: there is nothing to take"
    school.done.append(done)


def begin(school: School) -> None:
    """Enter two classes and what is usual, so that there is something to decide on."""
    for step in (paste, paste, send_classes, usual, usual, lesson, everybody_agrees):
        school.done.append(_or_refused(step, school))
    set_rules(school.house.services, Rules(), seen=UNSET, reasons={"pupils": "why"}, by="officer")


def _or_refused(step: Step, school: School) -> str:
    try:
        return step(school)
    except (OperatorError, IndexError, ValueError) as error:
        return f"{step.__name__} was refused: {error}"
