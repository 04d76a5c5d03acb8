"""Units without a secret: what waits for a person, what the person compares, and what the unit gets."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from controller.cli import group
from controller.devices.models import Device, DeviceEvent, DeviceState
from controller.enrollment import policy
from controller.enrollment.adoption import OPERATOR, Adoption, AdoptionError
from controller.enrollment.models import Certificate, EnrollmentRequest
from controller.enrollment.services import make_enrollment
from tests.unit.controller.enrollment.est_client import Answer, Joining, run


def ask(joining: Joining, key: Path, *options: str) -> Answer:
    """Ask for a certificate without a secret."""
    return joining.post("simpleenroll", joining.request(key, *options))


def fingerprint_of(key: Path) -> str:
    """Give a key's fingerprint as the unit's screen shows it, made with openssl alone."""
    spki = run("openssl", "pkey", "-in", key, "-pubout", "-outform", "DER")
    digits = run("openssl", "dgst", "-sha256", "-hex", data=spki).decode().rsplit("= ", 1)[1].strip()
    return " ".join(digits[at : at + 4] for at in range(0, 32, 4))


def adoption(joining: Joining) -> Adoption:
    """Give what a person decides with."""
    return make_enrollment(joining.house.services).adoption


def adopt(joining: Joining, key: Path, device: str) -> None:
    """Adopt a key by the fingerprint that its unit shows."""
    waiting = adoption(joining)
    waiting.adopt(waiting.find(fingerprint_of(key)).spki, device, by=OPERATOR)


def test_unit_without_a_secret_waits_for_a_person(joining: Joining) -> None:
    """202, when to ask again, and the fingerprint that openssl finds; adopted, the same key gets its certificate."""
    unit, key = joining.prepare(), joining.make_key()
    answer = ask(joining, key)
    assert (answer.status, answer.headers["retry-after"]) == (202, "30")
    assert fingerprint_of(key) in answer.words
    assert ask(joining, key).status == 202
    adopt(joining, key, unit.device)
    stored = joining.keep(ask(joining, key), key)
    assert joining.ask_units("/units/v1/documents", stored, key).status == 200
    again = ask(joining, key)
    assert again.certificates()[0] in stored.read_bytes()
    assert joining.enroll(unit, joining.make_key("late")).status == 401, "its one-time secret ended with the adoption"
    with joining.house.services.database.reading() as session:
        told = session.execute(select(DeviceEvent.what, DeviceEvent.by)).all()
    assert [tuple(line) for line in told][2:] == [("adopted", "operator"), ("enrolled", "operator")]


def test_adoption_is_of_one_key_only(joining: Joining) -> None:
    """Another key that asks at the same time from the same place goes on waiting."""
    unit, ours, stranger = joining.prepare(), joining.make_key(), joining.make_key("stranger")
    for key in (ours, stranger):
        ask(joining, key)
    adopt(joining, ours, unit.device)
    assert [ask(joining, key).status for key in (stranger, ours)] == [202, 200]


def test_key_that_joined_by_a_secret_waits_no_more(joining: Joining) -> None:
    """A unit that was given a secret after it had asked without one is off the list."""
    unit, key = joining.prepare(), joining.make_key()
    ask(joining, key)
    joining.join(unit, key)
    assert adoption(joining).waiting() == []


def test_hint_is_shown_in_one_line_and_never_believed(joining: Joining) -> None:
    """What the request says of itself stands beside it, cut to what fits; the certificate has the registry's name."""
    unit, key = joining.prepare(), joining.make_key()
    ask(joining, key, "-subj", "/CN=Room 99\n; rm -rf/serialNumber=" + "9" * 60)
    (row,) = adoption(joining).waiting()
    assert "Room 99" in row.hint
    assert row.hint.isprintable()
    assert len(row.hint) <= 120
    adopt(joining, key, unit.device)
    text = run("openssl", "x509", "-noout", "-subject", data=ask(joining, key).certificates()[0])
    assert text.decode().strip() == f"subject=CN = {unit.device}"


