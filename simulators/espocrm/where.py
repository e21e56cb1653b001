"""The where filter of lists: item types, and what each refuses."""

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Mapping

from simulators.espocrm.answers import Refused
from simulators.espocrm.collation import comparable, contains_any, like_pattern
from simulators.espocrm.contact_where import ContactTests
from simulators.espocrm.records import Records, Row
from simulators.espocrm.schema import Attribute, Link, Shape

Test = Callable[[Row], bool]

_KEYS = frozenset({"type", "attribute", "field", "value", "dateTime", "date", "timeZone"})
_SUB_QUERIES = frozenset({"not", "subQueryIn", "subQueryNotIn"})
_LINKS = frozenset({"linkedWith", "notLinkedWith", "linkedWithAll", "isLinked", "isNotLinked"})
_ARRAYS = frozenset({"arrayAnyOf", "arrayNoneOf", "arrayAllOf", "arrayIsEmpty", "arrayIsNotEmpty"})
_COMPARED = frozenset({"after", "before", "greaterThan", "lessThan", "greaterThanOrEquals", "lessThanOrEquals"})
_TEXTS = frozenset({"like", "notLike", "startsWith", "endsWith", "contains", "notContains"})
_PLAIN = frozenset(
    {
        "equals",
        "on",
        "notEquals",
        "notOn",
        "in",
        "notIn",
        "isNull",
        "isNotNull",
        "isTrue",
        "isFalse",
        "between",
    }
    | {"any", "ever", "none"}
)
# The vendor knows them, this simulator does not: said openly with 501 rather than answered wrongly.
_NOT_IMITATED = re.compile(
    r"today|past|future|(last|next|olderThan|after)XDays|lastSevenDays|(current|next|last)Month"
    r"|(current|last)(Fiscal)?(Quarter|Year)|column(Like|In|NotIn|IsNull|IsNotNull|Equals|NotEquals)"
    r"|inCategory|isUserFromTeams|bool|primary|textFilter"
)


class Where:
    """Turns where items into one test of a row (Core/Select/Where/{Checker,ItemGeneralConverter})."""

    def __init__(self, records: Records, shape: Shape) -> None:
        self._records = records
        self._shape = shape

    def all_of(self, items: object) -> Test | None:
        """A test for "all of these"; None when there is nothing to test."""
        if items is None or items == "":
            return None
        if not isinstance(items, list):
            raise Refused(400, "Bad where.")
        tests = [self._item(item) for item in items]
        return (lambda row: all(test(row) for test in tests)) if tests else None

    def _item(self, item: object) -> Test:
        if not isinstance(item, dict) or not item.get("type") or not item.keys() <= _KEYS:
            raise Refused(500)
        kind = str(item["type"])
        if kind in ("and", "or"):
            return self._group(kind, item.get("value"))
        if kind in _SUB_QUERIES:
            raise Refused(400, _twice("Sub-queries are forbidden in where."))
        name = str(item.get("attribute") or item.get("field") or "")
        if "." in name or ":" in name or kind == "expression":
            raise Refused(400, _twice("Complex expressions are forbidden in where."))
        if kind in _LINKS:
            return self._link(kind, name, item.get("value"))
        if _NOT_IMITATED.fullmatch(kind):
            raise Refused(501, f"The simulator does not imitate where type {kind}.")
        if kind not in _PLAIN | _COMPARED | _TEXTS | _ARRAYS:
            raise Refused(400, f"Unknown where item type '{kind}'.")
        attribute = self._shape.attributes.get(name)
        if attribute is not None and attribute.kind in ("contact", "contactFlag"):
            return ContactTests(self._records, self._shape, attribute).of(kind, item.get("value"))
        if attribute is None or not attribute.is_stored:
            raise Refused(400, f"Not existing attribute '{name}' in where.")
        return self._plain(kind, attribute, item)

    def _group(self, kind: str, value: object) -> Test:
        if not isinstance(value, list):
            raise Refused(400, f"Bad where item '{kind}'.")
        tests = [self._item(item) for item in value]
        if kind == "and":
            return lambda row: all(test(row) for test in tests)
        return lambda row: any(test(row) for test in tests)

    def _plain(self, kind: str, attribute: Attribute, item: Mapping[str, object]) -> Test:
        value = item.get("value")
        if item.get("dateTime") and isinstance(value, str) and len(value) == len("2026-01-01"):
            return _of_day(kind, attribute.name, value, str(item.get("timeZone") or "UTC"))
        if kind in _ARRAYS:
            return _array(kind, attribute.name, value)
        if kind in _TEXTS:
            return _text(kind, attribute, str(value))
        if kind in _COMPARED:
            return _compared(kind, attribute, value)
        if kind == "between":
            if not isinstance(value, list) or len(value) < 2:
                raise Refused(400, "Bad where item 'between'.")
            above = _compared("greaterThanOrEquals", attribute, value[0])
            below = _compared("lessThanOrEquals", attribute, value[1])
            return lambda row: above(row) and below(row)
        return _equal(kind, attribute, value)

    def _link(self, kind: str, name: str, value: object) -> Test:
        link = self._shape.links.get(name)
        if link is None:
            raise Refused(400, f"Not existing link '{name}' in where.")
        if kind in ("isLinked", "isNotLinked"):
            wanted = kind == "isLinked"
            return lambda row: bool(self._linked(row, link)) is wanted
        ids = [str(item) for item in (value if isinstance(value, list) else [value])]
        for other in ids:
            if self._records.find(link.entity, other) is None:
                raise Refused(400, _twice(f"Record '{link.entity}' `{other}` not found."))
        if kind == "linkedWithAll":
            return lambda row: set(ids) <= set(self._linked(row, link))
        wanted = kind == "linkedWith"
        return lambda row: (not set(ids).isdisjoint(self._linked(row, link))) is wanted

    def _linked(self, row: Row, link: Link) -> list[str]:
        return self._records.linked_ids(self._shape.name, str(row["id"]), link)


