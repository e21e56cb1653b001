"""Rows of the table of mails and phones: how both sides are before a run and after it."""

import msgspec

from beteiligte_worker.fields.kommunikation import write_note
from beteiligte_worker.model.kommunikation import Agreed, Eintrag, Kontakt, Marker, Note
from beteiligte_worker.model.notice import NoticeKind
from tests.support.kommunikation import World

EVA, ROTH = "eva@muster.example", "kanzlei@roth.example"
DESK, CELL, LAWN = "+49511123456", "+491711234567", "+4930999888"
CONFLICT, REFUSED = NoticeKind.CONFLICT, NoticeKind.VALUE_REFUSED


def mail(value: str, *, primary: bool = False) -> Kontakt:
    return Kontakt(kind="mail", value=value, primary=primary)


def phone(value: str, type_: str | None = "Office", *, primary: bool = False, opt_out: bool = False) -> Kontakt:
    return Kontakt(kind="phone", value=value, type=type_, primary=primary, opt_out=opt_out)


def entry(id_: int, komm_kz: int, tlf: str | None, base: str | None = None, *, text: str = "", kz: int = 0) -> Eintrag:
    """An entry; with a `base` it has our marker, `kz` when that says another kommKz than the entry has by now."""
    marker = Marker(komm_kz=kz or komm_kz, value=base)
    bemerkung = write_note(Note(after=text), marker) if base else text or None
    return Eintrag(id=id_, komm_kz=komm_kz, tlf=tlf, bemerkung=bemerkung)


def slot(id_: int, komm_kz: int, tlf: str | None = None, *, text: str = "") -> Eintrag:
    return Eintrag(
        id=id_, komm_kz=komm_kz, tlf=tlf, bemerkung=write_note(Note(after=text), Marker(komm_kz=komm_kz, value=None))
    )


def was(id_: int, value: str, type_: str | None = None) -> Agreed:
    return Agreed(id=id_, kind="mail" if "@" in value else "phone", value=value, type=type_)


def online(one: Eintrag) -> Eintrag:
    return msgspec.structs.replace(one, online=True)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """`then…` is None where that side is not written."""

    name: str
    espocrm: tuple[Kontakt, ...] = ()
    advoware: tuple[Eintrag, ...] = ()
    agreed: tuple[Agreed, ...] | None = ()
    then_espocrm: tuple[Kontakt, ...] | None = None
    then_advoware: tuple[Eintrag, ...] | None = None
    told: tuple[tuple[NoticeKind, str], ...] = ()
    """Kind, and Advoware's value."""


def check(case: Case) -> None:
    """Both sides and what is told are as the row says; only what differs is written; a second run writes nothing."""
    world = World(case.espocrm, case.advoware)
    todo = world.plan(case.agreed)
    world.apply(todo)
    then_advoware = case.advoware if case.then_advoware is None else case.then_advoware
    assert todo.kontakte == case.then_espocrm
    assert _plain(world.eintraege()) == _plain(then_advoware)
    changed = [one for one in _plain(then_advoware) if one not in _plain(case.advoware)]
    assert len(todo.put) + len(todo.post) == len(changed)
    assert [(one.kind, dict(one.details)["Advoware"]) for one in todo.notices] == list(case.told)
    assert [one.lost for one in todo.conflicts] == [value for kind, value in case.told if kind is CONFLICT]
    assert world.plan(world.agree()).writes == {}


def _plain(eintraege: tuple[Eintrag, ...]) -> list[Eintrag]:
    return [msgspec.structs.replace(one, row_id="") for one in eintraege]
