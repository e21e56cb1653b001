"""Mails and phones: what is done when Advoware has changed, or both sides, or a value cannot be taken."""

import pytest

from tests.support.kommunikation import ABOUT, World
from tests.support.kommunikation_cases import (
    CELL,
    CONFLICT,
    DESK,
    EVA,
    LAWN,
    REFUSED,
    ROTH,
    Case,
    check,
    entry,
    mail,
    phone,
    slot,
    was,
)

ADVOWARE_CHANGED = (
    Case(
        name="Var3: emptied in Advoware, the next of EspoCRM's becomes primary",
        espocrm=(mail(EVA, primary=True), mail(ROTH)),
        advoware=(entry(1, 4, None, EVA), entry(2, 4, ROTH, ROTH)),
        agreed=(was(1, EVA), was(2, ROTH)),
        then_espocrm=(mail(ROTH, primary=True),),
        then_advoware=(slot(1, 4), entry(2, 4, ROTH, ROTH)),
    ),
    Case(
        name="Var3: gone from Advoware",
        espocrm=(mail(EVA), mail(ROTH)),
        advoware=(entry(2, 4, ROTH, ROTH),),
        agreed=(was(1, EVA), was(2, ROTH)),
        then_espocrm=(mail(ROTH, primary=True),),
    ),
    Case(
        name="Var3: one of twins is gone",
        espocrm=(mail(EVA),),
        advoware=(entry(2, 4, EVA, EVA),),
        agreed=(was(1, EVA), was(2, EVA)),
    ),
    Case(
        name="gone from Advoware, its type changed in EspoCRM since: EspoCRM's stays",
        espocrm=(phone(DESK, "Home"),),
        agreed=(was(1, DESK, "Office"),),
        then_advoware=(entry(1, 6, DESK, DESK),),
    ),
    Case(
        name="Var4: new in Advoware, primary only where EspoCRM has none of its kind",
        espocrm=(mail(EVA, primary=True),),
        advoware=(
            entry(1, 4, EVA, EVA),
            entry(2, 4, " Kanzlei@Roth.example "),
            entry(3, 9, "0171/1234567", text="Jörg"),
        ),
        agreed=(was(1, EVA),),
        then_espocrm=(mail(EVA, primary=True), mail("Kanzlei@Roth.example"), phone(CELL, "Mobile", primary=True)),
        then_advoware=(
            entry(1, 4, EVA, EVA),
            entry(2, 4, " Kanzlei@Roth.example ", "Kanzlei@Roth.example"),
            entry(3, 9, "0171/1234567", CELL, text="Jörg"),
        ),
    ),
    Case(
        name="Var4: typed into a slot",
        advoware=(slot(1, 1, "0511 123456"),),
        then_espocrm=(phone(DESK, primary=True),),
        then_advoware=(entry(1, 1, "0511 123456", DESK),),
    ),
    Case(
        name="Var4: deleted in EspoCRM, and typed into another entry since",
        advoware=(entry(1, 4, EVA, EVA), entry(2, 4, EVA)),
        agreed=(was(1, EVA),),
        then_espocrm=(mail(EVA, primary=True),),
        then_advoware=(entry(1, 4, EVA, EVA), entry(2, 4, EVA, EVA)),
    ),
    Case(
        name="Var4: the same under another kommKz: it comes back as what it was",
        advoware=(entry(1, 2, DESK, DESK), entry(2, 1, DESK)),
        agreed=(was(1, DESK, "Fax"),),
        then_espocrm=(phone(DESK, "Fax", primary=True),),
        then_advoware=(entry(1, 2, DESK, DESK), entry(2, 1, DESK, DESK)),
    ),
    Case(
        name="Var6: changed in Advoware, in its place and with all that hangs on it",
        espocrm=(phone(DESK, "Home", primary=True, opt_out=True), phone(CELL, "Mobile")),
        advoware=(entry(1, 6, "030 999888", DESK), entry(2, 3, CELL, CELL)),
        agreed=(was(1, DESK, "Home"), was(2, CELL, "Mobile")),
        then_espocrm=(phone(LAWN, "Home", primary=True, opt_out=True), phone(CELL, "Mobile")),
        then_advoware=(entry(1, 6, "030 999888", LAWN), entry(2, 3, CELL, CELL)),
    ),
    Case(
        name="Var6: staff took the marker away; we remember the entry",
        espocrm=(mail(EVA, primary=True),),
        advoware=(entry(1, 4, ROTH, text="neu"),),
        agreed=(was(1, EVA),),
        then_espocrm=(mail(ROTH, primary=True),),
        then_advoware=(entry(1, 4, ROTH, ROTH, text="neu"),),
    ),
    Case(
        name="Var6: of twins one is changed, the other keeps EspoCRM's value",
        espocrm=(mail(EVA, primary=True),),
        advoware=(entry(1, 4, EVA, EVA), entry(2, 4, ROTH, EVA)),
        agreed=(was(1, EVA), was(2, EVA)),
        then_espocrm=(mail(EVA, primary=True), mail(ROTH)),
        then_advoware=(entry(1, 4, EVA, EVA), entry(2, 4, ROTH, ROTH)),
    ),
    Case(
        name="Var6: of twins both are changed, the first takes the place",
        espocrm=(mail(EVA, primary=True),),
        advoware=(entry(1, 4, ROTH, EVA), entry(2, 4, "ida@muster.example", EVA)),
        agreed=(was(1, EVA), was(2, EVA)),
        then_espocrm=(mail(ROTH, primary=True), mail("ida@muster.example")),
        then_advoware=(entry(1, 4, ROTH, ROTH), entry(2, 4, "ida@muster.example", "ida@muster.example")),
    ),
    Case(
        name="Var6: of twins one is changed, the other into no number: the base stays",
        espocrm=(phone(DESK, primary=True),),
        advoware=(entry(1, 1, LAWN, DESK), entry(2, 1, "Durchwahl 12", DESK)),
        agreed=(was(1, DESK, "Office"), was(2, DESK, "Office")),
        then_espocrm=(phone(DESK, primary=True), phone(LAWN)),
        then_advoware=(entry(1, 1, LAWN, LAWN), entry(2, 1, "Durchwahl 12", DESK)),
        told=((REFUSED, "Durchwahl 12"),),
    ),
    Case(
        name="Var6: a type that differed before stays",
        espocrm=(phone(DESK, "Mobile", primary=True),),
        advoware=(entry(1, 1, LAWN, DESK),),
        agreed=(was(1, DESK, "Mobile"),),
        then_espocrm=(phone(LAWN, "Mobile", primary=True),),
        then_advoware=(entry(1, 1, LAWN, LAWN),),
    ),
    Case(
        name="Var6: the type is changed too, by kommKz",
        espocrm=(phone(DESK, primary=True),),
        advoware=(entry(1, 3, CELL, DESK, kz=1),),
        agreed=(was(1, DESK, "Office"),),
        then_espocrm=(phone(CELL, "Mobile", primary=True),),
        then_advoware=(entry(1, 3, CELL, CELL),),
    ),
    Case(
        name="Var6: a number that EspoCRM has twice, from before it asked for E.164",
        espocrm=(phone("0511 123456", primary=True), phone(DESK, "Home")),
        advoware=(entry(1, 1, LAWN, DESK),),
        agreed=(was(1, "0511 123456", "Office"),),
        then_espocrm=(phone(LAWN, primary=True),),
        then_advoware=(entry(1, 1, LAWN, LAWN),),
    ),
    Case(
        name="changed into what EspoCRM has anyhow: linked to that, and types stay",
        espocrm=(phone(DESK), phone(LAWN, "Mobile", primary=True)),
        advoware=(entry(1, 6, LAWN, DESK, kz=1),),
        agreed=(was(1, DESK, "Office"),),
        then_espocrm=(phone(LAWN, "Mobile", primary=True),),
        then_advoware=(entry(1, 6, LAWN, LAWN),),
    ),
    Case(
        name="kommKz changed in Advoware: EspoCRM's type follows",
        espocrm=(phone(DESK, primary=True),),
        advoware=(entry(1, 6, DESK, DESK, kz=1),),
        agreed=(was(1, DESK, "Office"),),
        then_espocrm=(phone(DESK, "Home", primary=True),),
        then_advoware=(entry(1, 6, DESK, DESK),),
    ),
    Case(
        name="kommKz changed to one of the same type",
        espocrm=(phone(CELL, "Mobile"),),
        advoware=(entry(1, 9, CELL, CELL, kz=3),),
        agreed=(was(1, CELL, "Mobile"),),
        then_advoware=(entry(1, 9, CELL, CELL),),
    ),
    Case(name="an Internet address is left alone", advoware=(entry(1, 5, "www.muster.example"),)),
)
BOTH_CHANGED = (
    Case(
        name="conflict: both changed it, EspoCRM's is kept, the other entry's change goes through",
        espocrm=(mail(ROTH), phone(DESK, primary=True)),
        advoware=(entry(1, 4, "eva@neu.example", EVA), entry(2, 1, LAWN, DESK)),
        agreed=(was(1, EVA), was(2, DESK, "Office")),
        then_espocrm=(mail(ROTH), phone(LAWN, primary=True)),
        then_advoware=(entry(1, 4, ROTH, ROTH), entry(2, 1, LAWN, LAWN)),
        told=((CONFLICT, "eva@neu.example"),),
    ),
    Case(
        name="conflict: deleted in EspoCRM, changed in Advoware",
        advoware=(entry(1, 4, ROTH, EVA, text="neu"),),
        agreed=(was(1, EVA),),
        then_advoware=(slot(1, 4, text="neu"),),
        told=((CONFLICT, ROTH),),
    ),
    Case(
        name="conflict: the type is changed on both sides",
        espocrm=(phone(DESK, "Mobile"),),
        advoware=(entry(1, 6, DESK, DESK, kz=1),),
        agreed=(was(1, DESK, "Office"),),
        then_advoware=(slot(1, 6), entry(2, 3, DESK, DESK)),
        told=((CONFLICT, f"{DESK} (Home)"),),
    ),
    Case(
        name="both made the same change",
        espocrm=(mail(ROTH),),
        advoware=(entry(1, 4, "Kanzlei@roth.example", EVA),),
        agreed=(was(1, EVA),),
        then_advoware=(entry(1, 4, "Kanzlei@roth.example", ROTH),),
    ),
    Case(
        name="both deleted it",
        advoware=(entry(1, 4, "", EVA),),
        agreed=(was(1, EVA),),
        then_advoware=(slot(1, 4),),
    ),
    Case(
        name="emptied in Advoware, changed in EspoCRM",
        espocrm=(mail(ROTH),),
        advoware=(entry(1, 4, "", EVA),),
        agreed=(was(1, EVA),),
        then_advoware=(entry(1, 4, ROTH, ROTH),),
    ),
)
TEN = tuple(phone(f"+4951110000{number}", primary=number == 0) for number in range(10))
NOT_TAKEN = (
    Case(
        name="no number: told, not carried, not touched",
        advoware=(entry(1, 1, "0511 123456 (Büro)"), slot(2, 1, "Durchwahl 12")),
        told=((REFUSED, "0511 123456 (Büro)"), (REFUSED, "Durchwahl 12")),
    ),
    Case(
        name="no mail that EspoCRM takes",
        advoware=(entry(1, 4, "jörg@müßig.example"), entry(2, 12, "DE.BRAK.1234")),
        told=((REFUSED, "jörg@müßig.example"), (REFUSED, "DE.BRAK.1234")),
    ),
    Case(
        name="changed in Advoware into no number: EspoCRM keeps what it has, and nothing is posted for it",
        espocrm=(phone(DESK),),
        advoware=(entry(1, 1, "Durchwahl 12", DESK),),
        agreed=(was(1, DESK, "Office"),),
        told=((REFUSED, "Durchwahl 12"),),
    ),
    Case(
        name="the same, and the marker taken away: it is put back, for it is the base",
        espocrm=(phone(DESK),),
        advoware=(entry(1, 1, "Durchwahl 12"),),
        agreed=(was(1, DESK, "Office"),),
        then_advoware=(entry(1, 1, "Durchwahl 12", DESK),),
        told=((REFUSED, "Durchwahl 12"),),
    ),
    Case(
        name="changed into no number, and changed in EspoCRM",
        espocrm=(phone(LAWN),),
        advoware=(entry(1, 1, "Durchwahl 12", DESK),),
        agreed=(was(1, DESK, "Office"),),
        then_advoware=(entry(1, 1, LAWN, LAWN),),
        told=((CONFLICT, "Durchwahl 12"),),
    ),
    Case(
        name="an eleventh number is not carried; one in the place of another is",
        espocrm=TEN,
        advoware=(
            *(entry(number + 1, 1, one.value, one.value) for number, one in enumerate(TEN[:9])),
            entry(10, 1, DESK, TEN[9].value),
            entry(11, 3, CELL),
        ),
        agreed=tuple(was(number + 1, one.value, "Office") for number, one in enumerate(TEN)),
        then_espocrm=(*TEN[:9], phone(DESK)),
        then_advoware=(
            *(entry(number + 1, 1, one.value, one.value) for number, one in enumerate(TEN[:9])),
            entry(10, 1, DESK, DESK),
            entry(11, 3, CELL),
        ),
        told=((REFUSED, CELL),),
    ),
)


@pytest.mark.parametrize("case", [*ADVOWARE_CHANGED, *BOTH_CHANGED, *NOT_TAKEN], ids=lambda case: case.name)
def test_what_becomes_of_both_sides(case: Case) -> None:
    """One row of the table for each situation."""
    check(case)


def test_what_is_told_is_told_once() -> None:
    """A refused value has the same key in every run; another value has another."""
    first, second = (World((), (entry(1, 1, tlf),)) for tlf in ("Durchwahl 12", "Durchwahl 13"))
    keys = [world.plan(()).notices[0].key for world in (first, first, second)]
    assert keys[0] == keys[1] != keys[2]
    assert first.plan(()).notices[0].about == ABOUT


def test_equal_refusals_are_one() -> None:
    """Two entries with the same refused value are one notice."""
    world = World((), (entry(1, 1, "Durchwahl 12"), entry(2, 1, "Durchwahl 12")))
    assert len(world.plan(()).notices) == 1
