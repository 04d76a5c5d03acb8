"""One unit against another at the controller: every address and method of the units' door, with what is the other's.

The attacker has its own certificate, as TLS demands, and everything that could be known of the victim: its ids, its
lease, its manifest, its sealed segments. What counts is whether anything of the victim's changed, in any table or file,
and whether an answer gave away anything that is the victim's alone. New endpoints are attacked without a line here.
"""

from __future__ import annotations

import base64
import itertools
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from controller.devices.models import Device
from controller.devices.policies import issue_policy
from controller.enrollment.repo import enter_certificate
from controller.keys import load_authority
from controller.tables import METADATA
from protocol.pki import issue_device
from tests.house import House
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import TUS, UnitClient, encode_metadata, made_up_segment, make_unit

HALF = 60_000
OFFSET_STREAM = "application/offset+octet-stream"


@dataclass
class Outcome:
    """How many requests were made, how they were answered, and what came of them."""

    tried: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    given_away: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


@dataclass
class Scene:
    """A victim in the middle of a delivery, another recording of it delivered whole, and an attacker."""

    house: House
    victim: UnitClient
    attacker: UnitClient
    delivered: Lesson
    arriving: Lesson
    upload: str

    def papers_of(self, unit: UnitClient) -> dict[str, str]:
        """Give what the TLS listener tells WSGI of a unit's certificate, which is entered anew."""
        services, device = self.house.services, unit.teacher.device
        credential = issue_device(load_authority(services.config.controller.keys), device, now=self.house.clock())
        with services.database.writing() as session:
            enter_certificate(session, device, credential.certificate, now=self.house.clock())
        pem = credential.certificate_pem().decode()
        first = pem.split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        return {"SSL_CLIENT_VERIFY": "SUCCESS", "SSL_CLIENT_S_DN_CN": device, "SSL_CLIENT_CERT": first}

    def state(self) -> dict[str, Any]:
        """Give everything that the controller holds of the victim: rows of every table, and files."""
        recordings = (self.delivered.id, self.arriving.id)
        found: dict[str, Any] = {}
        with self.house.services.database.reading() as session:
            for table in METADATA.sorted_tables:
                rows = [dict(row) for row in session.execute(select(table)).mappings()]
                found[table.name] = sorted(repr(row) for row in rows if self._is_mine(table.name, row, recordings))
        return found | dict(self._files(recordings))

    def _is_mine(self, table: str, row: Mapping[str, Any], recordings: tuple[str, ...]) -> bool:
        """Tell whether a row is the victim's; that somebody else tried something (an incident) is that one's."""
        device = self.victim.teacher.device
        if "device" in row or table == "device":
            return bool(row["id" if table == "device" else "device"] == device)
        return row.get("recording") in recordings

    def _files(self, recordings: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        data = self.house.services.config.controller.data
        paths = [*(data / "incoming").glob(f"{self.upload}*")]
        for recording in recordings:
            paths += [path for path in (data / "objects" / recording).rglob("*") if path.is_file()]
        for path in paths:
            yield str(path.relative_to(data)), path.read_bytes()

    def secrets(self) -> Mapping[str, bytes]:
        """Give what only the victim may be told."""
        with self.house.services.database.reading() as session:
            policy = session.get_one(Device, self.victim.teacher.device).policy_line or b""
        receipt = self.victim.ask("GET", f"/recordings/{self.delivered.id}/receipt").data
        return {"lease": self.victim.lease, "policy": policy, "receipt": receipt}


def make_scene(house: House) -> Scene:
    """Let a victim deliver one recording, and half of a segment of another."""
    victim = make_unit(house, house.add_teacher("Ada Moreno", "Room 12"))
    attacker = make_unit(house, house.add_teacher("Mal Lory", "Room 13"))
    with house.services.database.writing() as session:
        for unit in (victim, attacker):
            issue_policy(house.services, session, session.get_one(Device, unit.teacher.device))
    delivered, arriving = (house.make_lesson(victim.teacher, [made_up_segment(), made_up_segment()]) for _ in range(2))
    victim.deliver(delivered)
    victim.put_manifest(arriving)
    victim.upload(arriving, 0)
    place = victim.create(arriving, 1).headers["Location"]
    victim.patch(place, 0, arriving.objects[1][:HALF])
    return Scene(house, victim, attacker, delivered, arriving, place.rsplit("/", 1)[1])


def attack(scene: Scene, least: int = 1, *, seed: int = 1) -> Outcome:
    """Make at least that many requests, each combination equally often, and compare before and after."""
    outcome, secrets = Outcome(), scene.secrets()
    papers, before = scene.papers_of(scene.attacker), scene.state()
    attempts = list(_attempts(scene))
    attempts *= -(-least // len(attempts))
    random.Random(seed).shuffle(attempts)  # noqa: S311 - an order, not a secret
    for method, path, headers, body in attempts:
        answer = scene.attacker.web.open(path, method=method, headers=headers, data=body, environ_overrides=papers)
        outcome.tried += 1
        outcome.answers[answer.status_code] += 1
        outcome.given_away += [f"{name}: {method} {path}" for name, value in secrets.items() if value in answer.data]
    after = scene.state()
    outcome.changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    return outcome


def _attempts(scene: Scene) -> Iterator[tuple[str, str, dict[str, str], bytes]]:
    doors = list(_doors(scene))
    for (method, path), lease, (metadata, body) in itertools.product(doors, _leases(scene), _bodies(scene)):
        headers = {**TUS, **lease, "Upload-Offset": str(HALF), "Content-Type": OFFSET_STREAM}
        yield method, path, headers | metadata, body


def _doors(scene: Scene) -> Iterator[tuple[str, str]]:
    """Give every address with every method that it knows, and one that it does not."""
    mine = "a" * 26
    ids = {
        "recording": (scene.delivered.id, scene.arriving.id, scene.arriving.id.upper(), mine),
        "nonce": (mine,),
        "upload": (scene.upload, f"../uploads/{scene.upload}", f"%2e%2e/uploads/{scene.upload}", scene.upload.upper()),
    }
    for rule in scene.attacker.web.application.url_map.iter_rules():
        named = [name for name in ids if f"<{name}>" in rule.rule]
        for values in itertools.product(*(ids[name] for name in named)):
            path = rule.rule
            for name, value in zip(named, values, strict=True):
                path = path.replace(f"<{name}>", value)
            yield from ((method, path) for method in sorted((rule.methods or set()) - {"OPTIONS"} | {"PATCH"}))
    yield "GET", f"/units/v1/documents?device={scene.victim.teacher.device}"
    yield "GET", f"/units/v1/{scene.victim.teacher.device}/documents"


def _leases(scene: Scene) -> tuple[dict[str, str], ...]:
    return (scene.attacker.headers, scene.victim.headers, {})


def _bodies(scene: Scene) -> Iterator[tuple[dict[str, str], bytes]]:
    arriving, attacker = scene.arriving, scene.attacker.teacher
    forged = Lesson(
        device=arriving.device,
        owner=attacker.id,
        recorder=attacker.recorder,
        epoch=arriving.epoch,
        epoch_identity=arriving.epoch_identity,
        segments=arriving.segments,
    )
    rest = arriving.objects[1][HALF:]
    for index, body in ((1, rest), (1, bytes(len(rest))), (2, arriving.objects[2]), (1, b"")):
        whole = {
            "Upload-Length": str(len(arriving.objects[index])),
            "Upload-Metadata": encode_metadata(arriving.id, index),
        }
        yield whole, body
    for body in (arriving.manifest, scene.delivered.manifest[:-40], forged.manifest, scene.victim.lease):
        yield {}, body
    yield {"Authorization": "Basic " + base64.b64encode(f"{arriving.device}:0000-0000".encode()).decode()}, b"AAAA"


def deliver_rest(scene: Scene) -> int:
    """Let the victim go on where it was, and give how many objects its receipt names."""
    place = f"/units/v1/uploads/{scene.upload}"
    assert scene.victim.head(place).headers["Upload-Offset"] == str(HALF)
    scene.victim.patch(place, HALF, scene.arriving.objects[1][HALF:])
    return len(scene.victim.deliver(scene.arriving).items)


def as_the_victim(scene: Scene) -> Scene:
    """Give the same scene with the victim in the attacker's place: what it may do is what the attacker tried."""
    victim = scene.victim
    return Scene(scene.house, victim, victim, scene.delivered, scene.arriving, scene.upload)
