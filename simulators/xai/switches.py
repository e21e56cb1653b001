"""What the public documents leave open, as settings, so that a client can be held against every reading."""

from typing import Annotated, Literal

import msgspec

Milliseconds = Annotated[int, msgspec.Meta(ge=0)]
Bytes = Annotated[int, msgspec.Meta(ge=0)]


class Switches(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reading of xAI. The defaults are what the documents say, or the mildest reading where they are silent.

    `processing_result` maps a regular expression over the whole file name to the error text of a failed
    indexing. `keep_content_up_to_bytes` is ours alone: above it only size and hash are remembered.
    """

    # The ten open questions.
    re_add: Literal["noop", "conflict", "duplicate"] = "noop"
    detach_missing: Literal["ok", "not_found"] = "not_found"
    detach_deletes_file: bool = False
    delete_attached: Literal["document_vanishes", "document_fails", "refused"] = "document_vanishes"
    delete_collection_deletes_files: bool = False
    visibility_lag_ms: Milliseconds = 0
    hash_algorithm: Literal["sha256", "blake2b", "blake2s", "sha3_256"] = "sha256"
    retry_after: bool = False
    token_on_last_page: bool = True
    expired_while_attached: Literal["document_vanishes", "document_fails", "stays"] = "document_vanishes"

    # Limits and the indexer.
    max_file_bytes: Bytes = 50 * 1024 * 1024
    processing_ms: Milliseconds = 0
    processing_result: dict[str, str] = {}
    keep_content_up_to_bytes: Bytes = 50 * 1024 * 1024

    # Smaller ones, met on the way.
    odd_names: Literal["kept", "refused"] = "kept"
    empty_file: Literal["accepted", "refused"] = "accepted"
    put_answers: Literal["new", "old"] = "new"
    management_errors: Literal["sentence", "nested", "number", "text"] = "sentence"


def changed(switches: Switches, changes: dict[str, object]) -> Switches:
    """The switches with some of them set anew. Raises msgspec.ValidationError for an unknown name or value."""
    return msgspec.convert({**msgspec.structs.asdict(switches), **changes}, Switches)
