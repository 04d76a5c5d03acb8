"""Puts enrollment and renewal together out of the unit's configuration, for the commands of device/cli.py.

Which doors lead to the controller is decided here; what happens behind them, in the neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from device.config import DeviceConfig
from device.enrollment.client import EitherDoor, EnrollmentClient, Refused
from device.enrollment.joining import NEW_KEYS_WORDS, EnrollmentRefused, Joining, Parts, Wishes
from device.enrollment.plan import Fit
from device.enrollment.renewing import Doors, RenewalFailed, Renewing, Watch
from device.enrollment.store import EnrollmentStore, places_of
from device.enrollment.succession import SuccessionRefused, recorder_at_rest, succeed
from device.hardware.clock import SystemClock
from device.identity import DocumentStore, load_root
from device.identity.tls import Credentials, PinnedRoot, SystemAuthorities, tls_files
from device.uploads.client import Client, ClientSettings
from device.uploads.endpoints import Endpoints
from device.uploads.inbox import Inbox
from device.uploads.introduction import introduce
from device.world import Stop, World
from protocol.durable import REAL, Files

__all__ = [
    "EnrollmentRefused",
    "NotEnrolled",
    "Refused",
    "RenewalFailed",
    "SuccessionRefused",
    "Wishes",
    "Workshop",
    "enroll",
    "real_workshop",
    "renew_key",
    "renew_now",
    "renew_when_due",
    "replace_recorder_key",
]


class NotEnrolled(Exception):
    """The unit has no certificate that it could renew; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Time, chance and disk, as tests replace them, and who is told what happens."""

    world: World
    is_clock_trusted: Callable[[], bool]
    say: Callable[[str], None]
    files: Files = REAL

    @property
    def watch(self) -> Watch:
        """Give the clock with what it is worth."""
        return Watch(now=self.world.now, is_trusted=self.is_clock_trusted)


def real_workshop(world: World, say: Callable[[str], None]) -> Workshop:
    """Give the machine's own clock and disk."""
    return Workshop(world=world, is_clock_trusted=SystemClock().is_trusted, say=say)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """The controller's listeners, opened for one run."""

    units: Client
    people: EnrollmentClient | None

    @property
    def doors(self) -> Doors:
        """Give them as enrollment asks them."""
        return Doors(units=EnrollmentClient(self.units), people=self.people)


@contextmanager
def open_doors(config: DeviceConfig, shop: Workshop) -> Iterator[Opened]:
    """Give the doors to the controller; raise `AddressError`."""
    pinned = PinnedRoot(authority=config.data / "identity" / "ca.pem", is_clock_trusted=shop.is_clock_trusted)
    units = _client(config.controller.url, tls_files(config, shop.is_clock_trusted), config)
    people = [
        _client(config.enrollment.url, credentials, config)
        for credentials in (pinned, SystemAuthorities())
        if config.enrollment.url
    ]
    try:
        yield Opened(units=units, people=EnrollmentClient(EitherDoor(*people)) if people else None)
    finally:
        for client in (units, *people):
            client.close()


def _client(url: str, credentials: Credentials, config: DeviceConfig) -> Client:
    timeout_s = config.upload.timeout_s
    return Client(ClientSettings(url=url, tls=credentials, connect_timeout_s=timeout_s, read_timeout_s=timeout_s))


def enroll(config: DeviceConfig, wishes: Wishes, stop: Stop, shop: Workshop, secret: Path | None = None) -> bool:
    """Enroll the unit; give False when it was stopped, or its patience ended, before.

    Raises `EnrollmentRefused`, `ProtocolError` or `OSError`.
    """
    store = EnrollmentStore(places_of(config, secret), config.device.id, shop.files)
    with open_doors(config, shop) as opened:
        if opened.people is None:
            raise EnrollmentRefused("device.toml has no [enrollment] url; add the address of the controller's pages")
        parts = Parts(
            device=config.device.id,
            store=store,
            people=opened.people,
            units=opened.doors.units,
            renewing=Renewing(store, opened.doors, shop.watch, device=config.device.id),
            fetch=_inbox(config, opened.units, shop.files).fetch_documents,
            watch=shop.watch,
        )
        return Joining(parts, wishes, shop.world, shop.say).run(stop)


def _inbox(config: DeviceConfig, door: Client, files: Files) -> Inbox:
    state, root = config.data / "state", load_root(config.data / "identity")
    store = DocumentStore(state, device=config.device.id, root=root, files=files)
    return Inbox(Endpoints(door), store, partial(introduce, state))


def renew_when_due(config: DeviceConfig, shop: Workshop) -> None:
    """Renew the certificate when it is due; raise `NotEnrolled`, `RenewalFailed`, `ProtocolError` or `OSError`."""
    store = _require_enrolled(config, shop)
    with open_doors(config, shop) as opened:
        due_at = Renewing(store, opened.doors, shop.watch, device=config.device.id).renew_when_due(store.certificate())
    _say_end(store, shop, f"nothing to do before {due_at:%Y-%m-%d}" if due_at else "renewed")


def renew_now(config: DeviceConfig, shop: Workshop) -> None:
    """Renew the certificate now, whether it is due or not."""
    store = _require_enrolled(config, shop)
    with open_doors(config, shop) as opened:
        renewing = Renewing(store, opened.doors, shop.watch, device=config.device.id)
        renewing.renew_now(store.certificate(), store.tls_key())
    _say_end(store, shop, "renewed")


def renew_key(config: DeviceConfig, shop: Workshop) -> None:
    """Replace the TLS key by a new one, and renew once more, which ends the old key's certificates at the controller.

    It can be cut off at every step: repeated, it goes on with the key that was made.
    """
    store = EnrollmentStore(places_of(config), config.device.id, shop.files)
    store.sweep()
    if store.fit() is not Fit.STAGED:
        _require_enrolled(config, shop)
        store.stage_tls_key()
        with open_doors(config, shop) as opened:
            renewing = Renewing(store, opened.doors, shop.watch, device=config.device.id)
            renewing.renew_now(store.certificate(), store.wanted_key())
    store.keep_staged_key()
    renew_now(config, shop)
    shop.say(f"the old key's certificates are revoked; {NEW_KEYS_WORDS}")


def replace_recorder_key(config: DeviceConfig, shop: Workshop) -> None:
    """Replace the recorder's signing key by one that the present one vouches for.

    Raises `SuccessionRefused`, `NotEnrolled`, `Refused`, `LinkError`, `ProtocolError` or `OSError`.
    """
    store = _require_enrolled(config, shop)
    with recorder_at_rest(config), open_doors(config, shop) as opened:
        store.sweep()
        key_id = succeed(store, opened.doors.units, device=config.device.id)
    shop.say(f"the recorder signs with key {key_id} from now on; start it again")


def _require_enrolled(config: DeviceConfig, shop: Workshop) -> EnrollmentStore:
    store = EnrollmentStore(places_of(config), config.device.id, shop.files)
    fit = store.fit()
    if fit is not Fit.OURS:
        raise NotEnrolled(f"{config.certificate}: {fit.value}; run, as root: backrow device enroll")
    return store


def _say_end(store: EnrollmentStore, shop: Workshop, words: str) -> None:
    ends_at = store.certificate()[0].not_valid_after_utc
    shop.say(f"{words}; the certificate ends on {ends_at:%Y-%m-%d}")
