"""Many units at once, none of which paces itself, and one whose upload hangs, at a real controller on loopback.

    python -m tests.benchmarks.crowd [units …]

Prints, for each number of units: what came in against the sum of the leases (the cap), in the worst ten seconds and
altogether; how soon HEAD was answered for an upload whose PATCH hangs; what the controller's process took of a core and
of memory. The bytes are counted in the controller's files; what the kernels took besides is told apart.
"""

from __future__ import annotations

import http.client
import os
import resource
import selectors
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from controller.devices.models import Device, DeviceState
from controller.uploads.scheduler.plan import Grant
from protocol.ids import make_id
from tests.benchmarks.ingest import Load, announce, name_object
from tests.controller_process import FAST_BPS, PATH, ControllerProcess, make_controller
from tests.leasing import issue_lease

CROWDS = (40, 200, 500, 1000, 1500)
CAP_BPS = 160_000_000
WARM_S, SPAN_S, LASTS_S = 3.0, 10.0, 16.0
SAMPLE_S = 0.25
LOAD = Load("endless", 1 << 30, 1)
BLOCK = memoryview(os.urandom(64 * 1024))
TUS = {"Tus-Resumable": "1.0.0"}


@dataclass
class Sender:
    """One unit's connection in the middle of a body, which takes as much as it is given."""

    sock: socket.socket
    part: Path
    sent: int = 0


def add_units(controller: ControllerProcess, count: int) -> list[ControllerProcess]:
    """Enter units with the first one's recorder key, and see the controller as each of them does."""
    devices = [make_id(os.urandom(16)) for _ in range(count)]
    with controller.services.database.writing() as session:
        first = session.get_one(Device, controller.device)
        for device in devices:
            session.add(
                Device(
                    id=device,
                    label=device[-6:],
                    owner=controller.owner,
                    recorder_key=first.recorder_key,
                    state=DeviceState.ACTIVE,
                    added_at=first.added_at,
                )
            )
    return [replace(controller, device=device) for device in devices]


def grant(units: list[ControllerProcess], rate_bps: int) -> list[dict[str, str]]:
    """Grant each unit a lease at one rate."""
    services = units[0].services
    now = services.clock()
    with services.database.writing() as session:
        lines = [
            issue_lease(services, session, Grant(unit.device, rate_bps, now, now + timedelta(hours=1))).line
            for unit in units
        ]
    return [{"Backrow-Lease": line.decode().strip()} for line in lines]


def make_upload(unit: ControllerProcess, lease: dict[str, str]) -> str:
    """Announce a recording and make an upload for its one segment; give its place."""
    recording = announce(unit, lease, LOAD, "0" * 64)
    units = unit.services.config.units
    with closing(http.client.HTTPConnection(units.host, units.port, timeout=60)) as connection:
        headers = {"Upload-Length": str(LOAD.size_bytes), "Upload-Metadata": name_object(recording, 1)}
        connection.request("POST", f"{PATH}/uploads", headers={**TUS, **lease, **headers, "Content-Length": "0"})
        answer = connection.getresponse()
        if answer.status != 201:
            raise SystemExit(f"no upload was made: {answer.status} {answer.read().decode()}")
        return str(answer.headers["Location"])


