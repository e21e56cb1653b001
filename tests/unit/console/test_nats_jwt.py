"""NATS' tokens: whatever goes in can be read again, and the signature is its maker's."""

import base64

import nacl.signing
import nkeys
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.desk.nats_jwt import (
    BadToken,
    Role,
    account,
    creds,
    free_user,
    new_key,
    operator,
    public,
    read,
    says_the_same,
    user,
)
from shared.contracts.permissions import Permissions

_SEED = st.binary(min_size=32, max_size=32)
_KIND = st.sampled_from([nkeys.PREFIX_BYTE_OPERATOR, nkeys.PREFIX_BYTE_ACCOUNT, nkeys.PREFIX_BYTE_USER])
_LETTER = {nkeys.PREFIX_BYTE_OPERATOR: "O", nkeys.PREFIX_BYTE_ACCOUNT: "A", nkeys.PREFIX_BYTE_USER: "U"}
_PERMISSIONS = Permissions(publish=("a.b",), subscribe=("c.>",), subscribe_not=("c.d",), replies=True)
_AT = 1_795_000_000


def verified(token: str) -> bool:
    """Whether the key that the token names as its maker has signed it."""
    signed, _, signature = token.rpartition(".")
    maker = base64.b32decode(str(read(token)["iss"]).encode())[1:-2]
    nacl.signing.VerifyKey(maker).verify(signed.encode(), base64.urlsafe_b64decode(signature + "=="))
    return True


@given(_SEED, _KIND)
def test_a_key_says_what_it_is_for(seed: bytes, kind: int) -> None:
    """The first letter of its public half, as NATS reads it; and the seed makes it again."""
    key = new_key(kind, seed)
    assert public(key)[0] == _LETTER[kind]
    assert public(nkeys.from_seed(key.seed)) == public(key)


@given(_SEED, _SEED, st.text(max_size=20), st.integers(min_value=1, max_value=2**40))
def test_a_token_can_be_read_and_is_its_makers(seed: bytes, other: bytes, name: str, at: int) -> None:
    """Names, times and keys come out as they went in; one that somebody has touched does not verify."""
    root, firm = new_key(nkeys.PREFIX_BYTE_OPERATOR, seed), new_key(nkeys.PREFIX_BYTE_ACCOUNT, other)
    token = operator(root, name, system_account=public(firm), at=at)
    told = read(token)
    assert verified(token)
    assert (told["iss"], told["sub"], told["name"], told["iat"]) == (public(root), public(root), name, at)
    assert told["nats"] == {"type": "operator", "system_account": public(firm), "version": 2}
    head, body, signature = token.split(".")
    with pytest.raises(Exception, match="Signature was forged or corrupt"):
        verified(f"{head}.{body}.{signature[:-4]}AAAA" if not signature.endswith("AAAA") else f"{head}.{body}.BBBB")


@given(_SEED, st.dictionaries(st.text("ABC", min_size=1), st.integers(0, 2**32)))
def test_an_account_has_its_roles_and_who_is_revoked(seed: bytes, revoked: dict[str, int]) -> None:
    """What users may do stands in the account, under the key that signs for their kind."""
    root, firm = new_key(nkeys.PREFIX_BYTE_OPERATOR, seed), new_key(nkeys.PREFIX_BYTE_ACCOUNT, seed)
    role = Role(name="gateway", signer=public(firm), permissions=_PERMISSIONS)
    token = account(root, public(firm), "HUB", roles=(role,), revoked=revoked, has_jetstream=True, at=_AT)
    told = read(token)["nats"]
    assert verified(token)
    assert told["revocations"] == revoked
    assert told["limits"]["disk_storage"] == -1
    [scope] = told["signing_keys"]
    assert (scope["kind"], scope["role"], scope["key"]) == ("user_scope", "gateway", public(firm))
    assert scope["template"]["pub"] == {"allow": ["a.b"]}
    assert scope["template"]["sub"] == {"allow": ["c.>"], "deny": ["c.d"]}
    assert scope["template"]["resp"]["max"] == 1


@given(_SEED)
def test_a_user_of_a_role_holds_no_permissions(seed: bytes) -> None:
    """A server refuses one that does: they are the account's. A free one has its own, or all."""
    signer, own = new_key(nkeys.PREFIX_BYTE_ACCOUNT, seed), new_key(nkeys.PREFIX_BYTE_USER, seed)
    told = read(user(signer, public(own), "gateway", account_key="A", at=_AT))
    assert told["nats"] == {"type": "user", "issuer_account": "A", "version": 2}
    free = read(free_user(signer, public(own), "x", permissions=_PERMISSIONS, is_bearer=True, at=_AT))["nats"]
    assert (free["pub"], free["bearer_token"]) == ({"allow": ["a.b"]}, True)
    every = read(free_user(signer, public(own), "x", permissions=None, is_bearer=False, at=_AT))["nats"]
    assert not {"pub", "sub", "bearer_token"} & every.keys()


def test_when_a_token_was_made_is_no_difference() -> None:
    """What says the same need not be made again; another name is another thing."""
    key = new_key(nkeys.PREFIX_BYTE_OPERATOR, bytes(32))
    one = operator(key, "hub", system_account="A", at=1)
    assert says_the_same(one, operator(key, "hub", system_account="A", at=2))
    assert not says_the_same(one, operator(key, "other", system_account="A", at=1))


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "a.é.c", "a.bm9wZQ.c", "a.W10.c"])
def test_what_is_no_token_is_refused(text: str) -> None:
    """Whatever stands in the file."""
    with pytest.raises(BadToken):
        read(text)


def test_a_credentials_file_is_what_clients_read() -> None:
    """Both parts between their lines, as nats-py and the `nats` command line look for them."""
    key = new_key(nkeys.PREFIX_BYTE_USER, bytes(32))
    lines = creds("a.b.c", key).splitlines()
    assert lines[:3] == ["-----BEGIN NATS USER JWT-----", "a.b.c", "------END NATS USER JWT------"]
    assert lines[4:] == ["-----BEGIN USER NKEY SEED-----", key.seed.decode(), "------END USER NKEY SEED------"]
