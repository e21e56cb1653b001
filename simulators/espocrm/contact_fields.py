"""What EspoCRM does with e-mail addresses and phone numbers that are written: trims, brings to E.164, refuses."""

import re
from collections.abc import Callable, Mapping

from simulators.espocrm.answers import Refused
from simulators.espocrm.schema import CONTACT_FLAGS, Field

MAX_COUNT = 10  # emailAddressMaxCount, phoneNumberMaxCount
MAX_LENGTH = {"email": 255, "phone": 36}  # entityDefs of EmailAddress and PhoneNumber
# phoneNumberLoose of Resources/metadata/app/regExpPatterns.json: a slash is not among them.
_LOOSE = re.compile(r"[0-9A-Za-z_@:#+()\-. ]+")
# libphonenumber's "possible": a country code and a length that may be, not a number that is assigned.
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_BETWEEN_DIGITS = re.compile(r"[\s().\-/]")
# Their trunk 0, often written as (0), is not part of the international number.
_ZERO_AFTER_COUNTRY = re.compile(r"^(49|43|41)0")
# PHP's FILTER_VALIDATE_EMAIL: ASCII only, a dot in the domain; quoted local parts and addresses in [] left out.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")

Values = dict[str, object]


class Bad(Exception):
    """A value fails the validation of this name."""


def clean_contacts(field: Field, body: Mapping[str, object], values: Values) -> None:
    """Puts into the values what was given of this field. Raises Bad (Classes/FieldValidators/{Email,Phone}Type)."""
    data_name = f"{field.name}Data"
    given: Values = {}
    if field.name in body:
        given[field.name] = _scalar(field, body[field.name])
    if data_name in body:
        data = body[data_name]
        given[data_name] = [_item(field, item) for item in data] if isinstance(data, list) else None
    for ending in CONTACT_FLAGS:
        if f"{field.name}{ending}" in body:
            given[f"{field.name}{ending}"] = bool(body[f"{field.name}{ending}"])
    _check(field, given.get(field.name), given.get(data_name))
    values.update(given)


def international(text: str) -> str:
    """Core/PhoneNumber/Sanitizer: E.164 of a number that begins with a plus; what cannot be read stays."""
    digits = _ZERO_AFTER_COUNTRY.sub(r"\1", _BETWEEN_DIGITS.sub("", text[1:]), count=1) if text[:1] == "+" else ""
    return f"+{digits}" if digits.isascii() and digits.isdigit() else text


def _scalar(field: Field, value: object) -> object:
    if value is None:
        return None
    if field.type == "email":
        return value.strip() if isinstance(value, str) else value
    return _number(field, value)


def _item(field: Field, item: object) -> object:
    """E-mail addresses in the data are not trimmed before they are checked, phone numbers are."""
    if not isinstance(item, dict):
        return item
    value = item.get(field.name)
    if field.type == "phone" and isinstance(value, (str, int, float)):
        return {**item, field.name: _number(field, value)}
    return dict(item)


def _number(field: Field, value: object) -> str:
    if not isinstance(value, (str, int, float)):
        raise Refused(500)  # PHP's trim has no answer to an array
    text = str(value).strip()
    return international(text) if field.international else text


def _check(field: Field, value: object, data: object) -> None:
    items = data if isinstance(data, list) else []
    is_right: Callable[[object], bool] = _is_email if field.type == "email" else _phone_test(field)
    wrong = "emailAddress" if field.type == "email" else "valid"
    if value not in (None, "") and not is_right(value):
        raise Bad(wrong)
    for item in items:
        if not isinstance(item, dict):
            raise Bad(wrong)
        one = item.get(field.name)
        if field.type == "email" and one in (None, "", 0, False):
            continue  # stored as if it were not there
        if not is_right(one) or not _is_type(field, item.get("type")):
            raise Bad(wrong)
    if any(len(str(one)) > MAX_LENGTH[field.type] for one in [value, *(item.get(field.name) for item in items)]):
        raise Bad("maxLength")
    if len(items) > MAX_COUNT:
        raise Bad("maxCount")


def _is_email(value: object) -> bool:
    return isinstance(value, str) and _EMAIL.fullmatch(value) is not None


def _phone_test(field: Field) -> Callable[[object], bool]:
    pattern = _E164 if field.international else _LOOSE
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_type(field: Field, kind: object) -> bool:
    return field.type == "email" or kind is None or field.options is None or kind in field.options
