"""Saving, removing, restoring and relating records, with the hooks that run on it."""

import msgspec

from simulators.espocrm import hooks, views
from simulators.espocrm.answers import Refused, cannot_relate
from simulators.espocrm.events import Events
from simulators.espocrm.fields import Values, clean
from simulators.espocrm.files import Files
from simulators.espocrm.records import Records, Row
from simulators.espocrm.schema import Link, Shape


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The user on whose behalf something happens."""

    id: str
    name: str
    is_admin: bool = False


class Saved(msgspec.Struct, frozen=True):
    """A row, and its e-mail addresses and phone numbers as the answer to the save shows them: not read anew."""

    row: Row
    held: Row


class Service:
    """Core/Record/Service of EspoCRM as far as it can be seen from outside."""

    def __init__(self, records: Records, files: Files, events: Events) -> None:
        self._records = records
        self._files = files
        self._events = events

    def create(self, shape: Shape, body: Values, actor: Actor, *, silent: bool = False) -> Saved:
        """A new row. 400 for a bad field, 403 for a dangling link, as the API answers."""
        values = clean(shape, body, new=True)
        self._check_foreign(shape, values, {})
        records = self._records
        if records.schema.party_hooks:
            hooks.before_save(shape, {}, values)
        now = records.now_text()
        row: Row = {"id": records.ids.next(), "deleted": False, **shape.defaults}
        self._stamp(shape, row, {"createdAt": now, "modifiedAt": now, "streamUpdatedAt": now})
        self._stamp(shape, row, {"createdById": actor.id, "versionNumber": 1})
        self._write(shape, row, values)
        records.rows[shape.name][str(row["id"])] = row
        self._set_links(shape, row, values)
        held = self.store_contacts(shape, row, values, {})
        if not silent:
            self._events.created(shape, row, actor.id, held)
        return Saved(row, held)

    def update(
        self,
        shape: Shape,
        record_id: str,
        body: Values,
        actor: Actor,
        *,
        silent: bool = False,
        version: int | None = None,
    ) -> Saved:
        """The row after a partial update. A save without changes still bumps modifiedAt and versionNumber.

        Silent saves (SaveOption::SILENT) leave modifiedAt alone and fire nothing.
        """
        row = self._records.find(shape.name, record_id)
        if row is None:
            raise Refused(404, f"Record {record_id} not found.")
        values = clean(shape, body, new=False)
        self._check_foreign(shape, values, row)
        before = views.whole(self._records, shape, row)
        if version is not None and shape.type.versioned:
            self._check_version(before, values, version)
        if self._records.schema.party_hooks:
            hooks.before_save(shape, before, values)
        self._write(shape, row, values)
        self._set_links(shape, row, values)
        held = self.store_contacts(shape, row, values, before)
        if not silent:
            self._stamp(shape, row, {"modifiedAt": self._records.now_text(), "modifiedById": actor.id})
        if shape.type.versioned:
            row["versionNumber"] = int(str(row.get("versionNumber") or 1)) + 1
        if not silent:
            after = {**views.whole(self._records, shape, row), **held}
            self._events.updated(shape, row, before, after, actor.id)
        return Saved(row, held)

    def remove(self, shape: Shape, record_id: str, actor: Actor, *, silent: bool = False) -> None:
        """Soft delete; 404 the second time."""
        row = self._records.find(shape.name, record_id)
        if row is None:
            raise Refused(404, f"Record {record_id} not found.")
        row["deleted"] = True
        self._stamp(shape, row, {"modifiedAt": self._records.now_text(), "modifiedById": actor.id})
        if shape.name == "Attachment":
            self._files.drop(record_id)
        if not silent:
            self._events.removed(shape, row, actor.id)

    def restore(self, shape: Shape, record_id: str) -> None:
        """Undoes a soft delete. Fires nothing and touches no modifiedAt."""
        row = self._records.find(shape.name, record_id, with_deleted=True)
        if row is None or not row["deleted"]:
            raise Refused(404, "")
        row["deleted"] = False

    def relate(self, shape: Shape, record_id: str, link: Link, other_id: str, actor: Actor) -> None:
        """Links two rows; modifiedAt and versionNumber stay. Only the firm's link hook hears of it."""
        if self._records.link(shape.name, record_id, link, other_id):
            self._events.linked("link", shape, record_id, link, other_id, user_id=actor.id)

    def unrelate(self, shape: Shape, record_id: str, link: Link, other_id: str, actor: Actor) -> None:
        """The reverse of relate; unlinking what is not linked is fine."""
        if self._records.unlink(shape.name, record_id, link, other_id):
            self._events.linked("unlink", shape, record_id, link, other_id, user_id=actor.id)

    def adopt_files(self, shape: Shape, row: Row, given: Values) -> None:
        """For rows put in directly: its attachments learn whose they are, and the hash hook runs."""
        for field in shape.file_fields:
            file_id = row.get(f"{field.name}Id")
            if file_id is not None:
                self._move_file(shape, row, None, file_id)
                self._hash_hook(shape, row, field.name, is_first=True, given=given)

    def store_contacts(self, shape: Shape, row: Row, given: Values, before: Values) -> Row:
        """Stores e-mail addresses and phone numbers; answers them as the save leaves them in memory."""
        held: Row = {}
        for field in shape.contact_fields:
            was = {a.name: before[a.name] for a in shape.by_field[field.name] if a.name in before}
            store = self._records.contacts.store
            held.update(store(field, shape.name, str(row["id"]), given=given, before=was))
        return held

    def tell_created(self, shape: Shape, row: Row, actor: Actor, held: Row) -> None:
        """For rows put in directly: the event of a create."""
        self._events.created(shape, row, actor.id, held)

    def _stamp(self, shape: Shape, row: Row, values: Values) -> None:
        row.update({name: value for name, value in values.items() if name in shape.attributes})

    def _check_foreign(self, shape: Shape, values: Values, row: Row) -> None:
        """Core/Record/Access/LinkCheck: a changed id must lead to a record that is there."""
        for name, value in values.items():
            attribute = shape.attributes.get(name)
            if attribute is None or value is None or value == row.get(name):
                continue
            entity = attribute.entity if attribute.kind == "foreignId" else None
            if attribute.kind == "parentId":
                leads_to = f"{attribute.of}Type"
                entity = str(values.get(leads_to, row.get(leads_to)) or "") or None
            if entity and self._records.find(entity, value) is None:
                raise cannot_relate(shape.name, attribute.of, entity)

    def _check_version(self, row: Row, values: Values, version: int) -> None:
        """Core/Record/ConcurrencyControl/OptimisticProcessor: a stale number with equal values passes."""
        if version == row.get("versionNumber"):
            return
        differing = {name: row.get(name) for name, value in values.items() if row.get(name) != value}
        if differing:
            raise Refused(409, "modified", body={"values": differing, "versionNumber": row["versionNumber"]})

    def _write(self, shape: Shape, row: Row, values: Values) -> None:
        replaced = []
        for field in shape.file_fields:
            key = f"{field.name}Id"
            if key in values and values[key] != row.get(key):
                replaced.append((field.name, row.get(key), values[key]))
        row.update({name: value for name, value in values.items() if shape.attributes[name].is_stored})
        if self._records.schema.party_hooks:
            hooks.after_save(self._records, shape, row)
        for field_name, old, new in replaced:
            self._move_file(shape, row, old, new)
            self._hash_hook(shape, row, field_name, is_first=old is None, given=values)

    def _move_file(self, shape: Shape, row: Row, old: object, new: object) -> None:
        """The old attachment is removed, record and content; the new one learns whose it is."""
        attachments = self._records.rows["Attachment"]
        if old is not None and (gone := attachments.get(str(old))) is not None:
            gone["deleted"] = True
            self._files.drop(str(old))
        if new is not None and (attachment := attachments.get(str(new))) is not None:
            attachment.update(relatedId=row["id"], relatedType=shape.name, modifiedAt=self._records.now_text())

    def _hash_hook(self, shape: Shape, row: Row, field: str, *, is_first: bool, given: Values) -> None:
        """The firm's hook on documents: hashes and states of the new file, in the same save.

        What the writer sets itself in that save stands.
        """
        schema = self._records.schema
        if not schema.hash_hook or shape.name != schema.document_type or field != schema.file_field:
            return
        file_id = row.get(f"{field}Id")
        hashes = self._files.hashes(str(file_id)) if file_id else None
        computed: Values = {
            "md5sum": hashes.md5 if hashes else None,
            "sha256": hashes.sha256 if hashes else None,
            "fileStatus": "new" if is_first else "changed",
            "xaiSyncStatus": "unclean",
        }
        row.update({n: v for n, v in computed.items() if n in shape.attributes and n not in given})

    def _set_links(self, shape: Shape, row: Row, values: Values) -> None:
        """{link}Ids of a link-multiple replaces the whole set; ids that lead nowhere are left out."""
        for link in shape.type.links:
            wanted = values.get(f"{link.name}Ids")
            if not link.multiple or not isinstance(wanted, list):
                continue
            record_id = str(row["id"])
            current = self._records.linked_ids(shape.name, record_id, link)
            for other in current:
                if other not in wanted:
                    self._records.unlink(shape.name, record_id, link, other)
            for other in wanted:
                if self._records.find(link.entity, other) is not None:
                    self._records.link(shape.name, record_id, link, str(other))
