"""What docs/protocol/consent.md says of a press in a room at an instant, worked out naively from the bare tables.

Nothing of the controller's is used: the tables are read by sqlite3, days and times are compared as the texts that stand
there, and everything is looked up again for each question. Slow on purpose: it is to be checked by reading it.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple

Row = dict[str, Any]
OWN_EYES = {"record", "self"}
FOR_EVER = "9999"
TABLES = (
    *("room", "device", "account_role", "person", "membership", "school_class", "answer", "rules_version", "agreement"),
    *("blackout", "pilot", "free_days", "lesson_rule", "lesson_rule_class", "lesson_rule_teacher", "lesson_change"),
    *("usual_lesson", "lesson_guest"),
)


@dataclass(frozen=True)
class May:
    """A press may record: for whom, with how many seats checked, and whether the room may be heard."""

    owner: str
    seats: int
    sound: bool


class There(NamedTuple):
    """What is held in a room: of all rules that meet there, and who would lead it; None where they disagree."""

    classes: set[str]
    teachers: set[str]
    lead: str | None


class Says(NamedTuple):
    """What may be used of somebody, whether a statement of theirs holds, and whether the last one was a no."""

    picture: set[str]
    voice: set[str]
    holds: bool
    took_back: bool

    def grants(self, *, sound: bool) -> bool:
        """Tell whether they can be anywhere in the room."""
        return self.shows and (self.speaks or not sound)

    @property
    def shows(self) -> bool:
        """Tell whether their picture may be recorded for the teacher's own eyes."""
        return self.picture >= OWN_EYES

    @property
    def speaks(self) -> bool:
        """Tell the same of their voice."""
        return self.voice >= OWN_EYES


