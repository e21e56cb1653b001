"""What must hold when the hub has done its work: pure comparison of EspoCRM, xAI and what the firm has filed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from local_stack.firm import OWNERS, Owner, Paper

Json = dict[str, Any]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it should be."""

    about: str
    expected: str
    found: str


BUSY = Finding(about="queues", expected="nothing under way", found="events still waiting or in work")


class NotInStep(Exception):
    """The hub did not do in time what it should."""

    def __init__(self, found: list[Finding], waited_s: float) -> None:
        lines = "".join(f"\n  {one.about}: expected {one.expected}; found {one.found}" for one in found)
        super().__init__(f"not in step after {waited_s:.0f} s:{lines}")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A document as the table shows it."""

    name: str
    document_id: str
    status: str
    error: str
    file_id: str
    collections: tuple[str, ...]
    is_right: bool


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Both vendors at one moment."""

    espocrm: Json
    xai: Json

    def documents(self) -> dict[str, Json]:
        """EspoCRM's documents by id."""
        return {row["id"]: row for row in self.espocrm["records"]["CDokumente"]}

    def collection_of(self, owner: Owner) -> str | None:
        """The collection that EspoCRM knows for an owner."""
        rows = self.espocrm["records"][owner.kind[0]]
        return next((row["xaiCollectionId"] for row in rows if row["id"] == owner.id), None)

    def attached(self) -> Counter[tuple[str, str]]:
        """How often each file stands in each collection: (collection id, file id)."""
        return Counter(
            (collection["collection_id"], document["file_metadata"]["file_id"])
            for collection in self.xai["collections"]
            for document in collection["documents"]
        )


def rows(papers: Mapping[str, Paper], world: World, *, after: bool) -> list[Row]:
    """One row per document, in the firm's order."""
    documents, names = world.documents(), {c["collection_id"]: c["collection_name"] for c in world.xai["collections"]}
    places = world.attached()
    made = []
    for document_id, paper in papers.items():
        record = documents[document_id]
        file_id = record["xaiId"] or ""
        made.append(
            Row(
                name=paper.name,
                document_id=document_id,
                status="deleted" if record["deleted"] else record["xaiSyncStatus"] or "-",
                error=record["xaiSyncError"] or "",
                file_id=file_id,
                collections=tuple(names[place] for place, file in places if file == file_id),
                is_right=not list(_about_paper(document_id, paper, world, after=after)),
            )
        )
    return made


def findings(papers: Mapping[str, Paper], world: World, *, after: bool) -> list[Finding]:
    """All that is not as it should be; none when the sides are in step. `after`: once everything has happened."""
    wrong = [found for key, paper in papers.items() for found in _about_paper(key, paper, world, after=after)]
    return (
        wrong + list(_about_collections(list(papers.values()), world)) + list(_about_files(papers, world, after=after))
    )


def _about_paper(document_id: str, paper: Paper, world: World, *, after: bool) -> Iterator[Finding]:
    record = world.documents()[document_id]
    owners = paper.owners_then(after=after)
    places = {place for place, file in world.attached() if file == record["xaiId"]}
    if after and paper.removed:
        expected, holds = "deleted, and in no collection", record["deleted"] and not places
    elif paper.fails:
        expected = "failed, with a text"
        holds = record["xaiSyncStatus"] == "failed" and record["xaiSyncError"] and not places
    elif not owners or paper.content is None:
        expected = "no_sync, and nothing at xAI"
        holds = record["xaiSyncStatus"] == "no_sync" and not record["xaiId"]
    else:
        wanted = {world.collection_of(owner) for owner in owners}
        expected = f"clean, its present content in the collections of its {len(owners)} owners"
        holds = _is_clean(record, world) and places == wanted == set(record["xaiCollections"] or ())
    if not holds:
        found = f"{record['xaiSyncStatus']}, in {len(places)} collections, error: {record['xaiSyncError'] or 'none'}"
        yield Finding(about=paper.name, expected=expected, found=found)


def _is_clean(record: Json, world: World) -> bool:
    """EspoCRM says so, and xAI has the very bytes that EspoCRM has."""
    hashes = {file["id"]: file["sha256"] for file in world.xai["files"]}
    said = (record["xaiSyncStatus"], record["fileStatus"], record["xaiSyncError"])
    return said == ("clean", "synced", None) and hashes.get(record["xaiId"]) == record["sha256"]


def _about_collections(papers: Sequence[Paper], world: World) -> Iterator[Finding]:
    """One for each owner with documents, none for the others."""
    with_papers = {owner for paper in papers for owner in (*paper.owners, *paper.linked)}
    owning = [owner for owner in OWNERS if owner in with_papers]
    made = [collection["collection_id"] for collection in world.xai["collections"]]
    known = [world.collection_of(owner) for owner in owning]
    if sorted(made) != sorted(str(one) for one in known):
        yield Finding(
            about="collections",
            expected=f"one for each of {len(owning)} owners with documents",
            found=f"{len(made)} at xAI, {len({one for one in known if one})} known in EspoCRM",
        )


def _about_files(papers: Mapping[str, Paper], world: World, *, after: bool) -> Iterator[Finding]:
    """Nothing attached that no document accounts for, nothing attached twice, no content uploaded twice."""
    documents = world.documents()
    gone = {key for key, paper in papers.items() if after and paper.removed}
    ours = {documents[key]["xaiId"] for key in papers if key not in gone}
    places = world.attached()
    strays = [file for _, file in places if file not in ours]
    twice = [file for (_, file), count in places.items() if count > 1]
    uploads = Counter((file["purpose"] or file["name"], file["sha256"]) for file in world.xai["files"])
    again = [count for count in uploads.values() if count > 1]
    if strays or twice or again:
        yield Finding(
            about="files at xAI",
            expected="one per document and content, attached once",
            found=f"{len(strays)} that belong to no document, {len(twice)} attached twice, {len(again)} uploaded twice",
        )
