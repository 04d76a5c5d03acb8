"""Files sealed with a passphrase: other programs' are read, ours are read by others."""

import pyrage
import pytest

from protocol.envelope import (
    HeaderError,
    NoMatchError,
    PassphraseIdentity,
    PassphraseRecipient,
    RecipientsError,
    Stanza,
    generate_hybrid,
    generate_x25519,
    open_sealed,
    seal,
)
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


def test_passphrase_file_of_ours_opens_in_another_program() -> None:
    """What we seal with a passphrase, pyrage opens with it and with no other; and so do we."""
    sealed = seal(b"the school's root", [PassphraseRecipient(b"correct horse", work_factor=10)])
    assert pyrage.passphrase.decrypt(sealed, "correct horse") == b"the school's root"
    assert open_sealed(sealed, [PassphraseIdentity(b"correct horse")]) == b"the school's root"
    with pytest.raises(NoMatchError):
        open_sealed(sealed, [PassphraseIdentity(b"wrong horse")])


def test_passphrase_is_alone_in_its_file() -> None:
    """Beside a key the passphrase would be no more than a second, weaker door (and age refuses such a file)."""
    with pytest.raises(RecipientsError, match="only recipient, got 2"):
        seal(b"x", [PassphraseRecipient(b"horse"), generate_hybrid().recipient])
    assert "horse" not in repr(PassphraseRecipient(b"horse"))