class Oracle:
    """The tables as they are at one moment."""

    def __init__(self, database: Path, zone: tzinfo) -> None:
        self._zone = zone
        self._rows: dict[str, list[Row]] = {}
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            for table in TABLES:
                self._rows[table] = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608
        versions = sorted(self._rows["rules_version"], key=lambda row: row["version"])
        self._rules: Row | None = json.loads(versions[-1]["settings"]) if versions else None

    def _where(self, table: str, **values: object) -> list[Row]:
        return [row for row in self._rows[table] if all(row[name] == value for name, value in values.items())]

    def _teaches(self, account: str | None) -> bool:
        return account is not None and bool(self._where("account_role", account=account, role="teacher"))

    def may(self, device: str, at: datetime) -> May | None:
        """Tell whether a press on a unit at an instant may record, if somebody looks at the seats; None: it may not."""
        (unit,) = self._where("device", id=device)
        found = None if self.is_dark(device, at) else self._undarkened(unit, at)
        can_omit = "omits_sound" in unit["abilities"]
        return found if found is None or found.sound or can_omit else None

    def is_dark(self, device: str, at: datetime) -> bool:
        """Tell whether it lies in a blackout."""
        instant = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return any(row["begins_at"] <= instant < row["ends_at"] for row in self._blackouts(device))

    def is_dark_that_day(self, device: str, at: datetime) -> bool:
        """Tell whether a blackout may touch a lesson of that day: the whole of such a lesson is refused."""
        day = at.astimezone(UTC).strftime("%Y-%m-%d")
        return any(row["begins_at"][:10] <= day <= row["ends_at"][:10] for row in self._blackouts(device))

    def _blackouts(self, device: str) -> list[Row]:
        (unit,) = self._where("device", id=device)
        rooms = [room["id"] for room in self._where("room", site=unit["site"], name=unit["room_name"])]
        rows = self._where("blackout", lifted_at=None)
        return [r for r in rows if (r["room"] in rooms if r["room"] else r["site"] in ("", unit["site"]))]

    def _undarkened(self, unit: Row, at: datetime) -> May | None:
        local = at.astimezone(self._zone)
        day, clock = local.strftime("%Y-%m-%d"), local.strftime("%H:%M:%S.%f")
        alone = May(owner=unit["owner"], seats=0, sound=True) if self._teaches(unit["owner"]) else None
        if self._rules is None:
            return alone
        rooms = self._where("room", site=unit["site"], name=unit["room_name"])
        if not rooms:
            return None
        (room,) = rooms
        held = self._held(room, day, clock)
        if held is not None:
            return self._lesson(room, held, day)
        pilots = sorted(self._where("pilot", room=room["id"]), key=lambda row: row["number"])
        is_pilot = bool(pilots) and pilots[-1]["until"] is not None and day <= pilots[-1]["until"]
        return May(alone.owner, 0, self._rules["sound"]) if alone and is_pilot else None

    def _is_free(self, site: str, day: str) -> bool:
        rows = self._rows["free_days"]
        return any(row["site"] in ("", site) and row["first_day"] <= day <= row["last_day"] for row in rows)

    def _held(self, room: Row, day: str, clock: str) -> There | None:
        is_free, weekday = self._is_free(room["site"], day), datetime.fromisoformat(day).weekday()
        now = [row for row in self._rows["lesson_rule"] if _is_on(row, day) and row["begins"] <= clock < row["ends"]]
        found: list[tuple[set[str], list[str]]] = []
        for rule in now:
            if rule["weekday"] != weekday or (is_free and rule["begins_on"] != rule["ends_on"]):
                continue
            changes = self._where("lesson_change", rule=rule["id"], day=day)
            change = changes[0] if changes else {"is_cancelled": False, "room": None, "teacher": None}
            if change["is_cancelled"] or (change["room"] or rule["room"]) != room["id"]:
                continue
            rows = sorted(self._where("lesson_rule_teacher", rule=rule["id"]), key=lambda row: row["place"])
            teachers = [row["person"] for row in rows]
            if change["teacher"]:
                teachers = [change["teacher"], *teachers[1:]]
            found.append(({row["class_id"] for row in self._where("lesson_rule_class", rule=rule["id"])}, teachers))
        if not found and not is_free:
            usual = [row for row in self._where("usual_lesson", room=room["id"]) if str(weekday) in row["weekdays"]]
            usual = [row for row in usual if _is_on(row, day) and row["begins"] <= clock < row["ends"]]
            found = [({row["class_id"]}, [row["teacher"]]) for row in usual]
        if not found:
            return None
        leads = {teachers[0] if teachers else None for _, teachers in found}
        return There(
            classes=set().union(*(classes for classes, _ in found)),
            teachers={teacher for _, teachers in found for teacher in teachers},
            lead=leads.pop() if len(leads) == 1 else None,
        )

    def _lesson(self, room: Row, held: There, day: str) -> May | None:
        rules = self._rules
        assert rules
        leads = self._where("person", id=held.lead, kind="adult", forgotten_at=None)
        owner = leads[0]["account"] if leads else None
        if owner is None or not self._teaches(owner):
            return None
        classes = [row for each in held.classes for row in self._where("school_class", id=each)]
        if not classes or not all(_is_on(row, day) for row in classes):
            return None
        if rules["principal_opts_in"] and not self._principal(room["site"], day):
            return None
        if rules["teacher_opts_in"] and not _agrees(self._where("agreement", who="teacher", about=owner), day):
            return None
        return self._people(room, held, day, owner)

    def _principal(self, site: str, day: str) -> bool:
        own = self._where("agreement", who="principal", about=site)
        if not any(row["holds_from"] <= day for row in own):
            own = self._where("agreement", who="principal", about="")
        return _agrees(own, day)

    def _people(self, room: Row, held: There, day: str, owner: str) -> May | None:
        rules = self._rules
        assert rules
        pupils, adults = self._crowd(room, held, day)
        if not pupils or any(self._where("person", id=each)[0]["forgotten_at"] for each in pupils | adults):
            return None
        for adult in adults | {held.lead or ""}:
            said = self._says(adult, day)
            is_asked = (rules["adults"] and adult != held.lead) or said.holds or said.took_back
            if is_asked and not said.grants(sound=rules["sound"]):
                return None
        stands = [self._says(pupil, day) for pupil in pupils]
        if rules["sound"] and not all(said.speaks for said in stands):
            return None
        seats = sum(not said.shows for said in stands)
        if seats and (not rules["seats"] or seats > rules["most_seats"]):
            return None
        return May(owner, seats, rules["sound"])

    def _crowd(self, room: Row, held: There, day: str) -> tuple[set[str], set[str]]:
        """Give the pupils and the adults in the room beside who leads."""
        pupils, adults = set(), set(held.teachers)
        for member in self._rows["membership"]:
            if member["class_id"] not in held.classes or not _is_on(member, day):
                continue
            if member["role"] == "pupil" or self._kind(member["person"]) == "pupil":
                pupils.add(member["person"])
            elif member["role"] == "aide":
                adults.add(member["person"])
        for guest in self._rows["lesson_guest"]:
            is_in = guest["class_id"] in held.classes if guest["class_id"] else guest["room"] == room["id"]
            if is_in and _is_on(guest, day):
                (pupils if self._kind(guest["person"]) == "pupil" else adults).add(guest["person"])
        return pupils - {held.lead}, adults - pupils - {held.lead}

    def _kind(self, person: str) -> str:
        return str(self._where("person", id=person)[0]["kind"])

    def _says(self, person: str, day: str) -> Says:
        (row,) = self._where("person", id=person)
        alone = row["kind"] == "adult" or (row["of_age_on"] or FOR_EVER) <= day
        undone = {line["undoes"] for line in self._rows["answer"]}
        lines = [line for line in self._where("answer", person=person, undoes=None) if line["number"] not in undone]
        lines.sort(key=lambda line: line["number"])
        last = {line["giver"]: line for line in lines if not _is_for_a_day(line)}
        took_back = any(_takes_back(line) for line in last.values())
        silence = self._silence(took_back=took_back)
        assert self._rules
        each_time = self._rules["each_time"]
        counting: dict[str, Row] = {}
        for line in lines:
            if alone and line["giver"] != "self":
                continue
            if _is_for_a_day(line):
                counts = line["holds_from"] == day
            else:
                counts = line["holds_from"] <= day and (not each_time or _takes_back(line))
            if counts:
                counting[line["giver"]] = line
        picture, voice, holds = set(OWN_EYES), set(OWN_EYES), False
        for line in counting.values():
            is_over = (line["holds_until"] or FOR_EVER) < day
            holds = holds or not is_over
            is_none = is_over or (each_time and not _is_for_a_day(line))
            picture &= set() if is_none else _scopes(line["picture"])
            voice &= set() if is_none else _scopes(line["voice"])
        if not counting or (not alone and set(counting) == {"self"}):
            picture, voice = picture & silence, voice & silence
        return Says(picture, voice, holds, took_back)

    def _silence(self, *, took_back: bool) -> set[str]:
        assert self._rules
        return set(OWN_EYES) if self._rules["objection"] and not took_back else set()


def _is_on(row: Row, day: str) -> bool:
    return bool(row["begins_on"] <= day <= (row["ends_on"] or FOR_EVER))


def _agrees(words: list[Row], day: str) -> bool:
    begun = [word for word in words if word["holds_from"] <= day]
    newest = max(begun, key=lambda word: word["number"], default=None)
    return newest is not None and bool(newest["agrees"]) and day <= (newest["holds_until"] or FOR_EVER)


def _scopes(text: str) -> set[str]:
    return {each for each in text.split(",") if each}


def _is_for_a_day(line: Row) -> bool:
    return bool(line["holds_from"] == line["holds_until"] and not line["is_withdrawal"])


def _takes_back(line: Row) -> bool:
    return bool(line["is_withdrawal"]) or not (_scopes(line["picture"]) & _scopes(line["voice"]) >= OWN_EYES)
