"""The server's commands that let people in; each prints its link last."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from controller.accounts import repo
from controller.cli import group
from tests.house import PASSWORD, House


@pytest.fixture
def config(house: House) -> Path:
    """Write the house's configuration as a file."""
    core = house.services.config.controller
    path = core.data.parent / "controller.toml"
    tables = f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n'
    path.write_text(tables + '[people]\nurl = "https://backrow.school.example/"\n', "utf-8")
    return path


def _run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(group, [*words, "--config", str(config)])


def _redeem(house: House, printed: str) -> str:
    site, _, token = printed.split()[-1].rpartition("/welcome/")
    assert site == "https://backrow.school.example"
    # the command runs by the real clock, which is far from the test's
    house.clock.now = datetime.now(UTC)
    return house.accounts.redeem_link(token, password=PASSWORD, repeated=PASSWORD)


def test_first_admin_comes_by_a_link(house: House, config: Path) -> None:
    """The account is made, and the link lets exactly that person in, as an admin."""
    done = _run(config, "admin-link", "--email", "it@school.example")
    assert done.exit_code == 0, done.output
    person = house.accounts.find_person(_redeem(house, done.output))
    assert person
    assert (person.email, person.roles) == ("it@school.example", {"admin"})


def test_admin_who_lost_the_password_gets_another_link(house: House, config: Path) -> None:
    """The same command again is the recovery; no second account is made."""
    first = _run(config, "admin-link", "--email", "it@school.example")
    again = _run(config, "admin-link", "--email", "IT@school.example")
    assert first.output != again.output
    _redeem(house, again.output)


def test_teacher_is_not_made_an_admin(house: House, config: Path) -> None:
    """The address of a teacher is refused."""
    teacher = house.add_teacher()
    done = _run(config, "admin-link", "--email", teacher.email)
    assert done.exit_code == 1
    assert "has role teacher, not that of an admin" in done.output


def test_teacher_is_added_with_id_and_link(house: House, config: Path) -> None:
    """What is printed names the account and ends in the link."""
    done = _run(config, "teacher", "add", "--email", "ada@school.example", "--name", "Ada")
    assert done.exit_code == 0, done.output
    person = house.accounts.find_person(_redeem(house, done.output))
    assert person
    assert f"account {person.id}" in done.output
    twice = _run(config, "teacher", "add", "--email", "ada@school.example", "--name", "Ada")
    assert twice.exit_code == 1
    assert "already" in twice.output


@pytest.mark.parametrize(
    ("email", "name", "words"),
    [
        ("nonsense", "Ada", "email: expected an address"),
        ("a@b@c", "Ada", "email: expected an address"),
        ("ada @school.example", "Ada", "email: expected an address"),
        ("ada@school.example", " ", "name: expected 1 to 120 characters"),
        ("ada@school.example", "A\nda", "name: expected 1 to 120 characters"),
    ],
)
def test_nonsense_is_no_teacher(house: House, config: Path, email: str, name: str, words: str) -> None:
    """What can be no address or no name is refused by its option, and no account is made."""
    done = _run(config, "teacher", "add", "--email", email, "--name", name)
    assert (done.exit_code, words in done.output) == (1, True), done.output
    with house.services.database.reading() as session:
        assert not repo.list_accounts(session)


def test_link_is_made_for_accounts_only(house: House, config: Path) -> None:
    """Somebody with an account gets a new link, everybody else an error that names the address."""
    teacher = house.add_teacher()
    _redeem(house, _run(config, "link", "--email", teacher.email).output)
    done = _run(config, "link", "--email", "nobody@school.example")
    assert done.exit_code == 1
    assert "nobody@school.example" in done.output


def test_missing_configuration_is_named(tmp_path: Path) -> None:
    """The error names the file and is no trace of the program."""
    done = _run(tmp_path / "none.toml", "link", "--email", "x@school.example")
    assert done.exit_code == 2
    assert "none.toml" in done.output


def test_roles_are_given_and_taken_on_the_server(house: House, config: Path) -> None:
    """A person is added with any role and gets others; the list tells them, and a warning has to be answered."""
    email = ("--email", "eve@school.example")
    added = _run(config, "add-person", *email, "--name", "Eve", "--role", "evaluator")
    assert added.exit_code == 0, added.output
    refused = _run(config, "role", "give", *email, "--role", "admin")
    assert refused.exit_code == 1
    assert "does not go together with evaluator" in refused.output
    given = _run(config, "role", "give", *email, "--role", "admin", "--understood", "admin")
    assert given.output == "eve@school.example: admin, evaluator\n"
    assert _run(config, "role", "give", *email, "--role", "site_it", "--site", "North").exit_code == 0
    assert _run(config, "role", "list").output == "eve@school.example: admin, evaluator, site_it (North)\n"
    taken = _run(config, "role", "take", *email, "--role", "evaluator")
    assert taken.output == "eve@school.example: admin, site_it (North)\n"
