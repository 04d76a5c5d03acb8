"""Preparing a unit: the bundle is what the unit's own code takes, without a key, and nothing is entered without it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from controller.bridge.models import Outbox
from controller.cli import group
from controller.config import Broker
from controller.consent.rules import MOST_SNAPSHOT_DAYS
from controller.devices.bundle import parse_settings
from controller.devices.life_commands import tell_registry
from controller.devices.models import Device, DeviceState, Health
from controller.devices.policies import renew_policies
from controller.devices.preparing import prepare_device, renew_secret
from controller.devices.services import NewDevice
from controller.enrollment.models import EnrollmentSecret
from controller.errors import OperatorError
from device.config import CameraKind, load_config
from device.microphone_settings import MicrophoneKind
from protocol.documents import Keyring, Policy, Recipients, Trust, verify_document
from protocol.enrollment import digest_secret, parse_secret
from protocol.keyfiles import load_verifying_key
from tests.house import House, make_house

SETTINGS = ("camera.kind=replay", "camera.input=a b.mp4", "camera.speed=4.0", "pins.kind=mock", "timings.stop_s=1.5")

PILOT_LASTS = timedelta(days=MOST_SNAPSHOT_DAYS)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller with one teacher."""
    made = make_house(tmp_path)
    made.add_teacher()
    yield made
    made.services.database.close()


def prepare(house: House, out: Path, *settings: str, owner: str = "ada@school.example") -> Device:
    """Prepare a unit for Ada, and give its row."""
    wanted = NewDevice(label='Room "12"', owner=owner, settings=parse_settings(settings))
    device = prepare_device(house.services, wanted, out).device
    with house.services.database.reading() as session:
        return session.get_one(Device, device)


def test_units_own_code_takes_the_bundle(house: House, tmp_path: Path) -> None:
    """device.toml is what the unit's configuration wants, with the settings that were given."""
    row = prepare(house, tmp_path / "unit", *SETTINGS)
    config = load_config(tmp_path / "unit" / "device.toml")
    assert (config.device.id, config.device.label, config.data) == (row.id, 'Room "12"', tmp_path / "unit" / "data")
    assert (config.camera.kind, config.camera.speed, config.timings.stop_s) == (CameraKind.REPLAY, 4.0, 1.5)
    assert not config.device.production


def test_label_that_no_card_can_show_is_refused(house: House, tmp_path: Path) -> None:
    """A control character comes neither into the database nor into a bundle, even beside another label in the file."""
    wanted = NewDevice(
        label="Room\x00 12", owner="ada@school.example", settings=parse_settings(("device.label=Room 12",))
    )
    with pytest.raises(OperatorError, match=r"^--label: expected 1 to 120 characters in one line, got 'Room\\x00 12'"):
        prepare_device(house.services, wanted, tmp_path / "unit")
    assert not (tmp_path / "unit").exists()


def test_label_with_a_flag_of_unseen_letters_is_read_back(house: House, tmp_path: Path) -> None:
    """Scotland's flag is written with characters beyond the first plane that cannot be printed."""
    flag = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    wanted = NewDevice(label=flag, owner="ada@school.example", settings=parse_settings(("pins.kind=mock",)))
    prepare_device(house.services, wanted, tmp_path / "unit")
    assert load_config(tmp_path / "unit" / "device.toml").device.label == flag


def test_unit_is_told_the_schools_zone(tmp_path: Path) -> None:
    """A controller that was told its zone hands it on; one that was not leaves the unit to its own machine."""
    for zone, told in (("Europe/Madrid", "Europe/Madrid"), ("UTC", None)):
        house = make_house(tmp_path / zone, zone=zone)
        house.add_teacher()
        prepare(house, tmp_path / zone / "unit")
        assert load_config(tmp_path / zone / "unit" / "device.toml").device.timezone == told
        house.services.database.close()


def test_real_camera_and_pins_are_production(house: House, tmp_path: Path) -> None:
    """A unit with the real camera and pins that speaks only over TLS is told to refuse everything else."""
    prepare(house, tmp_path / "unit", "broker.tls=true")
    config = load_config(tmp_path / "unit" / "device.toml")
    assert (config.device.production, config.microphone.kind) == (True, MicrophoneKind.AUTO)


def test_microphone_that_pretends_is_no_production(house: House, tmp_path: Path) -> None:
    """A unit that is told to make its own sound is a unit for tests, whatever else is real."""
    prepare(house, tmp_path / "unit", "broker.tls=true", "microphone.kind=synthetic")
    assert not load_config(tmp_path / "unit" / "device.toml").device.production


def test_documents_of_the_bundle_verify_against_its_root(house: House, tmp_path: Path) -> None:
    """With nothing but the bundle a unit can verify keyring and recipients; its policy comes when it has joined."""
    prepare(house, tmp_path / "unit")
    identity, state = tmp_path / "unit" / "data" / "identity", tmp_path / "unit" / "data" / "state"
    root = Trust(root=load_verifying_key(identity / "root.pub"))
    trust = Trust(root=root.root, keyring=verify_document(Keyring, (state / "keyring").read_bytes(), root))
    verify_document(Recipients, (state / "recipients").read_bytes(), trust)
    assert (identity / "ca.pem").read_bytes() == house.services.keys.root_ca_pem


