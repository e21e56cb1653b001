"""What is right: every document in step, in exactly its collections, with one file per content, and nothing twice."""

import hashlib
from collections import Counter
from typing import Any

from simulators.espocrm import Espocrm
from simulators.xai import Xai

LINKS = {"Raeumungsklage": "raeumungsklages", "Account": "accounts", "CBeteiligte": "beteiligtes"}
"""A document's link to each kind of owner."""


def out_of_step(espocrm: Espocrm, xai: Xai) -> list[str]:
    """What is wrong: documents whose status, file or collections are not right, and whatever exists twice."""
    wrong: list[str] = []
    expected: dict[str, list[str]] = {}
    for document in espocrm.list_ids("CDokumente"):
        record = espocrm.get("CDokumente", document) or {}
        collections = _collections_of(document, espocrm)
        if collections and record["dokumentId"]:
            for cid in collections:
                expected.setdefault(cid, []).append(str(record["xaiId"]))
            problems = _wrong_with_a_searchable(record, collections, espocrm, xai)
        else:
            is_right = record["xaiSyncStatus"] in ("no_sync", None) and not record["xaiCollections"]
            problems = [] if is_right else [f"{record['xaiSyncStatus']}, in {record['xaiCollections']}"]
        wrong.extend(f"{document}: {problem}" for problem in problems)
    return wrong + _wrong_attachments(expected, xai) + _twice(xai)


def _collections_of(document: str, espocrm: Espocrm) -> list[str]:
    owners = [
        espocrm.get(entity_type, owner) or {}
        for entity_type, link in LINKS.items()
        for owner in espocrm.linked_ids("CDokumente", document, link)
    ]
    return sorted(str(owner.get("xaiCollectionId")) for owner in owners)


def _wrong_with_a_searchable(record: dict[str, Any], collections: list[str], espocrm: Espocrm, xai: Xai) -> list[str]:
    wrong = []
    if (record["xaiSyncStatus"], record["xaiSyncError"], record["fileStatus"]) != ("clean", None, "synced"):
        wrong.append(f"{record['xaiSyncStatus']}, {record['xaiSyncError']}, {record['fileStatus']}")
    if sorted(record["xaiCollections"] or []) != collections:
        wrong.append(f"says {record['xaiCollections']}, not {collections}")
    content = espocrm.content(record["dokumentId"]) or b""
    file = xai.files.get(str(record["xaiId"]))
    if file is None:
        wrong.append(f"file {record['xaiId']} is not there")
    elif file.sha256 != hashlib.sha256(content).hexdigest() or xai.content(file.id) != content:
        wrong.append(f"file {file.id} has other bytes")
    return wrong


def _wrong_attachments(expected: dict[str, list[str]], xai: Xai) -> list[str]:
    actual = {cid: sorted(ids) for cid, ids in xai.attachments().items()}
    missing = [f"collection {cid} is not there" for cid in expected if cid not in actual]
    return missing + [
        f"collection {cid} holds {ids}, not {wanted}"
        for cid, ids in actual.items()
        if ids != (wanted := sorted(expected.get(cid, [])))
    ]


def _twice(xai: Xai) -> list[str]:
    """`purpose` names document and content; a collection's description names its owner."""
    files = Counter(file.purpose for file in xai.live_files())
    owners = Counter(row.description for row in xai.collections.values())
    return [f"{count} of {name}" for name, count in (files + owners).items() if count > 1]
