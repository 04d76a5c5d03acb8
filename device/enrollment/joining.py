"""Brings a unit from a bundle to *enrolled*: one step after the other, each of which can be cut off and done again.

What comes next is decided in device/enrollment/plan.py. It waits for the network and for a person as long as it takes,
and ends early only for a refusal that waiting does not change. Defined in docs/protocol/enrollment.md, "The unit".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from device.enrollment.checking import choose_chain, inside
from device.enrollment.client import EnrollmentClient, Refused, Waiting
from device.enrollment.plan import Patience, Standing, Step, plan_next
from device.enrollment.renewing import RenewalFailed, Renewing, Watch
from device.enrollment.store import EnrollmentStore
from device.uploads.client import LinkError
from device.uploads.endpoints import RefusalError
from device.world import Stop, World
from protocol.enrollment import RecorderKey, issue_recorder_key, parse_secret
from protocol.errors import ProtocolError
from protocol.pki import make_request, spell_fingerprint, spki_digest

FINISH_SUCCESSION = "finish it, with the recorder stopped: backrow device new-recorder-key"
JOIN_ANEW = (
    "make a new one-time secret (backrow controller device secret), and join with a new key (backrow device enroll "
    "--new-key)"
)
NEW_KEYS_WORDS = "the agent and the uploader take up a new key when they are started anew"


class EnrollmentRefused(Exception):
    """The controller said no, and waiting does not change that: its words, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a unit enrolls with; `fetch` fetches the school's documents over the units' listener and keeps them."""

    device: str
    store: EnrollmentStore
    people: EnrollmentClient
    units: EnrollmentClient
    renewing: Renewing
    fetch: Callable[[], None]
    watch: Watch


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What whoever started the run wants: a new key, and for how many seconds it is to be tried (None: as long as it
    takes)."""

    new_key: bool = False
    patience_s: float | None = None


