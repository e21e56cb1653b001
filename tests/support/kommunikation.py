"""EspoCRM and Advoware in memory, as far as mails and phones go, in any state: they refuse as the vendors do."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from hypothesis import strategies as st

from beteiligte_worker.fields.kommunikation import (
    BY_NUMBER,
    Key,
    advoware_body,
    advoware_eintrag,
    espocrm_changes,
    espocrm_kontakte,
    key_of,
    write_note,
)
from beteiligte_worker.model.kommunikation import (
    Agreed,
    Eintrag,
    Kind,
    KommunikationPlan,
    KommunikationPost,
    KommunikationPut,
    Kontakt,
    Marker,
    Note,
)
from beteiligte_worker.plan.kommunikation import agree, plan_kommunikation
from beteiligte_worker.plan.kommunikation.sides import read_sides

ABOUT = "CBeteiligte.p1"
_NAMES = {"emailAddressData": "emailAddress", "phoneNumberData": "phoneNumber"}
_TAKEN = {
    "emailAddressData": re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"),
    "phoneNumberData": re.compile(r"\+[1-9][0-9]{6,14}"),
}

Json = dict[str, Any]
AgreedOnes = tuple[Agreed, ...] | None


class World:
    """Both sides. `hidden`: Advoware shows no kommKz and no kommArt."""

    def __init__(self, kontakte: Iterable[Kontakt], eintraege: Iterable[Eintrag], *, hidden: bool = False) -> None:
        self.party: Json = {name: [] for name in _NAMES} | espocrm_changes(kontakte, before=())
        self.rows: list[Json] = [
            {
                "id": one.id,
                "rowId": one.row_id or f"r{one.id}",
                "kommKz": one.komm_kz,
                "tlf": one.tlf,
                "bemerkung": one.bemerkung,
                "online": one.online,
            }
            for one in eintraege
        ]
        self.hidden = hidden
        self.ids = max((row["id"] for row in self.rows), default=0)
        self.moves = 0

    def kontakte(self) -> tuple[Kontakt, ...]:
        """As a single read has them: the primary first."""
        ordered = {name: sorted(self.party[name], key=lambda row: not row["primary"]) for name in _NAMES}
        return espocrm_kontakte(ordered)

    def eintraege(self) -> tuple[Eintrag, ...]:
        hidden = {"kommKz": 0, "kommArt": None} if self.hidden else {}
        return tuple(advoware_eintrag({**row, **hidden}) for row in self.rows)

    def plan(self, agreed: tuple[Agreed, ...] | None) -> KommunikationPlan:
        return plan_kommunikation(self.kontakte(), self.eintraege(), agreed, ABOUT)

    def agree(self) -> tuple[Agreed, ...]:
        return agree(self.kontakte(), self.eintraege())

    def writes(self, todo: KommunikationPlan, *, post_first: bool = False) -> list[Callable[[], None]]:
        """One after another, EspoCRM first."""
        first = [] if todo.kontakte is None else [partial(self._store, todo.kontakte)]
        puts = [partial(self._put, one) for one in todo.put]
        posts = [partial(self._post, one) for one in todo.post]
        return [*first, *posts, *puts] if post_first else [*first, *puts, *posts]

    def apply(self, todo: KommunikationPlan) -> None:
        for write in self.writes(todo):
            write()

    def row(self, id_: int) -> Json:
        return next(row for row in self.rows if row["id"] == id_)

    def _store(self, kontakte: tuple[Kontakt, ...]) -> None:
        """The array replaces the set; what stays keeps its place, what is new goes behind. One refusal fails all."""
        before = self.kontakte()
        for name, rows in espocrm_changes(kontakte, before=before).items():
            key = _NAMES[name]
            held = [row[key] for row in self.party[name]]
            values = [row[key] for row in rows]
            assert all(value in held or _TAKEN[name].fullmatch(value) for value in values), "400 valid"
            assert len(rows) <= 10, "400 maxCount"
            assert len({value.lower() for value in values}) == len(values), "one of the two would vanish"
            assert sum(row["primary"] for row in rows) == min(1, len(rows)), "EspoCRM would choose"
            kept = [row for value in held for row in rows if row[key] == value]
            self.party[name] = kept + [row for row in rows if row[key] not in held]

    def _put(self, one: KommunikationPut) -> None:
        """`kommKz` is not heard; everything else is stored, and what is not sent would be reset."""
        body = advoware_body(one.body)
        assert body.keys() == {"tlf", "bemerkung", "kommKz", "online"}
        assert body["kommKz"] in range(1, 13)
        del body["kommKz"]
        self.moves += 1
        self.row(one.id).update(body, rowId=f"r{one.id}-{self.moves}")

    def _post(self, one: KommunikationPost) -> None:
        self.ids += 1
        self.rows.append({"id": self.ids, "rowId": f"r{self.ids}", **advoware_body(one)})


def espocrm_keys(world: World) -> Counter[Key | None]:
    return Counter(key_of(one.kind, one.value) for one in world.kontakte())


def held(world: World, agreed: AgreedOnes) -> dict[int, Key | None]:
    """What each entry holds, by id; those out of the sync are left out."""
    found = read_sides((), world.eintraege(), agreed).lines
    return {line.id: line.key for line in found}


def advoware_keys(world: World, agreed: AgreedOnes) -> Counter[Key | None]:
    return Counter(key for key in held(world, agreed).values() if key is not None)


def synced(world: World, agreed: AgreedOnes) -> AgreedOnes:
    world.apply(world.plan(agreed))
    return world.agree()


def synced_without_twins(world: World, agreed: AgreedOnes) -> AgreedOnes:
    before = espocrm_keys(world), advoware_keys(world, agreed)
    after = synced(world, agreed)
    for was, now in zip(before, (espocrm_keys(world), advoware_keys(world, after)), strict=True):
        assert all(count <= max(1, was[key]) for key, count in now.items())
    return after


# Any state

MAILS = {
    "eva@muster.example": ("eva@muster.example", "Eva@Muster.example", " eva@muster.example "),
    "kanzlei@roth.example": ("kanzlei@roth.example", "KANZLEI@ROTH.EXAMPLE"),
    "x@y.example": ("x@y.example",),
}
PHONES = {
    "+49511123456": ("+49511123456", "0511-123456", "+49 (0)511 / 123456", "0049 511 123456"),
    "+491711234567": ("+491711234567", "0171/1234567"),
    "+4930999888": ("+4930999888", "(030) 999888"),
}
REFUSED = ("Durchwahl 12", "müller@örtlich.example", "eva@localhost", "0511 123456 (Büro)", "123456")
TEXTS = ("", "nur nachmittags", "Büro\r\nFr. Müßig", "[ESPOCRM:kaputt:4]")
TYPES = ("Mobile", "Office", "Home", "Fax", "Other", None, "Sonder")
NUMBERS = st.sampled_from((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12))

canonical_mails, canonical_phones = st.sampled_from(sorted(MAILS)), st.sampled_from(sorted(PHONES))
typed = st.one_of(
    st.sampled_from([spelt for spellings in (MAILS | PHONES).values() for spelt in spellings]),
    st.sampled_from(REFUSED),
    st.sampled_from((None, "", "  ")),
)
mails = canonical_mails.flatmap(lambda value: st.sampled_from([one.strip() for one in MAILS[value]]))
markers = st.one_of(
    st.none(),
    st.builds(
        Marker,
        komm_kz=NUMBERS.filter(lambda number: number in BY_NUMBER),
        value=st.one_of(st.none(), mails, canonical_phones, st.sampled_from(("0511-123456", "Durchwahl 12"))),
    ),
)


@st.composite
def kontakte(draw: st.DrawFn) -> tuple[Kontakt, ...]:
    """A set that EspoCRM may hold: no value twice, at most one primary."""
    found: list[Kontakt] = []
    kinds: tuple[tuple[Kind, st.SearchStrategy[str]], ...] = (("mail", mails), ("phone", canonical_phones))
    for kind, values in kinds:
        chosen = draw(st.lists(values, max_size=3, unique_by=str.lower))
        primary = draw(st.integers(-1, len(chosen) - 1)) if chosen else -1
        for place, value in enumerate(chosen):
            type_ = draw(st.sampled_from(TYPES)) if kind == "phone" else None
            flags = {"primary": place == primary, "opt_out": draw(st.booleans()), "invalid": draw(st.booleans())}
            found.append(Kontakt(kind=kind, value=value, type=type_, **flags))
    return tuple(found)


@st.composite
def eintraege(draw: st.DrawFn) -> tuple[Eintrag, ...]:
    """Anything that may stand in Advoware, made by whomever."""
    ids = draw(st.lists(st.integers(1, 9), max_size=5, unique=True))
    return tuple(
        Eintrag(id=id_, komm_kz=draw(NUMBERS), tlf=draw(typed), bemerkung=draw(noted), online=draw(st.booleans()))
        for id_ in ids
    )


def _noted(marker: Marker | None, text: str) -> str | None:
    return (text or None) if marker is None else write_note(Note(after=text), marker)


noted = st.builds(_noted, markers, st.sampled_from(TEXTS))
remembered = st.one_of(
    st.builds(Agreed, id=st.integers(1, 11), kind=st.just("mail"), value=mails),
    st.builds(
        Agreed, id=st.integers(1, 11), kind=st.just("phone"), value=canonical_phones, type=st.sampled_from(TYPES)
    ),
)
memories = st.one_of(st.none(), st.lists(remembered, max_size=4, unique_by=lambda one: one.id).map(tuple))
worlds = st.builds(World, kontakte(), eintraege(), hidden=st.booleans())
