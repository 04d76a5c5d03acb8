"""How long the roster of a district takes, from a zip of 50,000 pupils in seven classes each to the tables.

    python -m tests.benchmarks.roster [PUPILS]

First the whole of it, which is read, drafted, shown and applied; then the same district with one pupil in a hundred
moved. Beside it the least that could be done: the same CSV rows read with `csv` and put into SQLite by `executemany`,
unchecked. Wall-clock time, and the processor's own where other work runs on the machine.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

from controller.devices.history import OPERATOR, Deed
from controller.roster.drafts import Vanishing, apply_draft, make_draft, preview
from controller.roster.found import Reading
from controller.roster.importing import read_file
from controller.roster.models import Scope
from tests.house import House, make_house
from tests.rosters import district, pack

PUPILS = 50_000
LIMIT_S = 60
STARTS_ON = date(2026, 11, 24)
Result = TypeVar("Result")


class Watch:
    """Measures steps and prints them; sums them up."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 0.0

    def time(self, what: str, act: Callable[[], Result]) -> Result:
        """Do something, and print how long it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = act()
        took, worked = time.perf_counter() - wall, time.process_time() - cpu
        self.wall_s, self.cpu_s = self.wall_s + took, self.cpu_s + worked
        print(f"  {what:<44} {took:6.1f} s   processor {worked:5.1f} s", flush=True)
        return result


def import_all(house: House, data: bytes, what: str) -> Watch:
    """Read, draft, show and apply a zip, as a person does on the pages."""
    watch, services, deed = Watch(), house.services, Deed(OPERATOR, house.clock())
    print(f"{what}: {len(data) / 1e6:.1f} MB packed", flush=True)

    def read() -> Reading:
        return read_file(io.BytesIO(data), "roster.zip", site=None, scope=Scope.SITES)

    reading = watch.time("read and check", read)
    draft = watch.time("keep as a draft", lambda: make_draft(services, reading, STARTS_ON, deed))
    shown = watch.time("work out the difference", lambda: preview(services, draft))
    basis, meant = shown.basis, Vanishing.MEANT
    watch.time("apply (the difference again, and write)", lambda: apply_draft(
        services, draft, basis=basis, vanishing=meant, deed=deed
    ))  # fmt: skip
    print(f"  {', '.join(f'{name} {number:,}' for name, number in shown.plan.sums().items() if number)}")
    print(f"  in all {watch.wall_s:.1f} s, {watch.wall_s / LIMIT_S:.2f} of the limit of {LIMIT_S} s", flush=True)
    return watch


def import_bluntly(data: bytes, path: Path) -> Watch:
    """Put the same rows into SQLite without a look at them."""
    watch = Watch()

    def copy() -> None:
        with sqlite3.connect(path) as database, zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in ("users", "classes", "enrollments"):
                with archive.open(f"{name}.csv") as file:
                    rows = csv.reader(io.TextIOWrapper(file, "utf-8", newline=""))
                    header = next(rows)
                    database.execute(f"CREATE TABLE {name} ({', '.join(f'c{n}' for n in range(len(header)))})")
                    marks = ",".join("?" * len(header))
                    database.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608 - fixed names

    watch.time("csv and executemany, unchecked", copy)
    return watch


def main() -> None:
    """Measure and print."""
    pupils = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdecimal() else PUPILS
    whole, moved = (pack(district(pupils, moved=number)).getvalue() for number in (0, pupils // 100))
    with tempfile.TemporaryDirectory() as folder:
        house = make_house(Path(folder))
        first = import_all(house, whole, f"{pupils:,} pupils, all new")
        import_all(house, moved, "the same, one in a hundred in other classes")
        peer = import_bluntly(whole, Path(folder) / "peer.sqlite3")
    print(
        f"  all new ÷ peer: {first.cpu_s / peer.cpu_s:.1f} of processor time, {first.wall_s / peer.wall_s:.1f} of time"
    )


if __name__ == "__main__":
    main()
