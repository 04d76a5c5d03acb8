"""The uploader process: one loop that looks at spool and lease, does the next step and remembers what came of it.

What comes next is decided in device/uploads/plan.py; what the unit believes, by the document store. The loop never
writes into the spool, never erases footage, and may be killed at any time: what the controller acknowledged and the
few records in `uploads/` are all that it goes on from.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from device.config import DeviceConfig, UploadTable
from device.hardware.clock import SystemClock
from device.identity import DocumentStore, load_root
from device.identity.tls import tls_files
from device.refused import RefusedFile
from device.uploads.asking import Asker, Sources
from device.uploads.backlog import Backlogs, receipts_at
from device.uploads.client import Client, ClientSettings, Door, LinkError
from device.uploads.courier import Courier
from device.uploads.courtesy import RoundTrip
from device.uploads.delivery import Delivery
from device.uploads.endpoints import Endpoints, LeaseRefusedError, RefusalError
from device.uploads.gauge import Gauge
from device.uploads.inbox import Inbox
from device.uploads.introduction import introduce
from device.uploads.knocking import Knocking
from device.uploads.leases import Leases
from device.uploads.parcel import EndedError, Pacer, no_round_trip
from device.uploads.pause import Pause
from device.uploads.plan import AskForLease, Item, Patience, Rest, plan_next
from device.uploads.records import Records
from device.uploads.spooled import Look, Spool
from device.uploads.statement import Statement
from device.uploads.told import ToldTime
from device.uploads.work import Job, LinkTroubleError, Worker
from device.world import REAL_WORLD, Stop, World
from protocol.documents import Receipt
from protocol.durable import REAL
from protocol.keyfiles import load_verifying_key

log = logging.getLogger(__name__)
DOCUMENTS_EVERY_S = 3600.0
FIRST_DOCUMENTS_S = 60.0
TIME_WITHIN_S = 60.0  # a question for the time is open for five minutes
_NAME = re.compile(r"\b[a-z2-7]{26}\b")  # the form of an identifier (protocol.ids)


def run(config: DeviceConfig, stop: Stop) -> None:
    """Run the uploader until `stop` is set; raise `KeyFileError`, `AddressError` or `OSError` when it cannot begin."""
    settings = ClientSettings(
        url=config.controller.url,
        tls=tls_files(config),
        connect_timeout_s=config.upload.timeout_s,
        read_timeout_s=config.upload.timeout_s,
    )
    client = Client(settings)
    try:
        told = ToldTime(client, REAL_WORLD, SystemClock().is_trusted)
        make_uploader(config, told, world=told.world, stop=stop, round_trip=client.round_trip).run()
    finally:
        client.close()


def make_uploader(
    config: DeviceConfig,
    door: Door,
    *,
    world: World,
    stop: Stop,
    round_trip: Callable[[], RoundTrip | None] = no_round_trip,
) -> Uploader:
    """Put the uploader together from the unit's configuration; `round_trip` gives that of the door's connection."""
    data, upload = config.data, config.upload
    store = DocumentStore(data / "state", device=config.device.id, root=load_root(data / "identity"), files=REAL)
    spool = Spool(data / "spool", load_verifying_key(data / "identity" / "recorder.pub"))
    records = Records(data / "uploads")
    inbox = Inbox(Endpoints(door), store, partial(introduce, data / "state"))
    worker = Worker(
        endpoints=Endpoints(door),
        inbox=inbox,
        delivery=Delivery(
            door=door,
            pacer=Pacer(world, stop, round_trip),
            gauge=Gauge(data / "uploads"),
            piece_bytes=upload.chunk_bytes,
        ),
        spool=spool,
        records=records,
        patience=Patience(least_s=upload.retry_min_s, most_s=upload.retry_max_s),
        jitter=world.jitter,
    )
    leases, knocking = Leases(store, world), Knocking(RefusedFile(data / "uploads"))
    asking = Sources(
        inbox=inbox,
        leases=leases,
        store=store,
        backlogs=Backlogs(
            data,
            spool,
            records,
            receipts=lambda: receipts_at(store, leases.now()),
            reserve_bytes=config.limits.spool_reserve_bytes,
        ),
        knocking=knocking,
    )
    parts = Parts(
        worker=worker,
        inbox=inbox,
        store=store,
        leases=leases,
        statement=Statement(Endpoints(door), data / "recorder" / "epochs"),
        courier=_make_courier(config, Endpoints(door), world),
        knocking=knocking,
        asker=Asker(asking, worker.patience, world=world),
    )
    return Uploader(upload, parts, world=world, stop=stop)


def _make_courier(config: DeviceConfig, endpoints: Endpoints, world: World) -> Courier:
    patience = Patience(least_s=config.upload.retry_min_s, most_s=min(config.upload.retry_max_s, TIME_WITHIN_S))
    folder, state = config.data / "recorder", config.data / "state"
    return Courier(endpoints, folder=folder, state=state, pause=Pause(patience, world))


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the loop works with."""

    worker: Worker
    inbox: Inbox
    store: DocumentStore
    leases: Leases
    statement: Statement
    courier: Courier
    knocking: Knocking
    asker: Asker


