"""A thousand keys claim one secret at once, over real TLS and into a real database."""

from __future__ import annotations

import base64
import http.client
import ssl
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from sqlalchemy import select

from controller import server
from controller.devices.models import DeviceEvent
from controller.enrollment import est_views
from controller.enrollment.models import Certificate, EnrollmentSecret
from controller.enrollment.policy import Limits
from protocol.enrollment import EST_PATH, PKCS10
from protocol.pki import make_request, spki_digest
from tests.unit.controller.enrollment.est_client import Joining, Unit, serving

CLAIMS = 1000
UNLIMITED = Limits(failures_of_device=10**6, failures_from_address=10**6)


def claim(url: str, context: ssl.SSLContext, unit: Unit, request: bytes, begin: Barrier) -> int:
    """Claim a secret over a connection of one's own, at the same instant as all others; give the status."""
    place = urlsplit(url)
    user = base64.b64encode(f"{unit.device}:{unit.secret}".encode()).decode()
    headers = {"Content-Type": PKCS10, "Authorization": f"Basic {user}"}
    begin.wait()
    connection = http.client.HTTPSConnection(place.hostname or "", place.port, context=context, timeout=120)
    with closing(connection):
        connection.request("POST", f"{EST_PATH}/simpleenroll", base64.b64encode(request), headers)
        return connection.getresponse().status


@pytest.mark.parametrize(
    "limits", [pytest.param(UNLIMITED, id="unlimited"), pytest.param(None, id="limited", marks=pytest.mark.soak)]
)
def test_of_a_thousand_keys_at_once_one_gets_a_certificate(joining: Joining, limits: Limits | None) -> None:
    """One 200; the others are refused, and nothing of them is stored but failures and one line of history.

    Without the limits of failures, so that each of them reaches the secret itself; and with them.
    """
    app = Flask("race")
    est_views.register(app, joining.house.services, limits)
    unit, context = joining.prepare(), ssl.create_default_context(cafile=str(joining.web_ca))
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(CLAIMS)]
    begin = Barrier(CLAIMS)
    with (
        serving(server.people_listener(app.wsgi_app, joining.house.services.config)) as url,
        ThreadPoolExecutor(CLAIMS) as clients,
    ):
        asked = [clients.submit(claim, url, context, unit, make_request(key, "x"), begin) for key in keys]
        statuses = Counter(one.result() for one in asked)
    print(f"{CLAIMS} keys at once: {dict(statuses)}")
    assert statuses.pop(200) == 1
    assert set(statuses) == ({403} if limits else {403, 429})
    assert statuses.total() == CLAIMS - 1
    with joining.house.services.database.reading() as session:
        (issued,) = session.scalars(select(Certificate)).all()
        (bound,) = session.scalars(select(EnrollmentSecret.spki)).all()
        told = session.scalars(select(DeviceEvent.what).where(DeviceEvent.what == "secret_reused")).all()
    assert issued.spki == bound
    assert bound in {spki_digest(key.public_key()) for key in keys}
    assert told == ["secret_reused"]