def test_bundle_holds_no_key_and_one_secret(house: House, tmp_path: Path) -> None:
    """These files and no others; the secret is for its owner alone, and no folder is open to others."""
    row = prepare(house, tmp_path / "unit")
    unit = tmp_path / "unit"
    names = {str(path.relative_to(unit)) for path in unit.rglob("*") if path.is_file()}
    held = {"data/identity/root.pub", "data/identity/ca.pem", "data/state/keyring", "data/state/recipients"}
    assert names == held | {"device.toml", "secret"}
    assert not any(b"PRIVATE" in path.read_bytes() for path in unit.rglob("*") if path.is_file())
    assert stat.S_IMODE((unit / "secret").stat().st_mode) == 0o600
    assert all(path.stat().st_mode & 0o007 == 0 for path in (unit, *unit.rglob("*")))
    with house.services.database.reading() as session:
        (known,) = session.scalars(select(EnrollmentSecret)).all()
    assert (known.device, known.secret_hash) == (row.id, digest_secret((unit / "secret").read_text()))
    assert (row.state, row.recorder_key, row.policy_line) == (DeviceState.PENDING, None, None)


def test_unit_is_told_where_to_join(house: House, tmp_path: Path) -> None:
    """device.toml names the people's listener as the way to a certificate, unless it is told another."""
    prepare(house, tmp_path / "unit")
    assert load_config(tmp_path / "unit" / "device.toml").enrollment.url == house.services.config.people_url
    prepare(house, tmp_path / "other", "enrollment.url=https://backrow.school.example")
    assert load_config(tmp_path / "other" / "device.toml").enrollment.url == "https://backrow.school.example"


def test_newer_secret_ends_the_one_before(house: House, tmp_path: Path) -> None:
    """Of a unit's secrets the newest alone holds, and a unit that is none or out of use gets none."""
    row = prepare(house, tmp_path / "unit")
    renew_secret(house.services, row.id)
    with house.services.database.reading() as session:
        held = session.scalars(select(EnrollmentSecret).where(EnrollmentSecret.revoked_at.is_(None))).all()
    assert len(held) == 1
    with pytest.raises(OperatorError, match="there is no unit “nobody”"):
        renew_secret(house.services, "nobody")
    with house.services.database.writing() as session:
        session.get_one(Device, row.id).state = DeviceState.LOST
    with pytest.raises(OperatorError, match="is lost: it cannot join"):
        renew_secret(house.services, row.id)


@pytest.mark.parametrize("place", ["file", "file/below", "n" * 300, "/proc/unit"])
def test_bundle_that_cannot_be_written_enters_nothing(house: House, tmp_path: Path, place: str) -> None:
    """A full disk, another's folder, a file in the way: said in words that name the folder, and no unit is entered."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OperatorError, match=r"the bundle cannot be written: .* nothing was entered"):
        prepare(house, tmp_path / place)
    with house.services.database.reading() as session:
        assert len(session.scalars(select(Device)).all()) == 1  # the one that the house came with


def test_bundle_is_never_written_over_another(house: House, tmp_path: Path) -> None:
    """A folder that holds something is refused, stays as it is, and no unit is entered."""
    prepare(house, tmp_path / "unit")
    before = (tmp_path / "unit" / "device.toml").read_bytes()
    with pytest.raises(OperatorError, match="new or empty"):
        prepare(house, tmp_path / "unit")
    assert (tmp_path / "unit" / "device.toml").read_bytes() == before
    with house.services.database.reading() as session:
        assert len(session.scalars(select(Device)).all()) == 2  # the one that the house came with, and the first


def test_bundle_that_cannot_be_written_enters_nobody(house: House, tmp_path: Path) -> None:
    """A file in the place of a folder, or of the folder above, is told in words; no unit waits without a bundle."""
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "unit"):
        with pytest.raises(OperatorError, match=r"file.*cannot be written"):
            prepare(house, place)
    with house.services.database.reading() as session:
        assert len(session.scalars(select(Device)).all()) == 1  # the one that the house came with


@pytest.mark.parametrize("owner", ["nobody@school.example", "a" * 26, ""])
def test_owner_must_be_known(house: House, tmp_path: Path, owner: str) -> None:
    """A unit belongs to a teacher who has an account."""
    with pytest.raises(OperatorError, match="no account"):
        prepare(house, tmp_path / "unit", owner=owner)
    assert not (tmp_path / "unit").exists()


@pytest.mark.parametrize("setting", ["camera", "camera=replay", "camera.kind", ".kind=x", "camera.kind.x=y"])
def test_setting_in_another_form_is_refused(setting: str) -> None:
    """A setting is table.key=value; everything else is refused with an example."""
    with pytest.raises(OperatorError, match=r"expected table\.key=value"):
        parse_settings((setting,))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("foo.bar=1", r"device\.toml: \[foo\]: unknown table"),
        ("timings.stop_s=fast", r"device\.toml: \[timings\] stop_s: expected a number, got str 'fast'"),
        ("broker.host=mqtt.school.example", r"device\.toml: \[broker\] tls: expected true"),
    ],
)
def test_unit_that_would_not_start_is_not_added(house: House, tmp_path: Path, setting: str, words: str) -> None:
    """What the unit's own code refuses is refused with its words, before anything is entered or written."""
    with pytest.raises(OperatorError, match=f"the unit would not start with this: {words}"):
        prepare(house, tmp_path / "unit", setting)
    assert not (tmp_path / "unit").exists()
    with house.services.database.reading() as session:
        assert len(session.scalars(select(Device)).all()) == 1  # the one that the house came with


