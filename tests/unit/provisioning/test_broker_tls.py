"""Who gets through the broker's TLS: the school's own units and its bridge, and nobody with anything else."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from protocol.pki import Credential, issue_crl, issue_device, issue_issuing_authority, issue_root_authority
from protocol.topics import Up, up_topic
from tests.impostors import AGES, TLS_REFUSES, make_impostors
from tests.mqtt_wire import GRANTED, Papers, dial
from tests.revoking import wait_for
from tests.school import new_id
from tests.school_broker import SchoolBroker, school_broker
from tests.tls_client import NEW, OLD, speaks

NOW = datetime.now(UTC)
DEVICE = new_id()
REFUSED = r"alert|EOF|hung up|reset|pipe"


@pytest.fixture(scope="module")
def root() -> Credential:
    """The school's root CA, some months old."""
    return issue_root_authority("A school's root", now=NOW - AGES)


@pytest.fixture(scope="module")
def broker(root: Credential) -> Iterator[SchoolBroker]:
    """A broker that nobody has been revoked at."""
    with school_broker(issue_issuing_authority(root, "A school", now=NOW - AGES), root=root, now=NOW) as running:
        yield running


def get_in(broker: SchoolBroker, papers: Papers) -> None:
    """Open a session on the units' listener and speak; raise `OSError` when that cannot be."""
    with broker.dial_unit(papers) as wire:
        assert wire.connect(DEVICE) == GRANTED
        wire.publish(up_topic(DEVICE, Up.HEALTH), b"here", qos=1)
        wire.settle()


def test_unit_of_the_school_gets_in(broker: SchoolBroker) -> None:
    """What the tests below refuse is not refused for another reason."""
    get_in(broker, broker.papers("good", issue_device(broker.authority, DEVICE, now=NOW)))


@pytest.mark.parametrize("fault", TLS_REFUSES)
def test_certificate_with_a_fault_is_refused(broker: SchoolBroker, root: Credential, fault: str) -> None:
    """At the units' listener and at the bridge's."""
    impostor = make_impostors(root, broker.authority, DEVICE, now=NOW)[fault]
    papers = broker.papers(fault.replace(" ", "-"), impostor)
    with pytest.raises(OSError, match=REFUSED):
        get_in(broker, papers)
    with pytest.raises(OSError, match=REFUSED):
        broker.dial_bridge(papers).connect(DEVICE)


def test_nobody_gets_in_without_a_certificate(broker: SchoolBroker) -> None:
    """No name and no password helps."""
    for port in (broker.plan.units_port, broker.plan.bridge_port):
        with pytest.raises(OSError, match=REFUSED):
            dial(port, Papers(authority=broker.files / "ca.pem")).connect(DEVICE)


@pytest.mark.parametrize("version", OLD)
def test_old_tls_is_refused(broker: SchoolBroker, version: str) -> None:
    """TLS 1.0 and 1.1 end in the handshake, on both listeners."""
    assert not speaks(broker.plan.units_port, version)
    assert not speaks(broker.plan.bridge_port, version)


@pytest.mark.parametrize("version", NEW)
def test_new_tls_is_spoken(broker: SchoolBroker, version: str) -> None:
    """The check above can fail: the same client speaks TLS 1.2 and 1.3 with the broker."""
    papers = broker.papers("good", issue_device(broker.authority, DEVICE, now=NOW))
    assert speaks(broker.plan.units_port, version, "-cert", str(papers.certificate), "-key", str(papers.key))


def test_list_of_every_authority_counts(root: Credential) -> None:
    """With two issuing CAs one file holds both lists; a certificate of a CA without a list is refused, not trusted."""
    old, new = (issue_issuing_authority(root, f"Issuing {number}", now=NOW) for number in (1, 2))
    with school_broker(new, root=root, now=NOW) as broker:
        ours = {each: broker.papers(name, issue_device(each, DEVICE, now=NOW)) for name, each in _named(old, new)}
        get_in(broker, ours[new])
        with pytest.raises(OSError, match=REFUSED):
            get_in(broker, ours[old])
        broker.put_crl([issue_crl(each, [], now=NOW) for each in (new, old)])
        broker.reload()
        wait_for(lambda: _is_let_in(broker, ours[old]))
        get_in(broker, ours[new])


def _named(*authorities: Credential) -> Iterator[tuple[str, Credential]]:
    for number, authority in enumerate(authorities):
        yield f"of-{number}", authority


def _is_let_in(broker: SchoolBroker, papers: Papers) -> bool:
    try:
        get_in(broker, papers)
    except OSError:
        return False
    return True


def test_session_cannot_be_resumed_past_a_revocation(root: Credential) -> None:
    """A TLS session from before is worth nothing once the list was read, though resuming skips all checks."""
    with school_broker(issue_issuing_authority(root, "Issuing", now=NOW), root=root, now=NOW) as broker:
        credential = issue_device(broker.authority, DEVICE, now=NOW)
        papers = broker.papers("unit", credential)
        context = papers.context()
        with dial(broker.plan.units_port, papers, context=context) as before:
            assert before.connect(DEVICE) == GRANTED
            before.settle()
            assert isinstance(before.socket, ssl.SSLSocket)
            session = before.socket.session
        with dial(broker.plan.units_port, papers, context=context, session=session) as again:
            assert again.connect(DEVICE) == GRANTED
            assert isinstance(again.socket, ssl.SSLSocket)
            assert again.socket.session_reused, "else this proves nothing"
        broker.revoke(credential)
        broker.reload()
        wait_for(lambda: not _is_let_in(broker, papers))
        with pytest.raises(OSError, match=REFUSED):
            dial(broker.plan.units_port, papers, context=context, session=session).connect(DEVICE)