def test_refused_key_is_told_so(joining: Joining) -> None:
    """403 from then on; after a week it may ask again."""
    key = joining.make_key()
    ask(joining, key)
    waiting = adoption(joining)
    waiting.refuse(waiting.find(fingerprint_of(key)).spki, by=OPERATOR)
    answer = ask(joining, key)
    assert (answer.status, "a person refused this key" in answer.words) == (403, True)
    with pytest.raises(AdoptionError, match="does not wait"):
        waiting.adopt(joining_spki(joining), "a" * 26, by=OPERATOR)
    joining.house.clock.pass_time(policy.REFUSAL_LASTS + timedelta(seconds=1))
    ask(joining, joining.make_key("other"))  # whoever asks next sweeps
    assert ask(joining, key).status == 202


def joining_spki(joining: Joining) -> str:
    """Give the key of the only request."""
    with joining.house.services.database.reading() as session:
        return session.scalars(select(EnrollmentRequest.spki)).one()


def test_flood_of_requests_is_bounded(joining: Joining) -> None:
    """From one address five wait, the sixth is 429; one that waits already may go on asking; a day later they go."""
    keys = [joining.make_key(f"flood-{number}") for number in range(6)]
    answers = [ask(joining, key) for key in keys]
    assert [answer.status for answer in answers] == [202] * 5 + [429]
    assert answers[5].headers["retry-after"] == "300"
    assert ask(joining, keys[0]).status == 202
    joining.house.clock.pass_time(policy.WAITING_LASTS + timedelta(seconds=1))
    assert ask(joining, keys[5]).status == 202
    assert len(adoption(joining).waiting()) == 1


def test_adoption_does_not_hold_for_ever(joining: Joining) -> None:
    """A key that was adopted and came back after a week needs a person again, and no certificate is made."""
    unit, key = joining.prepare(), joining.make_key()
    ask(joining, key)
    adopt(joining, key, unit.device)
    joining.house.clock.pass_time(policy.ADOPTION_LASTS)
    answer = ask(joining, key)
    assert (answer.status, "the adoption of this key is over" in answer.words) == (403, True)
    with joining.house.services.database.reading() as session:
        assert session.scalars(select(Certificate)).all() == []


@pytest.mark.parametrize("state", [DeviceState.QUARANTINED, DeviceState.RETIRED, DeviceState.LOST])
def test_key_is_not_adopted_for_a_unit_out_of_use(joining: Joining, state: DeviceState) -> None:
    """Neither a unit that is gone nor an id that is none can be adopted as."""
    unit, key = joining.prepare(), joining.make_key()
    ask(joining, key)
    with joining.house.services.database.writing() as session:
        session.get_one(Device, unit.device).state = state
    for device in (unit.device, "a" * 26):
        with pytest.raises(AdoptionError, match="no unit that can join"):
            adopt(joining, key, device)


def test_commands_list_adopt_and_refuse(joining: Joining, tmp_path: Path) -> None:
    """The command line shows what to compare and takes a fingerprint however it is typed; a wrong digit adopts none."""
    core = joining.house.services.config.controller
    config = tmp_path / "controller.toml"
    config.write_text(f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n')
    unit, key, other = joining.prepare(), joining.make_key(), joining.make_key("other")

    def command(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(group, ["enrollment", words[0], "--config", str(config), *words[1:]])
        return done.exit_code, done.output

    assert command("list") == (0, "No unit waits for a person.\n")
    for asking in (key, other):
        ask(joining, asking)
    code, output = command("list")
    assert code == 0
    for words in (fingerprint_of(key), fingerprint_of(other), "from 127.0.0.1", unit.device, "not to be believed"):
        assert words in output
    typed = fingerprint_of(key).upper().replace(" ", ":")
    wrong = typed[:-1] + ("0" if typed[-1] != "0" else "1")
    code, output = command("adopt", wrong, "--unit", unit.device)
    assert (code, "if it differs by a single digit" in output) == (1, True)
    assert command("adopt", typed, "--unit", unit.device)[0] == 0
    assert command("refuse", fingerprint_of(other)) == (0, "Refused.\n")
    assert [ask(joining, asking).status for asking in (key, other)] == [200, 403]
    assert command("list") == (0, "No unit waits for a person.\n")
