"""A unit that has joined, without its process: prepared, its keys made here, its secret claimed, its files laid out.

For tests that need a unit and not the way it came by its certificate; that way is tests/unit/controller/enrollment's.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from controller.devices.models import Device
from controller.devices.preparing import prepare_device
from controller.devices.services import NewDevice
from controller.enrollment.recorder_keys import take_recorder_key
from controller.enrollment.services import make_enrollment
from controller.keys import load_authority
from controller.services import Services
from protocol.durable import SHARED, replace_file
from protocol.enrollment import RecorderKey, issue_recorder_key
from protocol.keyfiles import store_signing_key
from protocol.pki import Credential, make_request, parse_request, presented_chain
from protocol.signing import SigningKey


def add_device(services: Services, wanted: NewDevice, out: Path) -> Device:
    """Prepare a unit, let it join, and write to `out` what is on its card then; give its row."""
    device = prepare_device(services, wanted, out).device
    key, recorder = ec.generate_private_key(ec.SECP256R1()), SigningKey.generate()
    request = parse_request(make_request(key, device))
    secret = (out / "secret").read_text("ascii")
    leaf = make_enrollment(services).claims.claim(request, device=device, secret=secret, address="127.0.0.1")
    said = RecorderKey(device=device, key=recorder.verifying.encode())
    take_recorder_key(services, device, issue_recorder_key(said, recorder))
    chain = presented_chain(load_authority(services.config.controller.keys))
    _store(out, Credential(leaf, key, chain), recorder)
    with services.database.reading() as session:
        row = session.get_one(Device, device)
    replace_file(out / "data" / "state" / "policy", row.policy_line or b"", mode=SHARED)
    return row


def _store(out: Path, credential: Credential, recorder: SigningKey) -> None:
    identity, certificate = out / "data" / "identity", out / "data" / "certificate"
    certificate.mkdir(mode=0o750)
    replace_file(identity / "tls.key", credential.key_pem())
    replace_file(certificate / "tls.pem", credential.certificate_pem(), mode=SHARED)
    store_signing_key(identity / "recorder.key", recorder, "recorder")
    replace_file(identity / "recorder.pub", f"{recorder.verifying.encode()}\n".encode(), mode=SHARED)
    (out / "secret").unlink()
