"""What EspoCRM does with values that are written: drops, normalises, refuses."""

import datetime as dt
import re
from collections.abc import Callable, Mapping

from simulators.espocrm.answers import Refused, invalid
from simulators.espocrm.contact_fields import Bad, Values, clean_contacts
from simulators.espocrm.schema import SYSTEM, Field, Shape

_DATETIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?")
_MAX_ITEM_LENGTH = 100

__all__ = ["Values", "clean"]


def clean(shape: Shape, body: Mapping[str, object], *, new: bool) -> Values:
    """The attributes that will be written. Unknown and system ones are gone; the first bad field is a 400."""
    values: Values = {}
    for field in shape.type.fields:
        if field.read_only:
            continue
        try:
            _clean_field(shape, field, body, values, new=new)
        except Bad as bad:
            raise invalid(shape.name, field.name, str(bad)) from None
    for link in shape.type.links:
        ids = body.get(f"{link.name}Ids")
        if link.multiple and isinstance(ids, list):
            values[f"{link.name}Ids"] = [str(item) for item in ids]
    return values


def _clean_field(shape: Shape, field: Field, body: Mapping[str, object], values: Values, *, new: bool) -> None:
    if field.type in ("email", "phone"):
        clean_contacts(field, body, values)
        return
    for attribute in shape.by_field[field.name]:
        if attribute.name in body and attribute.is_stored and attribute.name not in SYSTEM:
            values[attribute.name] = _normal(field, body[attribute.name])
    if field.required:
        key = shape.by_field[field.name][0].name
        given = values.get(key, shape.defaults.get(field.name))
        if (new or key in values) and given in (None, [], ""):
            raise Bad("required")
    if field.type == "linkParent" and field.options is not None:
        leads_to = values.get(f"{field.name}Type")
        if leads_to is not None and leads_to not in field.options:
            raise Bad("valid")


def _normal(field: Field, value: object) -> object:
    if value is None:
        return None
    return _NORMAL.get(field.type, _text)(field, value)


def _varchar(field: Field, value: object) -> object:
    text = (_as_text(value) or "").strip()
    if field.max_length is not None and len(text) > field.max_length:
        raise Bad("maxLength")
    if text and field.pattern and not re.fullmatch(field.pattern, text, re.DOTALL):
        raise Bad("pattern")
    return text or None


def _text(field: Field, value: object) -> object:
    text = _as_text(value)
    if field.max_length is not None and text is not None and len(text) > field.max_length:
        raise Bad("maxLength")
    return text


def _as_text(value: object) -> str | None:
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str):
        raise Refused(500)  # PHP's mb_strlen has no answer to an array
    return value or None


def _enum(field: Field, value: object) -> object:
    if value == "":
        return None
    if field.options is not None and value not in field.options:
        raise Bad("valid")
    return value


def _int(field: Field, value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Bad("valid")
    if field.minimum is not None and value < field.minimum:
        raise Bad("min")
    return value


def _float(_field: Field, value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Bad("valid")
    return value


def _bool(_field: Field, value: object) -> object:
    return bool(value)


def _date(_field: Field, value: object) -> object:
    if value == "":
        return None
    try:
        return dt.datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=dt.UTC).strftime("%Y-%m-%d")
    except ValueError:
        raise Bad("valid") from None


def _datetime(_field: Field, value: object) -> object:
    """UTC with a blank between. ISO forms are turned into it; one without seconds is kept as sent."""
    if value == "":
        return None
    if not isinstance(value, str):
        raise Bad("valid")
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        raise Bad("valid") from None
    if _DATETIME.fullmatch(value):
        return value
    if "T" not in value:
        raise Bad("valid")
    moment = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _array(field: Field, value: object) -> object:
    if not isinstance(value, list):
        raise Bad("array")
    for item in value:
        if not isinstance(item, str):
            raise Bad("arrayOfString")
        if len(item) > _MAX_ITEM_LENGTH:
            raise Bad("maxItemLength")
        if field.options is not None and item not in field.options:
            raise Bad("valid")
    return list(value)


def _json_array(_field: Field, value: object) -> object:
    if not isinstance(value, list):
        raise Bad("array")
    return value


def _as_it_is(_field: Field, value: object) -> object:
    return value


def _id(_field: Field, value: object) -> object:
    return str(value) if value != "" else None


_NORMAL: dict[str, Callable[[Field, object], object]] = {
    "varchar": _varchar,
    "text": _text,
    "enum": _enum,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "date": _date,
    "datetime": _datetime,
    "array": _array,
    "jsonArray": _json_array,
    "jsonObject": _as_it_is,
    "link": _id,
    "linkParent": _id,
    "file": _id,
}
