"""E-mail addresses and phone numbers: one shared row for each, and the set that every record has of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from simulators.espocrm.contact_fields import Values
from simulators.espocrm.schema import CONTACT_FLAGS, Attribute, Field

Json = dict[str, Any]


class Contacts:
    """Repositories/{EmailAddress,PhoneNumber} and Core/FieldProcessing/{EmailAddress,PhoneNumber}/Saver.

    An address or number exists once. Its spelling, type, optOut and invalid belong to it, not to the record: writing
    them on one record changes them on every other that has it, without a word. Primary belongs to the record.
    """

    def __init__(self) -> None:
        # field -> key -> what the address or number itself holds
        self._shared: dict[str, dict[str, Json]] = {"emailAddress": {}, "phoneNumber": {}}
        # (field, entity type, id) -> key -> whether it is primary, in the order in which they were added
        self._sets: dict[tuple[str, str, str], dict[str, bool]] = {}

    def clear(self) -> None:
        for rows in self._shared.values():
            rows.clear()
        self._sets.clear()

    def keys(self, field: str, entity_type: str, record_id: str) -> list[str]:
        """All of a record: e-mail addresses in lower case, numbers as stored."""
        return list(self._sets.get((field, entity_type, record_id), ()))

    def data(self, field: str, entity_type: str, record_id: str) -> list[Json]:
        """The data array of a single read: the primary first, the others in the order in which they were added."""
        own = self._sets.get((field, entity_type, record_id), {})
        ordered = sorted(own.items(), key=lambda pair: not pair[1])
        return [self._shown(field, key, primary=primary) for key, primary in ordered]

    def value(self, attribute: Attribute, entity_type: str, record_id: str) -> object:
        """What a record carries under the attribute; null without a primary one."""
        field = attribute.of
        if attribute.kind == "contactData":
            return self.data(field, entity_type, record_id)
        own = self._sets.get((field, entity_type, record_id), {})
        key = next((key for key, primary in own.items() if primary), None)
        if key is None:
            return None
        row = self._shared[field][key]
        if attribute.kind == "contact":
            return row["name"]
        return row[CONTACT_FLAGS[attribute.name.removeprefix(field)]]

    def store(self, field: Field, entity_type: str, record_id: str, *, given: Values, before: Values) -> Values:
        """Stores what was written; answers the attributes as the record carries them in the answer to this request.

        before: the attributes read before the save, nothing for a new record. That answer is not read anew: it holds
        what was sent, and whatever was not sent as it was before.
        """
        held = {**before, **{name: value for name, value in given.items() if name in _names(field)}}
        own = self._sets.setdefault((field.name, entity_type, record_id), {})
        data = held.get(f"{field.name}Data")
        if isinstance(data, list) and data != before.get(f"{field.name}Data"):
            self._store_data(field, own, held, before, data)
        elif field.name in held:
            self._store_primary(field, own, held, before)
        return held

    def _store_data(self, field: Field, own: dict[str, bool], held: Values, before: Values, data: list[Json]) -> None:
        """The array replaces the set. Without a primary the first becomes it; with several the last does."""
        items = [dict(item) for item in data]
        if items and not any(item.get("primary") for item in items):
            items[0]["primary"] = True
        wanted: dict[str, Json] = {}
        order = []
        for item in items:
            key = _key(field, item.get(field.name))
            if key:
                wanted[key] = item  # the same address in another case: the later one counts, with its primary
                order.append(key)
        self._flag_wanted(field, wanted, held, before)
        primary = None
        for key in order:
            if wanted[key].get("primary"):
                primary = None if own.get(key) else key
        for key in [key for key in own if key not in wanted]:
            del own[key]
        for key, item in wanted.items():
            self._share(field, key, item)
            own.setdefault(key, key == primary)
        if primary is not None:
            own.update({key: key == primary for key in own})
            held[field.name] = primary

    def _flag_wanted(self, field: Field, wanted: dict[str, Json], held: Values, before: Values) -> None:
        key = _key(field, held.get(field.name))
        for ending, flag in CONTACT_FLAGS.items():
            name = f"{field.name}{ending}"
            if key in wanted and name in held and (name not in before or held[name] != before[name]):
                wanted[key][flag] = held[name]

    def _store_primary(self, field: Field, own: dict[str, bool], held: Values, before: Values) -> None:
        """Only the one attribute was sent: it takes the place of the primary one, which leaves the set."""
        value, old = str(held[field.name] or "").strip(), before.get(field.name)
        if value and value == old:
            self._flag(field, _key(field, value), {n: v for n, v in held.items() if v != before.get(n)})
            return
        if old:
            own.pop(_key(field, old), None)
        if not value:
            return
        key = _key(field, value)
        self._shared[field.name].setdefault(key, _new_row(field, value))
        self._flag(field, key, held)
        own[key] = True

    def _flag(self, field: Field, key: str, held: Mapping[str, object]) -> None:
        for ending, flag in CONTACT_FLAGS.items():
            if f"{field.name}{ending}" in held:
                self._shared[field.name][key][flag] = bool(held[f"{field.name}{ending}"])

    def _share(self, field: Field, key: str, item: Json) -> None:
        row = self._shared[field.name].setdefault(key, _new_row(field, key))
        row.update({flag: bool(item.get(flag)) for flag in CONTACT_FLAGS.values()})
        if field.type == "email":
            row["name"] = str(item[field.name]).strip()
        else:
            row["type"] = item.get("type") or _default_type(field)

    def _shown(self, field: str, key: str, *, primary: bool) -> Json:
        row = self._shared[field][key]
        special = {"lower": key} if field == "emailAddress" else {"type": row["type"]}
        flags = {"optOut": row["optOut"], "invalid": row["invalid"]}
        return {field: row["name"], **special, "primary": primary, **flags}


def _names(field: Field) -> Iterator[str]:
    yield field.name
    yield f"{field.name}Data"
    yield from (f"{field.name}{ending}" for ending in CONTACT_FLAGS)


def _key(field: Field, value: object) -> str:
    text = str(value or "").strip()
    return text.lower() if field.type == "email" else text


def _new_row(field: Field, name: str) -> Json:
    row: Json = {"name": name, "optOut": False, "invalid": False}
    return row if field.type == "email" else {**row, "type": _default_type(field)}


def _default_type(field: Field) -> str | None:
    return field.options[0] if field.options else None
