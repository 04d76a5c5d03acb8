"""The one place that picks implementations: which store, which clock, which rooms are behind which door.

Opens no socket and starts no thread; the database connects when it is first asked. Rooms and links are imported only
by the process that has them: a command that adds a unit needs no web framework and no MQTT.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import ArgumentError

from controller.config import Config
from controller.db import Database
from controller.errors import OperatorError
from controller.keys import ROOT_CA
from controller.live_keys import LiveKeys
from controller.recordings.keystore import KeyStore
from controller.recordings.manifests import Manifests
from controller.recordings.store import FolderStore
from controller.services import Services

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from sqlalchemy.orm import Session

    from controller.accounts.roles import RoleChange, Roles
    from controller.bridge.link import BridgeSettings

    Register = Callable[[Flask, Services], None]


def make_services(config: Config) -> Services:
    """Put the parts of a controller process together; raise `OperatorError` when keys or folders cannot be used."""
    live_keys = LiveKeys(config.controller.keys)
    objects = FolderStore(config.controller.data)
    return Services(
        config=config,
        database=open_database(config),
        live_keys=live_keys,
        objects=objects,
        key_store=KeyStore(config.controller.key_store, live_keys.current()),
        manifests=Manifests(objects),
        clock=lambda: datetime.now(UTC),
        random_bytes=os.urandom,
    )


def open_database(config: Config) -> Database:
    """Make the database's engine, which connects later; raise `OperatorError` for a URL that names no usable one."""
    try:
        return Database(config.database_url)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise OperatorError(
            f"[controller] database: {error}; write a URL like sqlite:////var/lib/backrow/controller.sqlite3 or "
            "postgresql+psycopg://user@host/name, and install the driver that it names"
        ) from None


def make_roles(services: Services) -> Roles:
    """Give the roles of people; a change of one tells the units in the same transaction, for only teachers own."""
    from controller.accounts.models import Role
    from controller.accounts.roles import Roles
    from controller.devices.policies import reissue_for_account

    def tell_units(session: Session, change: RoleChange) -> None:
        if change.held.role is Role.TEACHER:
            reissue_for_account(services, session, change.account)

    return Roles(database=services.database, now=services.clock, changed=tell_units)


def _account_pages(app: Flask, services: Services) -> None:
    from controller.accounts import views

    views.register(app, services, roles=make_roles(services))


def people_rooms() -> tuple[Register, ...]:
    """Give the rooms behind the people's door; each adds its blueprint and, first of all, its guards."""
    from controller.auth import guards
    from controller.calendar import views as calendar_pages
    from controller.claims import views as claim_pages
    from controller.consent import settings
    from controller.devices import views as unit_pages
    from controller.enrollment import est_views, page_views, renewal_views
    from controller.forms import views as form_pages
    from controller.masks import views as mask_pages
    from controller.nights import views as night_pages
    from controller.recordings import views as recording_pages
    from controller.rest import views as rest
    from controller.roster import views as class_pages
    from controller.timetable import views as room_pages
    from controller.today import room_views
    from controller.today import views as lesson_pages
    from controller.uploads import today_views

    pages = (_account_pages, recording_pages.register, unit_pages.register, calendar_pages.register)
    joining = (page_views.register, est_views.register, renewal_views.register)
    nights = (night_pages.register, today_views.register)
    classes = (class_pages.register, room_pages.register, form_pages.register, mask_pages.register)
    lessons = (lesson_pages.register, room_views.register, claim_pages.register)
    return (guards.register, *pages, *nights, *joining, *classes, *lessons, *settings.ROOMS, rest.register)


def units_rooms() -> tuple[Register, ...]:
    """Give the rooms behind the units' door."""
    from controller.devices import time_views, unit_views
    from controller.enrollment import est_views, key_views
    from controller.epochs import unit_views as epochs
    from controller.uploads import views as uploads

    told = (unit_views.register, time_views.register, epochs.register)
    return (uploads.register, *told, est_views.register, key_views.register)


def bridge_settings(config: Config) -> BridgeSettings:
    """Say where the bridge finds the broker, and with which files it proves itself there."""
    from controller.bridge.link import BridgeSettings, TlsFiles

    broker = config.broker
    tls = None
    if broker.tls:
        tls = TlsFiles(authority=config.controller.keys / ROOT_CA, certificate=broker.certificate, key=broker.key)
    return BridgeSettings(host=broker.host, port=broker.port, tls=tls)