def test_policy_is_renewed_before_it_ends(house: House, tmp_path: Path) -> None:
    """A week before its end a policy is issued anew, with the next version, and sent; not before."""
    row = prepare(house, tmp_path / "unit")
    renew_policies(house.services)  # the house's own unit has none yet
    assert renew_policies(house.services) == 0
    house.clock.pass_time(PILOT_LASTS - timedelta(days=6))
    assert renew_policies(house.services) == 2
    with house.services.database.reading() as session:
        newest = session.get_one(Device, row.id)
        topics = select(Outbox).where(Outbox.topic.contains(row.id), Outbox.topic.endswith("policy"))
        (sent,) = session.scalars(topics).all()
    policy = verify_document(Policy, sent.payload, house.services.keys.trust)
    assert (policy.version, newest.policy_version, sent.retain) == (2, 2, True)
    assert policy.expires_at == house.clock() + PILOT_LASTS


def test_commands_prepare_list_and_retire_units(house: House, tmp_path: Path) -> None:
    """The command line prepares a unit, lists it with what IT may know, gives it secrets, and lets it in no more."""
    config = tmp_path / "controller.toml"
    core = house.services.config.controller
    config.write_text(
        f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n', "utf-8"
    )
    runner = CliRunner()
    options = ["--config", str(config), "--label", "Room 14", "--owner", "ada@school.example"]
    added = runner.invoke(group, ["device", "prepare", *options, "--out", str(tmp_path / "unit")])
    assert added.exit_code == 0, added.output
    listed = runner.invoke(group, ["device", "list", "--config", str(config)])
    assert "Room 14" in listed.output
    assert "never seen" in listed.output
    again = runner.invoke(group, ["device", "prepare", *options, "--out", str(tmp_path / "unit")])
    assert (again.exit_code, "new or empty" in again.output) == (1, True)
    unit = load_config(tmp_path / "unit" / "device.toml").device.id
    for command in ("secret", "readopt"):
        made = runner.invoke(group, ["device", command, "--config", str(config), unit])
        assert (made.exit_code, len(parse_secret(made.output.splitlines()[-1]))) == (0, 26), made.output
    early = runner.invoke(group, ["device", "retire", "--config", str(config), unit])
    assert (early.exit_code, "remove it instead" in early.output) == (1, True)
    assert runner.invoke(group, ["device", "remove", "--config", str(config), unit]).exit_code == 0
    assert "Room 14" not in runner.invoke(group, ["device", "list", "--config", str(config)]).output
    unknown = runner.invoke(group, ["device", "retire", "--config", str(config), "nobody"])
    assert (unknown.exit_code, "no unit" in unknown.output) == (1, True)
    status = runner.invoke(group, ["status", "--config", str(config)])
    assert "GB free" in status.output


@pytest.mark.parametrize(
    ("fit", "reason", "words"),
    [
        (True, "", " fit, 3"),
        (True, "camera_failed", " fit: camera_failed, 3"),
        (False, "no_policy", "unfit: no_policy, 3"),
    ],
)
def test_list_names_what_a_unit_says_whether_fit_or_not(
    house: House, tmp_path: Path, *, fit: bool, reason: str, words: str
) -> None:
    """What is told the next school day leaves a unit fit, and is listed all the same."""
    row = prepare(house, tmp_path / "unit")
    said = Health(
        device=row.id, fit=fit, reason=reason, school_days_left=3, said_at=house.clock(), received_at=house.clock()
    )
    with house.services.database.writing() as session:
        session.add(said)
    assert words + " school days of space left" in tell_registry(house.services)


def test_unit_is_told_where_the_broker_listens_to_units(house: House, tmp_path: Path) -> None:
    """That is another place than where the bridge finds it, which is on the controller's own machine."""
    broker = Broker(port=8884, units_host="mqtt.school.example", units_port=8883)
    config = replace(house.services.config, broker=broker)
    prepare(replace(house, services=replace(house.services, config=config)), tmp_path / "unit", "broker.tls=true")
    told = load_config(tmp_path / "unit" / "device.toml").broker
    assert (told.host, told.port) == ("mqtt.school.example", 8883)
