"""The jobs: leases at every tick, receipts that nobody fetched, policies, deletions, the ends of epochs, rotation.

Each job is tried at its own pace; one that fails is logged and tried again, and never keeps another from running.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.calendar.schedules import issue_due as issue_schedules
from controller.claims.keeping import keep_claims
from controller.devices.announcing import announce_keys
from controller.devices.policies import renew_policies
from controller.devices.retries import forget_old
from controller.devices.unit_commands import renew_retirements
from controller.enrollment.revocation import renew_list
from controller.epochs.services import end_due
from controller.errors import OperatorError
from controller.forms.drafts import end_drafts as end_answer_drafts
from controller.nights.keeping import keep_nights
from controller.recordings import receipts, repo
from controller.recordings.manifests import read_for_release
from controller.recordings.models import Recording
from controller.recordings.services import Stores, destroy_recording
from controller.roster.drafts import end_drafts
from controller.services import Services
from controller.storage.rotation import rotate_when_due
from controller.timetable.drafts import end_drafts as end_timetable_drafts
from controller.uploads import leases, today
from controller.uploads import repo as uploads
from controller.uploads.incoming import IncomingStore
from controller.uploads.models import UploadState
from protocol.manifest import Manifest

FORGETTING = timedelta(seconds=30)
KEYS = timedelta(seconds=15)  # after a rotation or an extension, which nobody waits for at a lamp
REVOCATIONS = timedelta(seconds=5)  # whoever revokes issues the list at once; this is for one that was killed between
SCHEDULES = timedelta(seconds=5)  # some at a time, after a change of hours, or of a unit's site or state
KEPT = timedelta(days=7)  # a client that lost its last answer asks within days, not weeks

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """Something to do again and again."""

    name: str
    every: timedelta
    perform: Callable[[], object]


def make_jobs(services: Services, incoming: IncomingStore) -> tuple[Job, ...]:
    """Give the controller's jobs."""
    tick = timedelta(seconds=services.config.uploads.tick_s)
    return (
        Job("leases", tick, lambda: leases.tick(services)),
        Job("receipts", min(tick, timedelta(seconds=5)), lambda: receipts.issue_due(services)),
        Job("revocations", REVOCATIONS, lambda: renew_list(services)),
        Job("keys", KEYS, lambda: announce_keys(services)),
        Job("schedules", min(tick, SCHEDULES), lambda: issue_schedules(services)),
        Job("policies", timedelta(hours=1), lambda: renew_policies(services)),
        Job("retirements", timedelta(hours=1), lambda: renew_retirements(services)),
        Job("claims", timedelta(minutes=1), lambda: keep_claims(services)),
        Job("deletions", timedelta(minutes=1), lambda: destroy_due(services)),
        Job("nights", timedelta(minutes=1), lambda: keep_nights(services)),
        Job("wishes for today", FORGETTING, lambda: forget_wishes(services)),
        Job("roster drafts", timedelta(minutes=10), lambda: end_drafts(services)),
        Job("timetable drafts", timedelta(minutes=10), lambda: end_timetable_drafts(services)),
        Job("answer drafts", timedelta(minutes=10), lambda: end_answer_drafts(services)),
        Job("epochs", timedelta(hours=1), lambda: end_due(services)),
        Job("storage identity", timedelta(hours=1), lambda: rotate_when_due(services)),
        Job("old uploads and leases", timedelta(hours=1), lambda: sweep_uploads(services, incoming)),
    )


def sweep_uploads(services: Services, incoming: IncomingStore) -> list[str]:
    """Remove uploads that nobody continued, what was in quarantine for long, and the rows of what is long over."""
    now = services.clock()
    over = incoming.sweep(now)
    quarantined = timedelta(days=services.config.retention.quarantine_days)
    services.objects.sweep_quarantine(now - quarantined)
    with services.database.writing() as session:
        uploads.forget_ended(session, UploadState.TAKEN_IN, now - KEPT)
        uploads.forget_ended(session, UploadState.QUARANTINED, now - quarantined)
        uploads.forget_leases(session, now - KEPT)
        forget_old(session, now)
    return over


def forget_wishes(services: Services) -> None:
    """Remove what was asked for today once it is here, or the day is over."""
    with services.database.writing() as session:
        today.forget_over(session, services.clock())


def destroy_due(services: Services) -> int:
    """Destroy the recordings whose time to undo is over; tell how many."""
    with services.database.reading() as session:
        due = repo.due_for_destruction(session, services.clock())
        manifests = [read_for_release(services.manifests, row) for row in due]
    stores = Stores(services.objects, services.key_store)
    return sum(_destroy_one(services, row.id, manifest, stores) for row, manifest in zip(due, manifests, strict=True))


def _destroy_one(services: Services, recording: str, manifest: Manifest | None, stores: Stores) -> bool:
    """Destroy one recording in a transaction of its own, unless that was undone meanwhile; tell whether it was."""
    with services.database.writing() as session:
        row = session.get_one(Recording, recording, with_for_update=True)
        if not repo.is_due_for_destruction(row, services.clock()):
            return False
        destroy_recording(session, row, manifest, stores=stores, now=services.clock())
    return True


def run_jobs(jobs: tuple[Job, ...], clock: Callable[[], datetime], stop: threading.Event) -> None:
    """Perform every job now and then again at its pace, until stopped."""
    due = {job.name: clock() for job in jobs}
    while not stop.is_set():
        now = clock()
        for job in jobs:
            if now >= due[job.name]:
                perform(job)
                due[job.name] = now + job.every
        soonest = min(due.values())
        stop.wait(max(0.05, (soonest - clock()).total_seconds()))


def perform(job: Job) -> bool:
    """Perform one job once; a failure is logged with its cause. Tell whether it went well."""
    try:
        job.perform()
    except OperatorError as error:
        log.error("job %s: %s", job.name, error)
        return False
    except Exception:
        log.exception("job %s failed; it is tried again in %s", job.name, job.every)
        return False
    return True