class Joining:
    """One run; `say` is told what happens, each thing once."""

    def __init__(self, parts: Parts, wishes: Wishes, world: World, say: Callable[[str], None]) -> None:
        self._parts = parts
        self._store = parts.store
        self._wishes = wishes
        self._world = world
        self._tell = say
        self._said = ""
        self._done: set[Step] = set()
        self._failures = 0
        self._secret_is_good = True
        self._secret_is_missed = False
        self._give_up_at_s = world.monotonic_s() + (wishes.patience_s or 0.0)

    def run(self, stop: Stop) -> bool:
        """Go on until the unit is enrolled; give False when it was stopped, or its patience ended, before.

        Raises `EnrollmentRefused`, `OSError` for a disk that fails, and `ProtocolError` for a key or a bundle that
        cannot be used.
        """
        self._store.sweep()
        if self._wishes.new_key:
            self._stage()
        while (step := plan_next(self._look())) is not None:
            if stop.is_set() or self._is_impatient():
                return False
            self._try(step, stop)
        return True

    def _stage(self) -> None:
        if self._store.has_tls_key():
            self._store.stage_tls_key()

    def _look(self) -> Standing:
        store = self._store
        return Standing(
            certificate=store.fit(),
            has_tls_key=store.has_tls_key(),
            has_staged_key=store.has_staged_key(),
            has_recorder_key=store.has_recorder_key(),
            shows_recorder_key=store.has_recorder_key() and store.shows_recorder_key(),
            has_secret=store.has_secret(),
            joins_anew=self._wishes.new_key,
            is_renewed=Step.RENEW in self._done,
            is_registered=Step.REGISTER in self._done,
            is_fetched=Step.FETCH in self._done,
        )

    def _try(self, step: Step, stop: Stop) -> None:
        try:
            self._perform(step)
            self._done.add(step)
            self._failures = 0
        except Waiting as waiting:
            self._say(f"a person must adopt this unit, who compares this fingerprint of its key: {self._fingerprint()}")
            self._pause(waiting.wait_s, stop)
        except Refused as refused:
            if not refused.is_passing:
                raise EnrollmentRefused(_explain(step, refused)) from refused
            self._say(str(refused))
            self._pause(refused.wait_s, stop)
        except RenewalFailed as failed:
            if failed.is_final:
                raise EnrollmentRefused(f"{failed}. What to do: {JOIN_ANEW}") from failed
            self._wait_for(failed, stop)
        except (LinkError, RefusalError) as error:
            self._wait_for(error, stop)

    def _wait_for(self, error: Exception, stop: Stop) -> None:
        self._say(f"not yet: {error}")
        self._pause(0.0, stop)

    def _pause(self, asked_s: float, stop: Stop) -> None:
        self._failures += 1
        stop.wait(Patience().delay(self._failures, asked_s, self._world.jitter()).total_seconds())

    def _is_impatient(self) -> bool:
        return self._wishes.patience_s is not None and self._world.monotonic_s() >= self._give_up_at_s

    def _perform(self, step: Step) -> None:
        match step:
            case Step.KEEP_STAGED_KEY:
                self._store.keep_staged_key()
                self._say(f"the new TLS key is in its place; {NEW_KEYS_WORDS}")
            case Step.MAKE_TLS_KEY:
                self._store.make_tls_key()
            case Step.MAKE_RECORDER_KEY:
                self._store.make_recorder_key()
            case Step.SHOW_RECORDER_KEY:
                self._store.show_recorder_key()
            case Step.JOIN:
                self._join()
            case Step.SHRED:
                self._store.shred_secret()
            case Step.RENEW:
                self._parts.renewing.renew_when_due(self._store.certificate())
            case Step.REGISTER:
                self._register()
            case Step.FETCH:
                self._parts.fetch()

    def _join(self) -> None:
        key, secret = self._store.wanted_key(), self._secret()
        authorities = self._parts.people.authorities()
        request = make_request(key, self._parts.device)
        try:
            given = self._parts.people.join(request, device=self._parts.device, secret=secret)
        except Refused as refused:
            if not secret or refused.is_passing:
                raise
            self._set_secret_aside(str(refused))
            return
        at = self._parts.watch.trusted_now() or authorities.at or inside(given[0])
        self._store.put_certificate(choose_chain(self._store.wanted(), given, authorities.certificates, at=at))
        self._say("the unit has its certificate")

    def _secret(self) -> str:
        """Give the one-time secret, or nothing when there is none that could help."""
        secret = self._store.secret() if self._secret_is_good else ""
        if secret:
            try:
                parse_secret(secret)
            except ProtocolError as error:
                self._set_secret_aside(str(error))
                return ""
        elif self._secret_is_good:
            self._miss_secret()
        return secret

    def _miss_secret(self) -> None:
        """Say once that no secret lies where it was said to be; one that is laid there later is still taken."""
        place = self._store.places.secret
        if place is not None and not self._secret_is_missed:
            self._secret_is_missed = True
            self._say(f"{place}: no one-time secret lies there. The unit asks to be adopted instead")

    def _set_secret_aside(self, why: str) -> None:
        """Go on without the secret: a person can adopt the unit where it hangs, and needs no new card for it."""
        self._secret_is_good = False
        self._say(f"the one-time secret lets nobody in: {why}. The unit asks to be adopted instead")

    def _register(self) -> None:
        if self._store.has_staged_recorder_key():
            self._say(f"a change of the recorder's key was cut off; {FINISH_SUCCESSION}")
            return
        key = self._store.recorder_key()
        statement = RecorderKey(device=self._parts.device, key=key.verifying.encode())
        self._parts.units.register(issue_recorder_key(statement, key))

    def _fingerprint(self) -> str:
        return spell_fingerprint(spki_digest(self._store.wanted_key().public_key()))

    def _say(self, words: str) -> None:
        if words != self._said:
            self._tell(words)
        self._said = words


def _explain(step: Step, refused: Refused) -> str:
    remedies = {
        Step.JOIN: f"if a certificate of its key was revoked, {JOIN_ANEW}",
        Step.REGISTER: "readopt the unit on the server (backrow controller device readopt), then enroll again",
    }
    remedy = remedies.get(step, "ask whoever runs Backrow at your school")
    return f"{refused}. What to do: {remedy}"
