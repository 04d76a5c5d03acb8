"""Files sealed with a passphrase: read, never made."""

import pytest

from protocol.envelope import HeaderError, NoMatchError, PassphraseIdentity, Stanza, generate_x25519, open_sealed
from tests.unit.protocol.envelope.typage import run_typage

SALT = "A" * 22


def test_passphrase_file_of_another_program_opens() -> None:
    """What age-encryption seals with a passphrase opens with it, beside key identities that do not match."""
    (sealed,) = run_typage([{"passphrase": "correct horse", "data": b"the storage identity"}])
    assert open_sealed(sealed, [generate_x25519(), PassphraseIdentity(b"correct horse")]) == b"the storage identity"
    with pytest.raises(NoMatchError, match=r"\(scrypt\)"):
        open_sealed(sealed, [PassphraseIdentity(b"wrong horse")])


def test_passphrase_shows_nowhere() -> None:
    """repr does not contain the passphrase."""
    assert "horse" not in repr(PassphraseIdentity(b"correct horse"))


@pytest.mark.parametrize("work_factor", ["23", "99", "1000000000000", "9" * 5000])
def test_passphrase_work_is_limited(work_factor: str) -> None:
    """A stanza that asks for more memory than any school's machine has is refused before any work is done."""
    stanza = Stanza(("scrypt", SALT, work_factor), bytes(32))
    with pytest.raises(HeaderError, match="at most 22"):
        PassphraseIdentity(b"x").unwrap(stanza)
