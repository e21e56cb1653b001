"""The link endpoint {Entity}/{id}/{link}: list, link, unlink."""

from typing import Protocol

from simulators.espocrm import search
from simulators.espocrm.answers import Refused
from simulators.espocrm.fields import Values
from simulators.espocrm.records import Records
from simulators.espocrm.schema import Link, Shape
from simulators.espocrm.service import Actor, Service


class Asked(Protocol):
    """What is looked at of a request."""

    @property
    def body(self) -> Values: ...

    def search(self) -> search.Search: ...


class Linking:
    """Core/Record/Service: findLinked, link, unlink. None of them touches modifiedAt or fires a vendor's webhook."""

    def __init__(self, records: Records, service: Service) -> None:
        self._records = records
        self._service = service

    def answer(self, method: str, actor: Actor, shape: Shape, record_id: str, name: str, *, asked: Asked) -> object:
        if method == "GET":
            return self._list(actor, shape, record_id, name, asked=asked)
        return self._change(method, actor, shape, record_id, name, body=asked.body)

    def _list(self, actor: Actor, shape: Shape, record_id: str, name: str, *, asked: Asked) -> object:
        if self._records.find(shape.name, record_id) is None:
            raise Refused(404, "")
        link = shape.links.get(name)
        if link is None:
            raise Refused(404, "Link does not exist.")
        rows = self._records.rows[link.entity]
        linked = [rows[other] for other in self._records.linked_ids(shape.name, record_id, link)]
        return search.page(self._records, self._records.shapes[link.entity], linked, asked.search(), actor.id)

    def _change(self, method: str, actor: Actor, shape: Shape, record_id: str, name: str, *, body: Values) -> bool:
        """True, also when nothing changed; false (with 200) when the body names no id."""
        if method == "POST" and body.get("massRelate"):
            raise Refused(403, "Mass link is not allowed.")
        ids = _ids(body)
        if not ids:
            return False
        if self._records.find(shape.name, record_id) is None:
            raise Refused(404, "")
        link = self._link(shape, name)
        for other in ids:
            if self._records.find(link.entity, other) is None:
                raise Refused(404, "")
            if method == "POST":
                self._service.relate(shape, record_id, link, other, actor)
            else:
                self._service.unrelate(shape, record_id, link, other, actor)
        return True

    def _link(self, shape: Shape, name: str) -> Link:
        link = shape.links.get(name)
        if link is None:
            raise Refused(404, f"Entity {shape.name} does not have link {name}.")
        if link.kind == "belongsTo":
            raise Refused(403, "Only manyMany, hasMany & hasChildren relations are allowed.")
        return link


def _ids(body: Values) -> list[str]:
    ids = body.get("ids")
    if isinstance(ids, list):
        return [str(item) for item in ids]
    return [str(body["id"])] if body.get("id") else []
