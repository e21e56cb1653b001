"""The folder of credentials: what exists stays, what is secret is nobody else's, and no key is made twice."""

import stat
from pathlib import Path

import pytest

from console.desk import nats_jwt
from console.desk.credentials import BadFolder, Folder
from shared.contracts.permissions import SERVICES, USERS

_CREDS = {f"{user}.creds" for user in (*USERS, "sys")}
_NOW = 1_795_000_000


def contents(path: Path) -> dict[str, str]:
    """Every file by its name below the folder."""
    return {str(file.relative_to(path)): file.read_text() for file in path.rglob("*") if file.is_file()}


def folder(path: Path, now: int = _NOW) -> Folder:
    """The folder at a moment."""
    return Folder(path, now=now)


def test_everybody_gets_a_file(tmp_path: Path) -> None:
    """One per service, the operator's, and the system's; the servers' file; keys and tokens apart."""
    written = folder(tmp_path / "nats").make("HUB")
    there = contents(tmp_path / "nats")
    assert set(written) == set(there)
    assert {name for name in there if "/" not in name} == _CREDS | {"nats-auth.conf"}
    assert set(SERVICES) < set(USERS)
    assert {name.partition("/")[0] for name in there if "/" in name} == {"keys", "issued"}


def test_what_is_secret_is_the_owners_alone(tmp_path: Path) -> None:
    """Keys and credentials cannot be read by others; what can be holds no seed."""
    folder(tmp_path / "nats").make("HUB")
    assert stat.S_IMODE((tmp_path / "nats" / "keys").stat().st_mode) == 0o700
    for name, text in contents(tmp_path / "nats").items():
        mode = stat.S_IMODE((tmp_path / "nats" / name).stat().st_mode)
        is_secret = name.endswith((".creds", ".nk"))
        assert mode == (0o600 if is_secret else 0o644), name
        assert is_secret == any(seed in text for seed in ("SO", "SA", "SU") if f"\n{seed}" in f"\n{text}"), name


def test_what_exists_stays(tmp_path: Path) -> None:
    """A second time, and a day later, not one byte differs and nothing is written."""
    folder(tmp_path).make("HUB")
    before = contents(tmp_path)
    assert folder(tmp_path, _NOW + 86_400).make("HUB") == []
    assert contents(tmp_path) == before


def test_a_file_that_was_handed_out_and_removed_is_not_made_again(tmp_path: Path) -> None:
    """It is in use elsewhere; a second key for the same user would be good as well."""
    folder(tmp_path).make("HUB")
    (tmp_path / "gateway.creds").unlink()
    assert folder(tmp_path).make("HUB") == []
    assert folder(tmp_path).rotate("HUB", "gateway")[1] == "gateway.creds"


def test_a_rotation_touches_one_user(tmp_path: Path) -> None:
    """A new key for it, the old one revoked from now on; all others keep theirs."""
    folder(tmp_path).make("HUB")
    before = contents(tmp_path)
    old = {one.user: one.key for one in folder(tmp_path).ls()}
    written = folder(tmp_path, _NOW + 5).rotate("HUB", "gateway")
    assert written == ["issued/HUB.jwt", "gateway.creds", "issued/HUB.gateway.jwt", "nats-auth.conf"]
    assert {name for name, text in contents(tmp_path).items() if before[name] != text} == set(written)
    new = {one.user: one.key for one in folder(tmp_path).ls()}
    assert {user for user in old if old[user] != new[user]} == {"gateway"}
    firm = nats_jwt.read((tmp_path / "issued/HUB.jwt").read_text())
    assert firm["nats"]["revocations"] == {old["gateway"]: _NOW + 5}
    folder(tmp_path, _NOW + 9).rotate("HUB", "gateway")
    firm = nats_jwt.read((tmp_path / "issued/HUB.jwt").read_text())
    assert firm["nats"]["revocations"] == {old["gateway"]: _NOW + 5, new["gateway"]: _NOW + 9}


