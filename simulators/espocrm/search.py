"""List requests: their parameters, and the page of records they give."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from simulators.espocrm import views
from simulators.espocrm.answers import Refused
from simulators.espocrm.collation import folded, like_pattern, sort_key
from simulators.espocrm.records import Records, Row
from simulators.espocrm.schema import Attribute, Shape
from simulators.espocrm.where import Where

MAX_SIZE = 200  # recordListMaxSizeLimit


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """One list request, read but not yet checked against an entity type."""

    where: Any = None
    select: list[str] | None = None
    order_by: str | None = None
    order: str | None = None
    offset: int = 0
    max_size: int = MAX_SIZE
    text: str | None = None
    no_total: bool = False
    primary: str | None = None
    bools: list[str] = []


def read(query: Iterable[tuple[str, str]], *, no_total: bool) -> Search:
    """From the query string; `searchParams` (JSON) makes all other parameters void."""
    params = php_query(query)
    if "searchParams" in params:
        return _checked(_from_json(str(params["searchParams"]), no_total=no_total))
    select = params.get("select") or params.get("attributeSelect")
    q = params.get("q")
    return _checked(
        Search(
            where=params.get("where", params.get("whereGroup")),
            select=str(select).split(",") if select else None,
            order_by=_text(params.get("orderBy")),
            order=_text(params.get("order")),
            offset=_php_int(params.get("offset")) or 0,
            max_size=_php_int(params["maxSize"]) if "maxSize" in params else MAX_SIZE,
            text=_text(q or params.get("textFilter")),
            no_total=no_total or bool(q),
            primary=_text(params.get("primaryFilter")),
            bools=[str(item) for item in _list(params.get("boolFilterList"))],
        )
    )


def _from_json(text: str, *, no_total: bool) -> Search:
    try:
        params = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise Refused(400, "Invalid search params JSON.") from None
    for name in ("select", "boolFilterList"):
        if params.get(name) is not None and not isinstance(params[name], list):
            raise Refused(400, f"{name} should be array.")
    for name in ("orderBy", "order", "textFilter", "q", "primaryFilter"):
        if params.get(name) is not None and not isinstance(params[name], str):
            raise Refused(400, f"{name} should be string.")
    for name in ("maxSize", "offset"):
        value = params.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise Refused(400, f"{name} must be integer.")
    max_size = params.get("maxSize")
    q = params.get("q")
    return Search(
        where=params.get("where", params.get("whereGroup")),
        select=params.get("select"),
        order_by=params.get("orderBy"),
        order=params.get("order"),
        offset=params.get("offset") or 0,
        max_size=MAX_SIZE if max_size is None else max_size,
        text=q or params.get("textFilter"),
        no_total=no_total or bool(q),
        primary=params.get("primaryFilter"),
        bools=[str(item) for item in params.get("boolFilterList") or []],
    )


def _checked(search: Search) -> Search:
    if search.max_size > MAX_SIZE:
        raise Refused(403, f"Max size should not exceed {MAX_SIZE}. Use offset and limit.")
    if search.offset < 0 or search.max_size < 0:
        raise Refused(500)  # the database refuses the LIMIT
    if search.order is not None and str(search.order).lower() not in ("asc", "desc"):
        raise Refused(400, "order value is bad.")
    return search


def page(records: Records, shape: Shape, rows: Iterable[Row], search: Search, user_id: str) -> Row:
    """{"total", "list"} of those rows."""
    order_by = _order_attribute(shape, search.order_by)
    for name in search.bools:
        if name != "onlyMy":
            raise Refused(400, f"No bool filter '{name}' for '{shape.name}'.")
    if search.primary:
        raise Refused(400, f"No primary filter '{search.primary}' for '{shape.name}'.")
    test = Where(records, shape).all_of(search.where)
    found = [row for row in rows if test is None or test(row)]
    if search.text:
        found = [row for row in found if _text_filter(search.text)(row)]
    if "onlyMy" in search.bools:
        mine = "assignedUserId" if "assignedUser" in shape.fields else "createdById"
        found = [row for row in found if row.get(mine) == user_id]
    down = str(search.order or ("asc" if search.order_by else "desc")).lower() == "desc"
    if order_by is not None:
        value = _sort_value(records, shape, order_by)
        found.sort(key=lambda row: (sort_key(value(row)), str(row["id"])), reverse=down)
    start, stop = search.offset, search.offset + search.max_size
    total = len(found)
    if search.no_total:
        total = -1 if len(found) > stop else -2
    attributes = _selected(shape, search.select, order_by)
    return {
        "total": total,
        "list": [views.in_list(records, shape, row, attributes) for row in found[start:stop]],
    }


def _order_attribute(shape: Shape, name: str | None) -> Attribute | None:
    if name is None:
        return shape.attributes.get("createdAt")
    if "." in name or ":" in name:
        raise Refused(403, "Bad order.")
    if name in shape.fields and shape.fields[name].type in ("link", "file"):
        return shape.attributes[f"{name}Name"]
    attribute = shape.attributes.get(name)
    if attribute is None or attribute.kind in ("linkIds", "linkNames", "constant", "contactData"):
        raise Refused(400, f"Order by non-existing field '{name}'.")
    return attribute


def _sort_value(records: Records, shape: Shape, attribute: Attribute) -> Callable[[Row], object]:
    if attribute.is_stored:
        return lambda row: row.get(attribute.name)
    return lambda row: views.value_of(records, shape, row, attribute)


def _selected(shape: Shape, select: list[str] | None, order_by: Attribute | None) -> list[Attribute]:
    """What was asked for, id, the order, and what access control needs; in the record's own order."""
    if select is None:
        return list(shape.in_lists)
    names = {"id", "createdById", "assignedUserId", *(str(name).strip() for name in select)}
    if order_by is not None and order_by.is_stored:
        names.add(order_by.name)
    for link in shape.type.links:
        if link.multiple and f"{link.name}Ids" in names:
            names.add(f"{link.name}Names")
    # The data of addresses and numbers is loaded by the single read only, whatever is asked for.
    return [a for a in shape.attributes.values() if a.name in names and a.kind != "contactData"]


def _text_filter(text: str) -> Callable[[Row], bool]:
    """Names that begin with the text; * stands for anything."""
    pattern = like_pattern(text.replace("*", "%") if "*" in text else f"{text}%")
    return lambda row: pattern.fullmatch(folded(str(row.get("name") or ""))) is not None


def php_query(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Query parameters as PHP reads them: a[0][b]=x becomes nested lists and objects."""
    tree: dict[str, Any] = {}
    for key, value in pairs:
        first, *rest = re.split(r"\]\[|\[|\]", key)
        path = [first, *rest[:-1]] if rest else [first]
        node = tree
        for step in path[:-1]:
            below = node.setdefault(step or str(len(node)), {})
            if not isinstance(below, dict):
                below = node[step] = {}
            node = below
        node[path[-1] or str(len(node))] = value
    return {key: _with_lists(value) for key, value in tree.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if all(key.isdigit() for key in value):
        return [_with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _with_lists(item) for key, item in value.items()}


def _php_int(value: object) -> int:
    leading = re.match(r"\s*-?\d+", str(value)) if value is not None else None
    return int(leading.group()) if leading else 0


def _text(value: object) -> str | None:
    return str(value) if value not in (None, "") else None


def _list(value: object) -> Mapping[str, object] | list[object]:
    return value if isinstance(value, (list, dict)) else []
