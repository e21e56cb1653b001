"""The where filter on e-mail addresses and phone numbers: it looks at all that a record has, not at the primary."""

from collections.abc import Callable

from simulators.espocrm.answers import Refused
from simulators.espocrm.collation import folded, like_pattern
from simulators.espocrm.records import Records, Row
from simulators.espocrm.schema import Attribute, Shape

Test = Callable[[Row], bool]


class ContactTests:
    """Core/Utils/Database/Orm/FieldConverters/{Email,Phone}: the where part of their attributes."""

    def __init__(self, records: Records, shape: Shape, attribute: Attribute) -> None:
        self._records = records
        self._shape = shape
        self._attribute = attribute

    def of(self, kind: str, value: object) -> Test:
        """One test of a row. 400 for a kind that makes no sense here."""
        if self._attribute.kind == "contactFlag":
            return self._of_flag(kind)
        if kind == "isNull" or (kind == "equals" and value is None):
            return lambda row: not self._keys(row)
        if kind == "isNotNull" or (kind == "notEquals" and value is None):
            return lambda row: bool(self._keys(row))
        wanted = {folded(str(item)) for item in (value if isinstance(value, list) else [value])}
        if kind in ("equals", "in"):
            return lambda row: not wanted.isdisjoint(self._keys(row))
        if kind == "notIn" and self._attribute.of == "phoneNumber":
            # The vendor's own reading: has a number that is none of these.
            return lambda row: any(key not in wanted for key in self._keys(row))
        if kind in ("notEquals", "notIn"):
            return lambda row: wanted.isdisjoint(self._keys(row))
        return self._like(kind, str(value))

    def _like(self, kind: str, value: str) -> Test:
        around = {"startsWith": "{}%", "endsWith": "%{}", "contains": "%{}%", "notContains": "%{}%"}
        if kind not in (*around, "like", "notLike"):
            raise Refused(400, f"Bad where item '{kind}'.")
        pattern = like_pattern(around.get(kind, "{}").format(value))
        wanted = not kind.startswith("not")
        return lambda row: any(pattern.fullmatch(key) for key in self._keys(row)) is wanted

    def _of_flag(self, kind: str) -> Test:
        if kind not in ("isTrue", "isFalse"):
            raise Refused(400, f"Bad where item '{kind}'.")
        wanted = kind == "isTrue"
        value = self._records.contacts.value
        return lambda row: bool(value(self._attribute, self._shape.name, str(row["id"]))) is wanted

    def _keys(self, row: Row) -> list[str]:
        keys = self._records.contacts.keys(self._attribute.of, self._shape.name, str(row["id"]))
        return [folded(key) for key in keys]
