"""Performs one step of the plan and writes down what came of it: progress, a failure with its reason, or damage.

Each kind of trouble is told apart here once: the link (everything waits), a refusal (this recording waits), a lease
that no longer holds (ask for another), a damaged card (a person is needed, the rest goes on).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from device.uploads.client import LinkError
from device.uploads.delivery import Delivery, Permit, UploadGoneError
from device.uploads.endpoints import BusyError, Endpoints, LeaseRefusedError, RefusalError
from device.uploads.inbox import Inbox
from device.uploads.parcel import Parcel, SpoolFileError
from device.uploads.plan import (
    FetchReceipt,
    Patience,
    SendManifest,
    SendObject,
    SpooledRecording,
    UploadRecord,
    note_damaged,
    note_delivered,
    note_failure,
    note_manifest,
    note_no_receipt,
    note_progress,
    note_upload,
)
from device.uploads.records import Records
from device.uploads.spooled import Look, Spool

Task: TypeAlias = SendManifest | SendObject | FetchReceipt
NO_RECEIPT = "the controller has everything that it asked for, but its receipt does not cover the recording yet"


class LinkTroubleError(Exception):
    """The controller cannot be reached or takes nothing now; no recording is to blame."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One step under one lease."""

    step: Task
    permit: Permit
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Whoever does the steps; the only writer of the records."""

    endpoints: Endpoints
    inbox: Inbox
    delivery: Delivery
    spool: Spool
    records: Records
    patience: Patience
    jitter: Callable[[], float]

    def look(self) -> Look:
        """Look at the spool, forget what is no longer there, and note what cannot be believed."""
        look = self.spool.look()
        self.records.forget_all_but(look.present)
        self.inbox.forget_all_but(look.present)
        for one in look.unreadable:
            record = self.records.load(one.recording)
            if record.needs_person != one.reason:
                self.records.save(replace(record, reason=one.reason, needs_person=one.reason))
        return look

    def perform(self, job: Job) -> None:
        """Do one step; raise `LinkTroubleError`, `LeaseRefusedError` or `EndedError` for what concerns all recordings.

        A trouble of this recording alone is written into its record, and is no error here.
        """
        recording = job.step.recording
        try:
            self._do(job)
        except LeaseRefusedError:
            raise
        except (LinkError, BusyError) as error:
            self._fail(recording, str(error), job.now)
            raise LinkTroubleError(str(error)) from error
        except (RefusalError, UploadGoneError) as error:
            self._note_refusal(recording, error, job)

    def _note_refusal(self, recording: SpooledRecording, error: RefusalError | UploadGoneError, job: Job) -> None:
        """Forget the upload, delay this recording, and ask then what is wanted of it."""
        self._save(note_upload(self._record(recording), 0, ""))
        self._fail(recording, str(error), job.now)
        self._save(replace(self._record(recording), ask_again=True))

    def _do(self, job: Job) -> None:
        match job.step:
            case SendManifest(recording):
                self._send_manifest(recording, job)
            case SendObject(recording, index):
                self._send_object(recording, index, job)
            case FetchReceipt(recording):
                self._fetch_receipt(recording, job)

    def _send_manifest(self, recording: SpooledRecording, job: Job) -> None:
        manifest = self.spool.manifest_bytes(recording)
        answer = self.endpoints.put_manifest(recording.recording, manifest, job.permit.line())
        record = self._record(recording)
        self._save(note_manifest(record, recording, lines=answer.lines, wanted=answer.wanted))

    def _send_object(self, recording: SpooledRecording, index: int, job: Job) -> None:
        parcel = self._parcel(recording, index)
        record = self._record(recording)
        upload = record.upload if record.upload_index == index else ""
        try:
            parcel.check()
            self.delivery.send(
                parcel,
                job.permit,
                upload=upload,
                note_upload=lambda address: self._save(note_upload(self._record(recording), index, address)),
            )
        except SpoolFileError as error:
            self._save(note_damaged(self._record(recording), index, str(error)))
        else:
            self._save(note_delivered(self._record(recording), index))

    def _fetch_receipt(self, recording: SpooledRecording, job: Job) -> None:
        receipt = self.inbox.fetch_receipt(recording.recording, job.permit.line(), job.now)
        record = self._record(recording)
        if recording.is_covered_by(receipt):
            self._save(note_progress(record))
        else:
            delay_s = self.patience.delay_s(record.failures + 1, self.jitter())
            self._save(note_no_receipt(record, NO_RECEIPT, now=job.now, delay_s=delay_s))

    def _parcel(self, recording: SpooledRecording, index: int) -> Parcel:
        named = recording.find(index)
        return Parcel(
            recording=recording.recording,
            index=index,
            path=self.spool.object_path(recording.recording, index),
            digest=named.digest,
            size_bytes=named.size_bytes,
        )

    def _fail(self, recording: SpooledRecording, reason: str, now: datetime) -> None:
        record = self._record(recording)
        delay_s = self.patience.delay_s(record.failures + 1, self.jitter())
        self._save(note_failure(record, reason, now=now, delay_s=delay_s))

    def _record(self, recording: SpooledRecording) -> UploadRecord:
        return self.records.load(recording.recording)

    def _save(self, record: UploadRecord) -> None:
        self.records.save(record)
