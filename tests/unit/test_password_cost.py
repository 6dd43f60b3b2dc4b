"""What a guess at a password costs whoever has stolen its hash."""

from pwdlib import PasswordHash

from payments.agencies.access.staff import hash_password
from tests.support.passwords import AS_SHIPPED


async def test_a_password_costs_64_mib_and_three_passes_as_shipped() -> None:
    assert AS_SHIPPED().hash("mat-khau").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    # Only the tests' own hashing is cheap, and it is the same kind.
    assert PasswordHash.recommended != AS_SHIPPED
    assert (await hash_password("mat-khau-thu-nghiem")).startswith("$argon2id$v=19$m=8,t=1,p=1$")
