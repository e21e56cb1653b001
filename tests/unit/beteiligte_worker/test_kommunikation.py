"""Mails and phones: the first sync, and what is done when only EspoCRM has changed."""

import pytest

from tests.support.kommunikation_cases import (
    CELL,
    DESK,
    EVA,
    LAWN,
    REFUSED,
    ROTH,
    Case,
    check,
    entry,
    mail,
    online,
    phone,
    slot,
    was,
)

FIRST_SYNC = (
    Case(name="nothing anywhere", agreed=None),
    Case(
        name="first sync: equal values are matched, in any spelling, and never doubled",
        agreed=None,
        espocrm=(mail(EVA, primary=True), phone(DESK, primary=True)),
        advoware=(entry(1, 4, "Eva@Muster.example "), entry(2, 1, "0511-123456", text="Zentrale")),
        then_advoware=(entry(1, 4, "Eva@Muster.example ", EVA), entry(2, 1, "0511-123456", DESK, text="Zentrale")),
    ),
    Case(
        name="first sync: what only one side has comes to the other",
        agreed=None,
        espocrm=(mail(EVA, primary=True),),
        advoware=(entry(1, 8, ROTH),),
        then_espocrm=(mail(EVA, primary=True), mail(ROTH)),
        then_advoware=(entry(1, 8, ROTH, ROTH), online(entry(2, 4, EVA, EVA))),
    ),
    Case(
        name="first sync: a type that differs is nobody's change and stays",
        agreed=None,
        espocrm=(phone(DESK, "Mobile", primary=True),),
        advoware=(entry(1, 1, "0511 123456"),),
        then_advoware=(entry(1, 1, "0511 123456", DESK),),
    ),
    Case(
        name="first sync: twins are linked to the one value of EspoCRM",
        agreed=None,
        espocrm=(phone(DESK, primary=True),),
        advoware=(entry(1, 1, DESK), entry(2, 2, "0511/123456")),
        then_advoware=(entry(1, 1, DESK, DESK), entry(2, 2, "0511/123456", DESK)),
    ),
    Case(
        name="first sync: a marker that another record has left behind does not say that EspoCRM has deleted",
        agreed=None,
        espocrm=(),
        advoware=(entry(1, 4, EVA, EVA),),
        then_espocrm=(mail(EVA, primary=True),),
    ),
)
ESPOCRM_CHANGED = (
    Case(
        name="Var1: new in EspoCRM, an empty slot of its kommKz is used, the text of staff stays",
        espocrm=(phone(CELL, "Mobile", primary=True),),
        advoware=(slot(1, 1), slot(2, 3, text="nur abends")),
        then_advoware=(slot(1, 1), entry(2, 3, CELL, CELL, text="nur abends")),
    ),
    Case(
        name="Var1: new in EspoCRM, no slot of its kommKz",
        espocrm=(phone(CELL, "Mobile", primary=True),),
        advoware=(slot(1, 9),),
        then_advoware=(slot(1, 9), online(entry(2, 3, CELL, CELL))),
    ),
    Case(
        name="Var1: an empty entry that was never ours is nobody's slot",
        espocrm=(mail(EVA),),
        advoware=(entry(1, 4, ""),),
        then_advoware=(entry(1, 4, ""), entry(2, 4, EVA, EVA)),
    ),
    Case(
        name="Var2: deleted in EspoCRM",
        advoware=(entry(1, 4, EVA, EVA, text="privat?"),),
        agreed=(was(1, EVA),),
        then_advoware=(slot(1, 4, text="privat?"),),
    ),
    Case(
        name="Var2: deleted in EspoCRM empties all twins",
        advoware=(entry(1, 4, EVA, EVA), entry(2, 8, "EVA@muster.example", EVA)),
        agreed=(was(1, EVA), was(2, EVA)),
        then_advoware=(slot(1, 4), slot(2, 8)),
    ),
    Case(
        name="Var5: changed in EspoCRM is one write to the same entry",
        espocrm=(mail(ROTH),),
        advoware=(slot(1, 4), entry(2, 4, EVA, EVA, text="Büro")),
        agreed=(was(2, EVA),),
        then_advoware=(slot(1, 4), entry(2, 4, ROTH, ROTH, text="Büro")),
    ),
    Case(
        name="Var5: a private mail stays a private one",
        espocrm=(mail(ROTH),),
        advoware=(entry(1, 8, EVA, EVA),),
        agreed=(was(1, EVA),),
        then_advoware=(entry(1, 8, ROTH, ROTH),),
    ),
    Case(
        name="Var5: of twins the first gets the new value, the others become slots",
        espocrm=(mail(ROTH),),
        advoware=(entry(1, 4, EVA, EVA), entry(2, 4, EVA, EVA)),
        agreed=(was(1, EVA), was(2, EVA)),
        then_advoware=(entry(1, 4, ROTH, ROTH), slot(2, 4)),
    ),
    Case(
        name="only the spelling differs",
        espocrm=(mail("EVA@muster.example"), phone(DESK)),
        advoware=(entry(1, 4, EVA, EVA), entry(2, 1, "+49 (0)511 / 123456", "0511-123456")),
        agreed=(was(1, EVA), was(2, DESK, "Office")),
    ),
    Case(
        name="the type changes in EspoCRM: kommKz cannot, so the value moves",
        espocrm=(phone(DESK, "Home"),),
        advoware=(entry(1, 1, DESK, DESK, text="Zentrale"),),
        agreed=(was(1, DESK, "Office"),),
        then_advoware=(slot(1, 1, text="Zentrale"), entry(2, 6, DESK, DESK)),
    ),
    Case(
        name="two types are exchanged in EspoCRM: two writes, nothing new",
        espocrm=(phone(DESK, "Mobile"), phone(CELL, "Office")),
        advoware=(entry(1, 1, DESK, DESK), entry(2, 3, CELL, CELL)),
        agreed=(was(1, DESK, "Office"), was(2, CELL, "Mobile")),
        then_advoware=(entry(1, 1, CELL, CELL), entry(2, 3, DESK, DESK)),
    ),
    Case(
        name="the type becomes one that a twin has already",
        espocrm=(phone(DESK, "Fax"),),
        advoware=(entry(1, 1, DESK, DESK), entry(2, 2, DESK, DESK)),
        agreed=(was(1, DESK, "Office"), was(2, DESK, "Office")),
    ),
    Case(
        name="the type changes, and one of twins is changed in Advoware",
        espocrm=(phone(DESK, "Home", primary=True),),
        advoware=(entry(1, 1, DESK, DESK), entry(2, 1, LAWN, DESK)),
        agreed=(was(1, DESK, "Office"), was(2, DESK, "Office")),
        then_espocrm=(phone(DESK, "Home", primary=True), phone(LAWN)),
        then_advoware=(slot(1, 1), entry(2, 1, LAWN, LAWN), online(entry(3, 6, DESK, DESK))),
    ),
    Case(
        name="the type changes, and an entry holds what EspoCRM does not take: it waits",
        espocrm=(phone(DESK, "Home"),),
        advoware=(entry(1, 1, DESK, DESK), entry(2, 1, "Durchwahl 12", DESK)),
        agreed=(was(1, DESK, "Office"), was(2, DESK, "Office")),
        told=((REFUSED, "Durchwahl 12"),),
    ),
    Case(
        name="the type changes, and the run died when it had made the new entry",
        espocrm=(phone(DESK, "Home"),),
        advoware=(entry(1, 1, DESK, DESK), entry(2, 6, DESK, DESK)),
        agreed=(was(1, DESK, "Office"),),
        then_advoware=(slot(1, 1), entry(2, 6, DESK, DESK)),
    ),
    Case(
        name="staff copied an entry and gave the copy another kommKz: EspoCRM's type was not about the copy",
        espocrm=(phone(DESK, "Fax"),),
        advoware=(entry(1, 6, DESK, DESK), entry(2, 1, DESK, DESK, kz=6)),
        agreed=(was(1, DESK, "Fax"),),
        then_advoware=(entry(1, 6, DESK, DESK), entry(2, 1, DESK, DESK)),
    ),
)


@pytest.mark.parametrize("case", [*FIRST_SYNC, *ESPOCRM_CHANGED], ids=lambda case: case.name)
def test_what_becomes_of_advoware(case: Case) -> None:
    """One row of the table for each situation."""
    check(case)