def begin(unit: ControllerProcess, lease: dict[str, str], place: str) -> Sender:
    """Begin a PATCH that announces everything, and send its head."""
    units = unit.services.config.units
    headers = {
        **TUS,
        **lease,
        "Host": units.host,
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(LOAD.size_bytes),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    sock = socket.create_connection((units.host, units.port), 60)
    sock.sendall(f"PATCH {place} HTTP/1.1\r\n{lines}\r\n".encode())
    return Sender(sock, unit.data / "incoming" / f"{place.rpartition('/')[2]}.part")


def push(senders: list[Sender], until_s: float) -> Iterator[tuple[float, int, int]]:
    """Send what the sockets take; give, every so often, the time, the bytes in files, and the bytes sent."""
    with selectors.DefaultSelector() as ready:
        for sender in senders:
            sender.sock.settimeout(0)
            ready.register(sender.sock, selectors.EVENT_WRITE, sender)
        next_s = time.monotonic()
        while (now_s := time.monotonic()) < until_s:
            if now_s >= next_s:
                kept = sum(sender.part.stat().st_size for sender in senders)
                yield time.monotonic(), kept, sum(sender.sent for sender in senders)
                next_s += SAMPLE_S
            for key, _ in ready.select(0.05):
                key.data.sent += key.data.sock.send(BLOCK)
            time.sleep(0.01)


def worst_span(samples: list[tuple[float, int]], span_s: float) -> float:
    """Give the most bytes a second over any stretch of about `span_s`."""
    rates = []
    for index, (from_s, before) in enumerate(samples):
        after = next(((at_s, count) for at_s, count in samples[index:] if at_s >= from_s + span_s), None)
        if after:
            rates.append((after[1] - before) / (after[0] - from_s))
    return max(rates)


def time_heads(unit: ControllerProcess, lease: dict[str, str], count: int) -> list[float]:
    """Give the milliseconds until HEAD was answered while a PATCH of the same upload hangs, each time anew."""
    units, place, times_ms = unit.services.config.units, make_upload(unit, lease), []
    with closing(http.client.HTTPConnection(units.host, units.port, timeout=60)) as connection:
        offset = 0
        for _ in range(count):
            hanging = begin(replace(unit), {**lease}, place) if offset == 0 else _begin_at(unit, lease, place, offset)
            hanging.sock.sendall(BLOCK[:5000])
            time.sleep(0.05)
            began_s = time.perf_counter()
            connection.request("HEAD", place, headers={**TUS, **lease})
            answer = connection.getresponse()
            answer.read()
            times_ms.append((time.perf_counter() - began_s) * 1000)
            offset = int(answer.headers["Upload-Offset"])
            hanging.sock.close()
    return times_ms


def _begin_at(unit: ControllerProcess, lease: dict[str, str], place: str, offset: int) -> Sender:
    return begin(unit, {**lease, "Upload-Offset": str(offset)}, place)


def cpu_s(pid: int) -> float:
    """Give the seconds of a core that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Give the memory of a process that is in RAM, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def run(controller: ControllerProcess, count: int) -> None:
    """Let a crowd in, and print what came of it."""
    assert controller.process
    pid = controller.process.pid
    units = add_units(controller, count)
    places = [make_upload(unit, lease) for unit, lease in zip(units, grant(units, FAST_BPS), strict=True)]
    leases = grant(units, CAP_BPS // count)
    quiet_ms = time_heads(controller, controller.grant_lease(), 20)
    with ExitStack() as closing_all:
        senders = [begin(*one) for one in zip(units, leases, places, strict=True)]
        for sender in senders:
            closing_all.callback(sender.sock.close)
        began_s, cpu_before_s = time.monotonic(), cpu_s(pid)
        samples = list(push(senders, began_s + LASTS_S))
        cpu = (cpu_s(pid) - cpu_before_s) / (time.monotonic() - began_s)
        heads_ms = time_heads(controller, controller.grant_lease(), 20)
        memory = resident_mb(pid)
    kept = [(at_s, bytes_kept) for at_s, bytes_kept, _ in samples]
    worst = worst_span(kept, SPAN_S) * 8 / CAP_BPS
    mean = (kept[-1][1] - kept[0][1]) / (kept[-1][0] - kept[0][0]) * 8 / CAP_BPS
    held = (samples[-1][2] - samples[-1][1]) / count / 1024
    print(f"{count} units at once, a cap of {CAP_BPS / 1e6:.0f} Mbit/s, nobody paces:")
    print(f"  of the cap: {mean:.1%} altogether, {worst:.1%} in the worst {SPAN_S:.0f} s (at most 101 %)")
    print(f"  besides, the kernels on both sides took {held:.0f} KiB a connection, once")
    for words, times_ms in (("alone", quiet_ms), ("in the crowd", heads_ms)):
        most = max(times_ms)
        print(f"  HEAD while a PATCH hangs, {words}: median {statistics.median(times_ms):.1f} ms, most {most:.1f} ms")
    print(f"  the controller's process: {cpu:.0%} of a core, {memory:.0f} MB")


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark for each number of units, a new controller each."""
    for count in [int(text) for text in arguments or ()] or CROWDS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        with tempfile.TemporaryDirectory(prefix="backrow-crowd-") as name:
            controller = make_controller(Path(name), tls=False, units={"threads": count + count // 4 + 16})
            controller.start()
            try:
                run(controller, count)
            finally:
                controller.close()


if __name__ == "__main__":
    main(sys.argv[1:])