def _twice(reason: str) -> str:
    """9.2 repeats the message where an exception wraps another."""
    return f"{reason} {reason}"


def _equal(kind: str, attribute: Attribute, value: object) -> Test:
    name = attribute.name
    simple: dict[str, Test] = {
        "isNull": lambda row: row.get(name) is None,
        "isNotNull": lambda row: row.get(name) is not None,
        "isTrue": lambda row: bool(row.get(name)),
        "isFalse": lambda row: row.get(name) is False,
        "any": lambda _row: True,
        "ever": lambda row: row.get(name) is not None,
        "none": lambda _row: False,
    }
    if kind in simple:
        return simple[kind]
    if kind in ("in", "notIn") and not isinstance(value, list):
        raise Refused(400, f"Bad where item '{kind}'.")
    if value is None:
        return simple["isNull" if kind in ("equals", "on") else "isNotNull"]
    wanted = {comparable(attribute, item) for item in (value if isinstance(value, list) else [value])}
    if kind in ("equals", "on", "in"):
        return lambda row: row.get(name) is not None and comparable(attribute, row[name]) in wanted
    # As in SQL, null is neither equal nor unequal.
    return lambda row: row.get(name) is not None and comparable(attribute, row[name]) not in wanted


def _compared(kind: str, attribute: Attribute, value: object) -> Test:
    limit = comparable(attribute, value)
    name = attribute.name

    def sign(row: Row) -> int | None:
        have = comparable(attribute, row.get(name))
        if have is None or limit is None:
            return None
        if isinstance(have, str) or isinstance(limit, str):
            return (str(have) > str(limit)) - (str(have) < str(limit))
        return (have > limit) - (have < limit)

    wanted = {
        "after": (1,),
        "greaterThan": (1,),
        "before": (-1,),
        "lessThan": (-1,),
        "greaterThanOrEquals": (0, 1),
        "lessThanOrEquals": (-1, 0),
    }[kind]
    return lambda row: sign(row) in wanted


def _text(kind: str, attribute: Attribute, value: str) -> Test:
    pattern = like_pattern(
        {
            "startsWith": f"{value}%",
            "endsWith": f"%{value}",
            "contains": f"%{value}%",
            "notContains": f"%{value}%",
        }.get(kind, value)
    )
    wanted = not kind.startswith("not")
    name = attribute.name

    def test(row: Row) -> bool:
        have = comparable(attribute, row.get(name))
        return have is not None and (pattern.fullmatch(str(have)) is not None) is wanted

    return test


def _array(kind: str, name: str, value: object) -> Test:
    if kind in ("arrayIsEmpty", "arrayIsNotEmpty"):
        wanted = kind == "arrayIsNotEmpty"
        return lambda row: bool(row.get(name)) is wanted
    if value is None:
        raise Refused(400, f"Bad where item '{kind}'.")
    items = value if isinstance(value, list) else [value]
    if kind == "arrayAllOf":
        return lambda row: all(contains_any(row.get(name), [item]) for item in items)
    wanted = kind == "arrayAnyOf"
    return lambda row: contains_any(row.get(name), items) is wanted


def _of_day(kind: str, name: str, day: str, zone: str) -> Test:
    """A date on a datetime field, spread over that day in the zone."""
    try:
        start = dt.datetime.fromisoformat(day).replace(tzinfo=zoneinfo.ZoneInfo(zone))
    except (ValueError, zoneinfo.ZoneInfoNotFoundError):
        raise Refused(400, f"Bad where item '{kind}'.") from None
    first, last = (
        moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
        for moment in (start, start + dt.timedelta(days=1) - dt.timedelta(seconds=1))
    )
    tests: dict[str, Callable[[str], bool]] = {
        "after": lambda have: have > last,
        "before": lambda have: have < first,
        "on": lambda have: first <= have <= last,
        "equals": lambda have: first <= have <= last,
        "notOn": lambda have: not first <= have <= last,
        "greaterThanOrEquals": lambda have: have >= first,
        "lessThanOrEquals": lambda have: have <= last,
    }
    if kind not in tests:
        raise Refused(400, f"Bad where item '{kind}'.")
    return lambda row: row.get(name) is not None and tests[kind](str(row[name]))
