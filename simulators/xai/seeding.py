"""Files and collections put in past all checks."""

import mimetypes

import msgspec

from simulators.xai import definitions
from simulators.xai.state import State


class SeedFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A file with its text."""

    name: str
    text: str = ""
    purpose: str = ""


class SeedCollection(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A collection and what stands in it: ids of files, or names of files of the same seed."""

    name: str
    description: str = ""
    files: list[str] = []


class Seed(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Everything to put in."""

    files: list[SeedFile] = []
    collections: list[SeedCollection] = []


def plant(state: State, data: dict[str, object]) -> dict[str, list[str]]:
    """Puts it in and answers the new ids in the order given. Raises msgspec.ValidationError."""
    seed = msgspec.convert(data, Seed)
    by_name: dict[str, str] = {}
    made: dict[str, list[str]] = {"files": [], "collections": []}
    for row in seed.files:
        intake = state.intake()
        intake.add(row.text.encode())
        kind = mimetypes.guess_type(row.name)[0] or "application/octet-stream"
        file = state.add_file(
            intake.done(), name=row.name, purpose=row.purpose, content_type=kind, expires_after_s=None
        )
        by_name[row.name] = file.id
        made["files"].append(file.id)
    for wanted in seed.collections:
        collection = state.add_collection(
            wanted.name,
            description=wanted.description,
            index_configuration=definitions.indexing({}),
            chunk_configuration=definitions.chunking({}),
            metric_space="HNSW_METRIC_UNKNOWN",
            field_definitions=[],
        )
        made["collections"].append(collection.id)
        for reference in wanted.files:
            file_id = by_name.get(reference, reference)
            if file_id not in state.files:
                raise msgspec.ValidationError(f"no such file: {reference}")
            state.attach(collection, state.files[file_id], {})
    return made