class Uploader:
    """The loop: what it looks at, and when it may bother the controller again."""

    def __init__(self, settings: UploadTable, parts: Parts, *, world: World, stop: Stop) -> None:
        self._worker = parts.worker
        self._inbox = parts.inbox
        self._store = parts.store
        self._leases = parts.leases
        self._statement = parts.statement
        self._courier = parts.courier
        self._knocking = parts.knocking
        self._asker = parts.asker
        self._look_every_s = settings.look_every_s
        self._world = world
        self._stop = stop
        patience = Patience(least_s=settings.retry_min_s, most_s=settings.retry_max_s)
        self._link_pause = Pause(patience, world)
        self._documents_pause = Pause(patience, world)
        self._documents_pause.wait(FIRST_DOCUMENTS_S * world.jitter())

    def run(self) -> None:
        """Turn until `stop` is set."""
        while not self._stop.is_set():
            self._stop.wait(self.turn())

    def turn(self) -> float:
        """Do one step and give the seconds until the next is worth while."""
        try:
            return self._turn()
        except OSError as error:
            log.error("the unit's card refuses: %s", error.strerror)  # a path would name a recording
            return self._look_every_s

    def _turn(self) -> float:
        look = self._worker.look()
        if self._link_pause.left_s > 0:
            return min(self._link_pause.left_s, self._look_every_s)
        self._fetch_documents_when_due()
        self._courier.carry(self._leases.line_in_force)
        self._asker.renew_when_due()
        now = self._leases.now()
        held = self._leases.current(now)
        match plan_next(self._items(look, now), held.document, now):
            case AskForLease():
                return min(self._asker.ask_when_due(), self._look_every_s)
            case Rest():
                return self._look_every_s
            case step:
                permit = self._leases.permit(held, before=self._asker.renew_when_due)
                return self._attempt(Job(step=step, permit=permit, now=now))

    def _items(self, look: Look, now: datetime) -> Iterator[Item]:
        for recording in look.recordings:
            name = recording.recording
            yield Item(
                recording=recording,
                record=self._worker.records.load(name),
                receipt=partial(self._held_receipt, name, now),
            )

    def _held_receipt(self, recording: str, now: datetime) -> Receipt | None:
        return self._store.load_receipt(recording, now).document

    def _attempt(self, job: Job) -> float:
        try:
            self._worker.perform(job)
        except EndedError as ended:
            log.debug("sending stopped: %s", ended)
        except LeaseRefusedError as refusal:
            log.debug("%s", refusal)
            self._leases.refuse_shown()
        except LinkTroubleError as trouble:
            log.warning("%s", _NAME.sub("…", str(trouble)))  # a log that IT reads names no recording (promise P7)
            self._link_pause.lengthen()
        else:
            self._link_pause.clear()
        return 0.0

    def _fetch_documents_when_due(self) -> None:
        if self._documents_pause.left_s > 0:
            return
        try:
            self._inbox.fetch_documents()
        except (LinkError, RefusalError) as error:
            log.info("no documents: %s", error)
            self._knocking.note_refusal(error)
            self._documents_pause.lengthen()
        else:
            self._documents_pause.clear()
            self._documents_pause.wait(DOCUMENTS_EVERY_S * (0.5 + self._world.jitter()))
            self._statement.send(self._leases.line_in_force())
