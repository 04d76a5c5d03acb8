"""`backrow controller timetable import` and its drafts, bells and terms, run as on the server."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from tests.house import Teacher, house
from tests.unit.controller.timetable.test_commands import Run, monday, run, teacher

__all__ = ["house", "run", "teacher"]
TABLE = "room,weekday,period,classes,teachers,term\nRoom 12,Monday,P3,3B,Ada Moreno,Autumn\n"


def test_table_with_bells_and_terms_is_imported_shown_and_applied(run: Run, teacher: Teacher, tmp_path: Path) -> None:
    """Each step prints what the next one needs; no name is printed."""
    day = datetime.now(UTC).date()
    path = tmp_path / "lessons.csv"
    path.write_text(TABLE)
    assert "lessons.csv:2 period: no bell of this site and weekday is called “P3”" in run("import", str(path), code=1)
    run("bell", "P3", "9:50", "10:40")
    run("bell", "P3", "9:30", "10:10", "--weekdays", "0")
    run("term", "Autumn", day.isoformat(), day.replace(year=day.year + 1, day=1).isoformat())
    assert run("bells").count("P3") == 2
    printed = run("import", str(path))
    found = re.search(r"timetable apply (\w+) --seen (\d+)", printed)
    assert found, printed
    assert "Moreno" not in printed
    assert found.group(1) in run("drafts")
    assert run("preview", found.group(1)) == printed
    assert run("apply", found.group(1), "--seen", found.group(2)).startswith("Done. It holds from ")
    assert "09:30–10:10" in run("list", "--room", "Room 12", "--day", monday())
    assert "this is what stands already" in run("apply", *_draft(run, path), code=1)


def _draft(run: Run, path: Path) -> tuple[str, str, str]:
    found = re.search(r"timetable apply (\w+) --seen (\d+)", run("import", str(path)))
    assert found
    return found.group(1), "--seen", found.group(2)


def test_draft_is_discarded(run: Run, teacher: Teacher, tmp_path: Path) -> None:
    """Nothing of it stays; asked for again it is not there."""
    path = tmp_path / "lessons.csv"
    path.write_text("room,weekday,begins,ends\nHall,1,9:00,10:00\n")
    draft, *_ = _draft(run, path)
    run("discard", draft)
    assert "draft: there is no such draft" in run("discard", draft, code=1)
    assert run("drafts") == ""


def test_calendar_needs_a_room_that_is_known(run: Run, teacher: Teacher, tmp_path: Path) -> None:
    """Names of events of which nothing is known are counted, not printed."""
    path = tmp_path / "room.ics"
    first = monday().replace("-", "")
    event = f"UID:1\nDTSTART:{first}T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY\nSUMMARY:Secret"
    path.write_text(f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{event}\nEND:VEVENT\nEND:VCALENDAR\n")
    assert "room: no room is known" in run("import", str(path), code=1)
    run("add-room", "--room", "Hall")
    printed = run("import", str(path), "--room", "Hall")
    assert "Nothing is known of 1 names of events" in printed
    assert "Secret" not in printed