def test_a_new_version_changes_the_servers_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user may do stands in its account: no file that was handed out changes with it."""
    less = {user: told for user, told in USERS.items() if user != "console"}
    monkeypatch.setattr("console.desk.credentials.USERS", less | {"gateway": USERS["advoware_proxy"]})
    folder(tmp_path).make("HUB")
    monkeypatch.undo()
    written = folder(tmp_path).make("HUB")
    news = {"keys/HUB.console.nk", "console.creds", "issued/HUB.console.jwt"}
    assert set(written) == news | {"issued/HUB.jwt", "nats-auth.conf"}


def test_a_second_firm_is_an_account_of_its_own(tmp_path: Path) -> None:
    """Same users, other keys, in a folder of its name; the first firm's files stay."""
    folder(tmp_path).make("HUB")
    before = contents(tmp_path)
    folder(tmp_path, _NOW + 1).make("Kanzlei2")
    there = contents(tmp_path)
    assert {name: there[name] for name in before if name != "nats-auth.conf"} == {
        name: text for name, text in before.items() if name != "nats-auth.conf"
    }
    assert (tmp_path / "Kanzlei2" / "gateway.creds").is_file()
    keys = [one.key for one in folder(tmp_path).ls()]
    assert len(keys) == len(set(keys)) == 2 * len(USERS) + 1


def test_without_its_keys_nothing_is_signed_and_nothing_made_anew(tmp_path: Path) -> None:
    """Keys are kept elsewhere: a second operator in their place would lock everybody out."""
    folder(tmp_path).make("HUB")
    (tmp_path / "keys").rename(tmp_path / "away")
    before = contents(tmp_path)
    for deed, told in (("make", ("HUB",)), ("rotate", ("HUB", "gateway"))):
        with pytest.raises(BadFolder, match="is not there, and without it nobody can be signed for"):
            getattr(folder(tmp_path), deed)(*told)
    assert contents(tmp_path) == before
    assert len(folder(tmp_path).ls()) == len(USERS) + 1


@pytest.mark.parametrize("name", ["", "SYS", "operator", "keys", "issued", "../x", "a/b", "1x", "ä", "a.b", "x" * 33])
def test_an_account_has_a_plain_name(tmp_path: Path, name: str) -> None:
    """It names files and stands in the servers' file."""
    with pytest.raises(BadFolder, match="is no name for an account"):
        folder(tmp_path).make(name)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("account", "user"), [("HUB", "nobody"), ("HUB", "../x"), ("Other", "gateway"), ("SYS", "gateway")]
)
def test_only_who_exists_can_be_rotated(tmp_path: Path, account: str, user: str) -> None:
    """One sentence, and nothing is touched."""
    folder(tmp_path).make("HUB")
    before = contents(tmp_path)
    with pytest.raises(BadFolder, match="there is no user"):
        folder(tmp_path).rotate(account, user)
    assert contents(tmp_path) == before


def test_a_folder_that_somebody_has_touched(tmp_path: Path) -> None:
    """A key or a token that is none is named."""
    with pytest.raises(BadFolder, match="holds no credentials"):
        folder(tmp_path).ls()
    folder(tmp_path).make("HUB")
    (tmp_path / "keys/HUB.nk").write_text("no key")
    with pytest.raises(BadFolder, match=r"keys/HUB\.nk holds no key"):
        folder(tmp_path).make("HUB")
    (tmp_path / "issued/HUB.jwt").write_text("no token")
    with pytest.raises(BadFolder, match=r"issued/HUB\.jwt is not a token"):
        folder(tmp_path).make("HUB")


def test_whoever_brings_nothing_is_let_in_only_when_asked_for(tmp_path: Path) -> None:
    """Only the stack on one's own machine asks."""
    folder(tmp_path / "closed").make("HUB")
    assert "default_sentinel" not in (tmp_path / "closed/nats-auth.conf").read_text()
    folder(tmp_path / "open").make("HUB", is_open=True)
    text = (tmp_path / "open/nats-auth.conf").read_text()
    told = nats_jwt.read(text.partition("default_sentinel: ")[2])["nats"]
    assert told["bearer_token"] is True
    assert told["pub"]["allow"] == list(USERS["operator"].publish)
