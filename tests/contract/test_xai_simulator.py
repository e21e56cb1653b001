"""The simulated xAI answers as the reference says, refuses what xAI refuses, and has every open question both ways."""

import asyncio
import hashlib
import io
import json
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from simulators.faults import Fault
from simulators.harness import serve
from simulators.xai import Switches, Xai

SAMPLES = Path(__file__).parents[1] / "samples" / "xai"
API, MANAGEMENT = {"Authorization": "Bearer demo-api-key"}, {"Authorization": "Bearer demo-management-key"}
HOUR_S = 3600


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


class Client:
    """As few lines as a client can have; every call answers (status, JSON)."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        headers = API if path.startswith(("/v1/files", "/v1/documents")) else MANAGEMENT
        async with self.session.request(method, path, **{"headers": headers, **more}) as answer:
            return answer.status, await answer.json(content_type=None) if answer.content_type.endswith("json") else (
                await answer.text()
            )

    async def post_file(
        self, content: bytes = b"Hallo Welt", name: str = "a.txt", before: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        form = aiohttp.FormData(quote_fields=False)
        for key, value in (before or {}).items():
            form.add_field(key, value)
        form.add_field("file", io.BytesIO(content), filename=name, content_type="text/plain")
        return await self.call("POST", "/v1/files", data=form)

    async def upload(self, content: bytes = b"Hallo Welt", name: str = "a.txt", **before: str) -> str:
        status, file = await self.post_file(content, name, before)
        assert status == 200, file
        return str(file["id"])

    async def collection(self, name: str = "CDokumente/1", **more: Any) -> str:
        status, made = await self.call("POST", "/v1/collections", json={"collection_name": name, **more})
        assert status == 200, made
        return str(made["collection_id"])

    async def attach(self, collection: str, file: str, **fields: str) -> tuple[int, Any]:
        return await self.call("POST", f"/v1/collections/{collection}/documents/{file}", json={"fields": fields})

    async def attached(self) -> tuple[str, str]:
        collection, file = await self.collection(), await self.upload()
        assert await self.attach(collection, file) == (200, {})
        return collection, file

    async def document(self, collection: str, file: str) -> Any:
        status, document = await self.call("GET", f"/v1/collections/{collection}/documents/{file}")
        return document if status == 200 else status

    async def found(self, word: str, *collections: str) -> list[str]:
        data = {"query": word, "source": {"collection_ids": list(collections)}}
        status, body = await self.call("POST", "/v1/documents/search", json=data)
        assert status == 200, body
        return [match["file_id"] for match in body["matches"]]


@pytest.fixture
def xai() -> Xai:
    return Xai(api_key="demo-api-key", management_key="demo-management-key")


@pytest.fixture
async def root(xai: Xai) -> AsyncIterator[str]:
    async with serve(xai) as url:
        yield url


@pytest.fixture
async def client(root: str) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(root) as session:
        yield Client(session)


def kinds(value: Any) -> Any:
    """The skeleton of a JSON value: names and kinds, times told from other strings."""
    if isinstance(value, dict):
        return {key: kinds(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [kinds(inner) for inner in value]
    if isinstance(value, str):
        return "time" if value[4:5] == "-" and value.endswith("Z") and len(value) == 27 else "text"
    return type(value).__name__


# Files


async def test_a_file_has_the_documented_shape(client: Client, xai: Xai) -> None:
    """POST and GET answer File as the docs show it, purpose as sent, expiry in unix seconds."""
    before = {"expires_after": str(HOUR_S), "purpose": "assistants"}
    status, made = await client.post_file(b"Hallo Welt", "Klageschrift.txt", before)
    expected = sample("file")["body"]
    assert status == 200
    assert kinds(made) == kinds(expected)
    assert {**made, "id": 0, "created_at": 0, "expires_at": 0} == {
        **expected,
        "id": 0,
        "created_at": 0,
        "expires_at": 0,
    }
    assert made["id"].startswith("file_")
    assert made["expires_at"] - made["created_at"] in (HOUR_S, HOUR_S + 1)
    assert await client.call("GET", f"/v1/files/{made['id']}") == (200, made)
    live = xai.live_files()[0]
    assert (live.name, live.bytes, live.purpose) == ("Klageschrift.txt", 10, "assistants")
    assert live.sha256 == hashlib.sha256(b"Hallo Welt").hexdigest()


async def test_content_comes_back_and_goes_with_the_file(client: Client, xai: Xai) -> None:
    """Small and large contents come back byte for byte; after DELETE everything is 404."""
    large = bytes(range(256)) * 12_000
    for content in (b"Hallo Welt", b"", large):
        file = await client.upload(content)
        async with client.session.get(f"/v1/files/{file}/content", headers=API) as answer:
            assert answer.content_type == "application/octet-stream"
            assert await answer.read() == content == xai.content(file)
        assert await client.call("DELETE", f"/v1/files/{file}") == (
            200,
            {"id": file, "object": "file", "deleted": True},
        )
        for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
            assert (await client.call(method, f"/v1/files/{file}{path}"))[0] == 404
    file = await client.upload(b"\xff\xfe")
    assert (await client.call("GET", f"/v1/files/{file}/content?format=text"))[0] == 400
    assert (await client.call("GET", f"/v1/files/{file}/content?format=pdf"))[0] == 400


ODD_NAMES = [
    "Kündigung Müller.pdf",
    'das "Gutachten".pdf',
    "back\\slash.pdf",
    "Akte 1/22.pdf",
    "x" * 300 + ".pdf",
    "日本.pdf",
    "100%25.pdf",
]


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_file_names_are_kept(client: Client, name: str) -> None:
    """A name in a quoted `filename` comes back as it was sent."""
    status, made = await client.post_file(name=name)
    assert (status, made["filename"]) == (200, name)


async def raw_upload(client: Client, head: str, *, end: str = "\r\n--B--\r\n") -> tuple[int, Any]:
    body = f"--B\r\nContent-Disposition: form-data; {head}\r\n\r\nabc{end}".encode()
    headers = {**API, "Content-Type": "multipart/form-data; boundary=B"}
    return await client.call("POST", "/v1/files", data=body, headers=headers)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("name=\"file\"; filename*=UTF-8''K%C3%BCndigung%0A.pdf", "Kündigung\n.pdf"),
        ('name="file"; filename="K_ndigung.pdf"; filename*=utf-8\'\'K%C3%BCndigung.pdf', "Kündigung.pdf"),
        ("name=\"file\"; filename*=iso-8859-1'de'K%FCndigung.pdf", "Kündigung.pdf"),
        ('name="file"; filename="K%C3%BCndigung.pdf"', "K%C3%BCndigung.pdf"),
        ("name=file; filename=plain.pdf", "plain.pdf"),
    ],
)
async def test_other_spellings_of_a_name(client: Client, head: str, name: str) -> None:
    """filename* is decoded and wins; percent signs in a plain filename are part of the name."""
    status, made = await raw_upload(client, head)
    assert (status, made["filename"]) == (200, name)


@pytest.mark.parametrize("name", ["a\nb.pdf", "Akte 1/22.pdf", "ü" * 128 + ".pdf"])
async def test_odd_names_may_be_refused(client: Client, xai: Xai, name: str) -> None:
    """Both ways: control characters, slashes and more than 255 bytes are kept, or a 400."""
    escaped = "".join(f"%{byte:02X}" for byte in name.encode())
    assert (await raw_upload(client, f"name=\"file\"; filename*=UTF-8''{escaped}"))[1]["filename"] == name
    xai.switches = Switches(odd_names="refused")
    assert (await raw_upload(client, f"name=\"file\"; filename*=UTF-8''{escaped}"))[0] == 400
    assert (await client.post_file(name="Kündigung.pdf"))[0] == 200


async def test_uploads_that_are_refused(client: Client, xai: Xai) -> None:
    """No file part, an unnamed one, a bad expiry, an expiry after the file, a body without its end: 400 and no file."""
    refused = [
        await raw_upload(client, 'name="purpose"'),
        await raw_upload(client, 'name="file"'),
        await raw_upload(client, 'name="file"; filename=""'),
        await raw_upload(client, 'name="file"; filename="a.txt"', end=""),
        await raw_upload(client, 'name="file"; filename="a.txt"', end="\r\n--B\r\n"),
        await raw_upload(client, f'name="file"; filename="{"x" * 10_000}"'),
        await client.call("POST", "/v1/files", json={"file": "abc"}),
        await client.post_file(before={"expires_after": "3599"}),
        await client.post_file(before={"expires_after": "2592001"}),
        await client.post_file(before={"expires_after": "soon"}),
        await client.post_file(before={"expires_after[anchor]": "now", "expires_after[seconds]": "3600"}),
        await client.post_file(before={"expires_after[anchor]": "created_at"}),
    ]
    late = aiohttp.FormData()
    late.add_field("file", b"abc", filename="a.txt")
    late.add_field("expires_after", "3600")
    refused.append(await client.call("POST", "/v1/files", data=late))
    assert [status for status, _ in refused] == [400] * len(refused)
    assert all(set(body) == {"code", "error"} for _, body in refused)
    assert xai.live_files() == []
    for good in (
        {"expires_after": "3600"},
        {"expires_after[anchor]": "created_at", "expires_after[seconds]": "2592000"},
    ):
        assert (await client.post_file(before=good))[0] == 200


async def test_the_size_limit(client: Client, xai: Xai) -> None:
    """The last allowed byte is taken, one more is 413 in the usual shape and leaves nothing."""
    xai.switches = Switches(max_file_bytes=2_000_000)
    assert (await client.post_file(b"x" * 2_000_000))[0] == 200
    status, body = await client.post_file(b"x" * 2_000_001)
    assert (status, set(body)) == (413, {"code", "error"})
    assert len(xai.live_files()) == 1


async def test_an_empty_file(client: Client, xai: Xai) -> None:
    """Both ways: taken and indexed without chunks, or a 400."""
    collection, file = await client.collection(), await client.upload(b"")
    await client.attach(collection, file)
    document = await client.document(collection, file)
    assert (document["file_metadata"]["size_bytes"], document["chunk_count"]) == ("0", 0)
    xai.switches = Switches(empty_file="refused")
    assert (await client.post_file(b""))[0] == 400


async def test_a_cut_upload_leaves_no_file(client: Client, xai: Xai) -> None:
    """A client that breaks off in mid-body has made nothing, by its own fault or by an injected one."""

    async def half() -> AsyncIterator[bytes]:
        yield b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + b"x" * 1_500_000
        await asyncio.sleep(0.02)
        raise OSError("broken off")

    headers = {**API, "Content-Type": "multipart/form-data; boundary=B"}
    with pytest.raises((aiohttp.ClientError, OSError)):
        await client.session.post("/v1/files", data=half(), headers=headers)
    xai.faults.add(Fault(kind="cut_request", path="/v1/files"))
    with pytest.raises(aiohttp.ClientError):
        await client.post_file(b"x" * 500_000)
    for _ in range(100):
        if len(xai.log.rows()) == 2:
            break
        await asyncio.sleep(0.01)
    assert [row.status for row in xai.log.rows()] == [0, 0]
    assert xai.live_files() == []


async def test_a_large_upload_does_not_fill_memory(client: Client, xai: Xai) -> None:
    """64 MB go by without a tenth of it being held, whether the content is kept on disk or not at all."""
    chunk, digest = b"0123456789abcdef" * 4096, hashlib.sha256()

    async def body() -> AsyncIterator[bytes]:
        yield b'--B\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
        for _ in range(1024):
            digest.update(chunk)
            yield chunk
        yield b"\r\n--B--\r\n"

    headers = {**API, "Content-Type": "multipart/form-data; boundary=B"}
    for keep in (1 << 30, 1 << 20):
        xai.switches = Switches(max_file_bytes=1 << 30, keep_content_up_to_bytes=keep)
        digest = hashlib.sha256()
        tracemalloc.start()
        try:
            async with client.session.post("/v1/files", data=body(), headers=headers) as answer:
                made = await answer.json()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert made["bytes"] == 64 << 20
        assert xai.live_files()[-1].sha256 == digest.hexdigest()
        assert peak < 6_400_000
        status, _ = await client.call("GET", f"/v1/files/{made['id']}", headers=API)
        assert status == 200
    assert (await client.call("GET", f"/v1/files/{made['id']}/content"))[0] == 501
    with pytest.raises(LookupError):
        xai.content(made["id"])


# Lists


async def pages(client: Client, path: str, key: str, **query: str) -> list[list[Any]]:
    """Pages until one is short or without a token."""
    found: list[list[Any]] = []
    while True:
        status, body = await client.call("GET", path, params=query)
        assert status == 200, body
        found.append(body[key])
        if len(body[key]) < int(query.get("limit", "100")) or not body.get("pagination_token"):
            return found
        query["pagination_token"] = body["pagination_token"]


@pytest.mark.parametrize(("count", "with_token"), [(100, [100, 0]), (101, [100, 1]), (230, [100, 100, 30])])
async def test_paging(client: Client, xai: Xai, count: int, with_token: list[int]) -> None:
    """Exactly 100 and more than 100 rows page without loss or repetition, with and without the last page's token."""
    files = [f"{number:03}.txt" for number in range(count)]
    await client.call(
        "POST",
        "/_sim/seed",
        json={"files": [{"name": name} for name in files], "collections": [{"name": "A", "files": files}]},
    )
    collection = next(iter(xai.collections))
    for token_on_last_page in (True, False):
        xai.switches = Switches(token_on_last_page=token_on_last_page)
        expected = with_token if token_on_last_page or count % 100 else with_token[:-1]
        found = await pages(client, "/v1/files", "data", sort_by="filename", order="asc")
        assert [len(page) for page in found] == expected
        assert [file["filename"] for page in found for file in page] == files
        path = f"/v1/collections/{collection}/documents"
        found = await pages(client, path, "documents", sort_by="DOCUMENTS_SORT_BY_NAME", order="ORDERING_ASCENDING")
        assert [len(page) for page in found] == expected
        assert [row["file_metadata"]["name"] for page in found for row in page] == files


async def test_the_token_stands_on_the_last_page(client: Client, xai: Xai) -> None:
    """Both ways: a loop "while token" never ends, or the token is left out at the end."""
    file = await client.upload()
    _, last = await client.call("GET", "/v1/files")
    assert last["pagination_token"] == file
    _, after = await client.call("GET", "/v1/files", params={"pagination_token": file})
    assert after == {"data": [], "pagination_token": file}
    xai.switches = Switches(token_on_last_page=False)
    assert "pagination_token" not in (await client.call("GET", "/v1/files"))[1]


async def test_paging_goes_on_when_the_last_row_was_deleted(client: Client) -> None:
    """A row deleted between two pages neither hides nor repeats others."""
    ids = [await client.upload(name=f"{number}.txt") for number in range(4)]
    _, first = await client.call("GET", "/v1/files", params={"limit": "2", "order": "asc"})
    await client.call("DELETE", f"/v1/files/{ids[1]}")
    query = {"limit": "2", "order": "asc", "pagination_token": first["pagination_token"]}
    _, second = await client.call("GET", "/v1/files", params=query)
    assert [file["id"] for file in second["data"]] == ids[2:]


async def test_file_order(client: Client) -> None:
    """Newest first unless asked otherwise; by name and by size."""
    ids = [await client.upload(b"x" * size, name) for name, size in (("b", 3), ("a", 2), ("c", 1))]

    async def order(**query: str) -> list[int]:
        return [ids.index(file["id"]) for file in (await client.call("GET", "/v1/files", params=query))[1]["data"]]

    assert await order() == [2, 1, 0]
    assert await order(order="asc") == [0, 1, 2]
    assert await order(sort_by="filename", order="asc") == [1, 0, 2]
    assert await order(sort_by="size") == [0, 1, 2]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "many"},
        {"order": "up"},
        {"sort_by": "colour"},
        {"pagination_token": "file_unknown"},
        {"filter": "name"},
        {"filter": 'colour = "red"'},
        {"filter": '(name = "a"'},
        {"filter": 'name = "a")'},
        {"filter": 'AND name = "a"'},
        {"filter": "size_bytes:>many"},
    ],
)
async def test_list_queries_that_are_refused(client: Client, query: dict[str, str]) -> None:
    """Limits outside 1..100, unknown words and malformed filters are 400."""
    await client.upload()
    assert (await client.call("GET", "/v1/files", params=query))[0] == 400


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('name = "a.txt"', ["a.txt"]),
        ('name = "a"', []),
        ('name:"A"', ["a.txt", 'das "a".pdf']),
        ('file_name = "das \\"a\\".pdf"', ['das "a".pdf']),
        ("size_bytes:>2 AND size_bytes<=3", ["b.txt"]),
        ("size_bytes = 2..5", ["b.txt", 'das "a".pdf']),
        ('name:"b" OR name:"das" AND size_bytes = 5', ['das "a".pdf']),
        ('(name:"b" size_bytes = 3) OR size_bytes = 1', ["a.txt", "b.txt"]),
        ('NOT name:"txt"', ['das "a".pdf']),
        ("size_bytes:!3", ["a.txt", 'das "a".pdf']),
        ("created_at:>2020-01-01T00:00:00Z", ["a.txt", "b.txt", 'das "a".pdf']),
        ("created_at:<2020-01-01T00:00:00Z", []),
        ("content_type:application/pdf", []),
        ("content_type = text/plain", ["a.txt", "b.txt", 'das "a".pdf']),
    ],
)
async def test_filters(client: Client, text: str, names: list[str]) -> None:
    """The part of AIP-160 that the docs show; OR binds tighter than AND."""
    for name, size in (("a.txt", 1), ("b.txt", 3), ('das "a".pdf', 5)):
        await client.upload(b"x" * size, name)
    _, body = await client.call("GET", "/v1/files", params={"filter": text, "sort_by": "filename", "order": "asc"})
    assert [file["filename"] for file in body["data"]] == names


# Collections


DEFINITION = {"key": "isbn", "required": True, "inject_into_chunk": False, "unique": True, "description": "ISBN"}


async def test_collections_and_documents_have_the_documented_shape(client: Client) -> None:
    """int64 as string, times in RFC 3339 with microseconds, the docs' defaults."""
    collection = await client.collection("SEC Filings", field_definitions=[DEFINITION])
    file = await client.upload(name="Klageschrift.txt")
    assert await client.attach(collection, file, isbn="9783000000000") == (200, {})
    _, shown = await client.call("GET", f"/v1/collections/{collection}")
    expected = sample("collection")["body"]
    changing = {"collection_id": "", "created_at": ""}
    assert kinds(shown) == kinds(expected)
    assert {**shown, **changing} == {**expected, **changing}
    document, expected = await client.document(collection, file), sample("document")["body"]
    assert kinds(document) == kinds(expected)
    for body in (document, expected):
        body["last_indexed_at"] = body["file_metadata"]["created_at"] = body["file_metadata"]["file_id"] = ""
    assert document == expected


async def test_camel_case_is_understood(client: Client) -> None:
    """Requests may be camelCase, answers are snake_case, and a document's own fields keep their names."""
    status, made = await client.call(
        "POST",
        "/v1/collections",
        json={
            "collectionName": "A",
            "chunkConfiguration": {"charsConfiguration": {"maxChunkSizeChars": 5, "chunkOverlapChars": 1}},
            "fieldDefinitions": [{"key": "eineZahl", "injectIntoChunk": True}],
        },
    )
    assert (status, made["collection_name"]) == (200, "A")
    assert made["chunk_configuration"]["chars_configuration"] == {"max_chunk_size_chars": 5, "chunk_overlap_chars": 1}
    assert made["field_definitions"][0]["inject_into_chunk"] is True
    file = await client.upload()
    await client.attach(made["collection_id"], file, eineZahl="1")
    assert (await client.document(made["collection_id"], file))["fields"] == {"eineZahl": "1"}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"collection_name": ""},
        {"collection_name": 1},
        {"collection_name": "A", "metadata": {"k": "v"}},
        {"collection_name": "A", "metric_space": "FLAT"},
        {"collection_name": "A", "chunk_configuration": {"chars_configuration": {}, "tokens_configuration": {}}},
        {"collection_name": "A", "field_definitions": [{"required": True}]},
        ["A"],
    ],
)
async def test_collections_that_are_refused(client: Client, xai: Xai, wrong: Any) -> None:
    """No name, a free-form metadata map, unknown words: 400 and no collection."""
    assert (await client.call("POST", "/v1/collections", json=wrong))[0] == 400
    assert xai.collections == {}


async def test_collection_names_are_not_unique_and_match_in_part(client: Client) -> None:
    """A second POST makes a second collection; `=` finds more than the exact name."""
    names = ["CDokumente/1", "CDokumente/1", "CDokumente/12", "Other"]
    ids = [await client.collection(name) for name in names]
    assert len(set(ids)) == 4
    query = {"filter": 'collection_name = "CDokumente/1"', "order": "ORDERING_ASCENDING"}
    _, body = await client.call("GET", "/v1/collections", params=query)
    assert [row["collection_name"] for row in body["collections"]] == names[:3]
    query = {"sort_by": "COLLECTIONS_SORT_BY_AGE", "order": "ORDERING_ASCENDING", "limit": "3"}
    found = await pages(client, "/v1/collections", "collections", **query)
    assert [row["collection_id"] for page in found for row in page] == ids
    _, body = await client.call("GET", "/v1/collections", params={"filter": f'collection_id = "{ids[3]}"'})
    assert [row["collection_name"] for row in body["collections"]] == ["Other"]
    _, body = await client.call("GET", "/v1/collections", params={"filter": "documents_count:>0"})
    assert body["collections"] == []


async def test_changing_a_collection(client: Client, xai: Xai) -> None:
    """PUT changes what was sent; a new required field is refused; a deleted field goes from all documents."""
    collection, file = await client.collection("A", collection_description="d"), await client.upload()
    await client.attach(collection, file, isbn="1", other="2")
    path = f"/v1/collections/{collection}"
    assert (await client.call("PUT", path, json={"collectionName": "B"}))[1]["collection_name"] == "B"
    xai.switches = Switches(put_answers="old")
    assert (await client.call("PUT", path, json={"collectionName": "C"}))[1]["collection_name"] == "B"
    _, shown = await client.call("GET", path)
    assert (shown["collection_name"], shown["collection_description"]) == ("C", "d")

    def update(operation: str, **definition: Any) -> dict[str, Any]:
        return {"field_definition_updates": [{"field_definition": definition, "operation": operation}]}

    assert (await client.call("PUT", path, json=update("FIELD_DEFINITION_ADD", key="new", required=True)))[0] == 400
    assert (await client.call("PUT", path, json=update("FIELD_DEFINITION_RENAME", key="isbn")))[0] == 400
    assert (await client.call("PUT", path, json=update("FIELD_DEFINITION_ADD", key="isbn")))[0] == 200
    assert [row["key"] for row in xai.collection(collection).field_definitions] == ["isbn"]
    assert (await client.call("PUT", path, json=update("FIELD_DEFINITION_DELETE", key="isbn")))[0] == 200
    assert (await client.document(collection, file))["fields"] == {"other": "2"}
    assert xai.collection(collection).field_definitions == []


async def test_required_and_unique_fields(client: Client) -> None:
    """A missing required field is 400, a taken unique value 409, per collection."""
    first, second = [await client.collection(field_definitions=[DEFINITION]) for _ in range(2)]
    files = [await client.upload() for _ in range(2)]
    assert (await client.attach(first, files[0]))[0] == 400
    assert (await client.attach(first, files[0], isbn="1"))[0] == 200
    assert (await client.attach(first, files[1], isbn="1"))[0] == 409
    assert (await client.attach(first, files[1], isbn="2"))[0] == 200
    assert (await client.attach(second, files[1], isbn="1"))[0] == 200
    numbers = {"fields": {"isbn": 1}}
    assert (await client.call("POST", f"/v1/collections/{first}/documents/{files[0]}", json=numbers))[0] == 400


# Documents


async def test_indexing_takes_its_time(client: Client, xai: Xai) -> None:
    """A document goes through states the REST page does not list, then is PROCESSED; PATCH starts again."""
    xai.switches = Switches(processing_ms=4_000_000)
    collection, file = await client.attached()
    seen = []
    for _ in range(5):
        document = await client.document(collection, file)
        seen.append(document["status"].removeprefix("DOCUMENT_STATUS_"))
        assert (document["last_indexed_at"] is None) == (seen[-1] != "PROCESSED")
        assert await client.found("Welt", collection) == ([file] if seen[-1] == "PROCESSED" else [])
        xai.advance(1000)
    assert seen == ["PROCESSING", "CHUNKED", "EMBEDDING", "WRITING", "PROCESSED"]
    assert await client.call("PATCH", f"/v1/collections/{collection}/documents/{file}") == (200, {})
    assert (await client.document(collection, file))["status"] == "DOCUMENT_STATUS_PROCESSING"
    assert await client.found("Welt", collection) == [file]


async def test_failed_indexing(client: Client, xai: Xai) -> None:
    """A name that matches ends as FAILED with the text; once the cause is gone, PATCH makes it good."""
    xai.switches = Switches(processing_result={r".*\.zip": "Unsupported file type"})
    collection, file = await client.collection(), await client.upload(name="a.zip")
    await client.attach(collection, file)
    document = await client.document(collection, file)
    assert (document["status"], document["error_message"]) == ("DOCUMENT_STATUS_FAILED", "Unsupported file type")
    assert document["file_metadata"]["processing_status"] == "failed"
    path = f"/v1/collections/{collection}/documents"
    for text, count in (("status:DOCUMENT_STATUS_FAILED", 1), ("status:!DOCUMENT_STATUS_FAILED", 0)):
        assert len((await client.call("GET", path, params={"filter": text}))[1]["documents"]) == count
    xai.switches = Switches()
    await client.call("PATCH", f"{path}/{file}")
    assert (await client.document(collection, file))["status"] == "DOCUMENT_STATUS_PROCESSED"
    assert await client.found("Welt", collection) == [file]


async def test_listing_documents(client: Client) -> None:
    """batchGet leaves out what is not there; names and fields can be filtered; unknown things are 404."""
    collection = await client.collection()
    files = [await client.upload(b"x" * size, name) for name, size in (("quarterly.pdf", 1), ("b.pdf", 2))]
    for file in files:
        await client.attach(collection, file, isbn=file[-3:])
    path = f"/v1/collections/{collection}/documents"
    query = [("file_ids", files[1]), ("file_ids", "file_gone"), ("file_ids", files[0])]
    _, body = await client.call("GET", f"{path}:batchGet", params=query)
    assert [row["file_metadata"]["file_id"] for row in body["documents"]] == [files[1], files[0]]
    assert (await client.call("GET", f"{path}:batchGet"))[0] == 400
    for text in ('name:"quarterly"', f'fields.isbn:"{files[0][-3:]}"', "size_bytes:<2"):
        _, body = await client.call("GET", path, params={"filter": text})
        assert [row["file_metadata"]["file_id"] for row in body["documents"]] == files[:1]
    for sort, newest_first in (("DOCUMENTS_SORT_BY_SIZE", True), ("DOCUMENTS_SORT_BY_NAME", False)):
        _, body = await client.call("GET", path, params={"sort_by": sort})
        assert (body["documents"][0]["file_metadata"]["file_id"] == files[1]) is newest_first
    for gone in (f"{path}/file_x", "/v1/collections/collection_x", "/v1/collections/collection_x/documents"):
        assert (await client.call("GET", gone))[0] == 404
    assert (await client.attach(collection, "file_x"))[0] == 404
    assert (await client.attach("collection_x", files[0]))[0] == 404


# The ten open questions, both ways


async def test_switch_re_add(client: Client, xai: Xai) -> None:
    """Re-adding: nothing happens, 409, or a second row that one DELETE takes along."""
    collection, file = await client.attached()
    assert await client.attach(collection, file) == (200, {})
    assert xai.attachments() == {collection: [file]}
    xai.switches = Switches(re_add="conflict")
    assert (await client.attach(collection, file))[0] == 409
    xai.switches = Switches(re_add="duplicate")
    assert await client.attach(collection, file) == (200, {})
    assert xai.attachments() == {collection: [file, file]}
    _, body = await client.call("GET", f"/v1/collections/{collection}/documents")
    assert len(body["documents"]) == 2
    await client.call("DELETE", f"/v1/collections/{collection}/documents/{file}")
    assert xai.attachments() == {collection: []}


@pytest.mark.parametrize(("switch", "status"), [("ok", 200), ("not_found", 404)])
async def test_switch_detach_missing(client: Client, xai: Xai, switch: Any, status: int) -> None:
    """Detaching twice: `{}` or 404; a missing collection is 404 either way."""
    xai.switches = Switches(detach_missing=switch)
    collection, file = await client.attached()
    path = f"/v1/collections/{collection}/documents/{file}"
    assert await client.call("DELETE", path) == (200, {})
    assert (await client.call("DELETE", path))[0] == status
    assert (await client.call("DELETE", f"/v1/collections/collection_x/documents/{file}"))[0] == 404


@pytest.mark.parametrize("deletes", [False, True])
async def test_switch_detach_deletes_file(client: Client, xai: Xai, deletes: bool) -> None:
    """Detaching keeps the file, or deletes it with its last attachment."""
    xai.switches = Switches(detach_deletes_file=deletes)
    first, file = await client.attached()
    second = await client.collection()
    await client.attach(second, file)
    await client.call("DELETE", f"/v1/collections/{first}/documents/{file}")
    assert file in xai.files
    await client.call("DELETE", f"/v1/collections/{second}/documents/{file}")
    assert (await client.call("GET", f"/v1/files/{file}"))[0] == (404 if deletes else 200)


async def test_switch_delete_attached(client: Client, xai: Xai) -> None:
    """Deleting an attached file: refused, the document vanishes, or it stays and has failed."""
    collection, file = await client.attached()
    xai.switches = Switches(delete_attached="refused")
    assert (await client.call("DELETE", f"/v1/files/{file}"))[0] == 400
    assert file in xai.files
    xai.switches = Switches(delete_attached="document_vanishes")
    assert (await client.call("DELETE", f"/v1/files/{file}"))[0] == 200
    assert await client.document(collection, file) == 404
    file = await client.upload()
    await client.attach(collection, file)
    xai.switches = Switches(delete_attached="document_fails")
    assert (await client.call("DELETE", f"/v1/files/{file}"))[0] == 200
    document = await client.document(collection, file)
    assert document["status"] == "DOCUMENT_STATUS_FAILED"
    assert document["error_message"]
    assert await client.found("Welt", collection) == []
    assert await client.call("DELETE", f"/v1/collections/{collection}/documents/{file}") == (200, {})


@pytest.mark.parametrize("deletes", [False, True])
async def test_switch_delete_collection_deletes_files(client: Client, xai: Xai, deletes: bool) -> None:
    """Deleting a collection keeps its files, or takes those that are in no other."""
    xai.switches = Switches(delete_collection_deletes_files=deletes)
    collection, lone = await client.attached()
    other, shared = await client.attached()
    await client.attach(collection, shared)
    assert await client.call("DELETE", f"/v1/collections/{collection}") == (200, {})
    assert (lone in xai.files) is not deletes
    assert xai.attachments() == {other: [shared]}
    assert (await client.call("DELETE", f"/v1/collections/{collection}"))[0] == 404


async def test_switch_visibility_lag(client: Client, xai: Xai) -> None:
    """A new file is 404 on the management host for a while, and never on api.x.ai."""
    xai.switches = Switches(visibility_lag_ms=60_000)
    collection, file = await client.collection(), await client.upload()
    assert (await client.call("GET", f"/v1/files/{file}"))[0] == 200
    assert (await client.attach(collection, file))[0] == 404
    xai.advance(61)
    assert (await client.attach(collection, file))[0] == 200
    xai.switches = Switches()
    assert (await client.attach(collection, await client.upload()))[0] == 200


@pytest.mark.parametrize("algorithm", ["sha256", "blake2b", "blake2s", "sha3_256"])
async def test_switch_hash_algorithm(client: Client, xai: Xai, algorithm: Any) -> None:
    """`hash` has 64 hex digits whatever made it; the state always tells SHA-256."""
    xai.switches = Switches(hash_algorithm=algorithm)
    collection, file = await client.attached()
    shown = (await client.document(collection, file))["file_metadata"]["hash"]
    sha256 = hashlib.sha256(b"Hallo Welt").hexdigest()
    assert len(shown) == len(bytes.fromhex(shown)) * 2 == 64
    assert (shown == sha256) is (algorithm == "sha256")
    assert xai.live_files()[0].sha256 == sha256


@pytest.mark.parametrize(
    ("switch", "given", "header"), [(False, None, None), (True, None, "1"), (False, 9, "9"), (True, 9, "9")]
)
async def test_switch_retry_after(
    client: Client, xai: Xai, switch: bool, given: int | None, header: str | None
) -> None:
    """429 in xAI's shape; Retry-After by the switch, or with the fault's own value."""
    xai.switches = Switches(retry_after=switch)
    xai.faults.add(Fault(kind="rate_limited", retry_after_s=given))
    async with client.session.get("/v1/files", headers=API) as answer:
        assert (answer.status, answer.headers.get("Retry-After")) == (429, header)
        assert (await answer.json())["code"] == sample("sentences")["429"]


@pytest.mark.parametrize("switch", ["document_vanishes", "document_fails", "stays"])
async def test_switch_expired_while_attached(client: Client, xai: Xai, switch: Any) -> None:
    """The file is 404 after its expiry; its document vanishes, fails, or stays as it was."""
    xai.switches = Switches(expired_while_attached=switch)
    collection, file = await client.collection(), await client.upload(expires_after=str(HOUR_S))
    await client.attach(collection, file)
    xai.advance(HOUR_S - 5)
    assert (await client.call("GET", f"/v1/files/{file}"))[0] == 200
    xai.advance(10)
    assert (await client.call("GET", f"/v1/files/{file}"))[0] == 404
    document = await client.document(collection, file)
    if switch == "document_vanishes":
        assert document == 404
    else:
        assert document["status"] == f"DOCUMENT_STATUS_{'FAILED' if switch == 'document_fails' else 'PROCESSED'}"
        assert await client.call("DELETE", f"/v1/collections/{collection}/documents/{file}") == (200, {})


# Search


async def test_search_never_sees_zero_versions(client: Client) -> None:
    """Attach the new, then detach the old: every look between finds at least one."""
    collection, old = await client.attached()
    new = await client.upload(b"Hallo neue Welt")
    assert await client.found("welt", collection) == [old]
    await client.attach(collection, new)
    assert set(await client.found("welt", collection)) == {old, new}
    await client.call("DELETE", f"/v1/collections/{collection}/documents/{old}")
    assert await client.found("welt", collection) == [new]
    assert await client.found("absent", collection) == []


async def test_search_answers_and_refusals(client: Client) -> None:
    """Chunks with score, collections and fields, best first; filters on fields; 400 without query or collections."""
    one, two = await client.collection(), await client.collection()
    file, other = await client.upload(b"Mietvertrag Kaution"), await client.upload(b"Kaution")
    for collection in (one, two):
        await client.attach(collection, file, year="2024")
    await client.attach(one, other, year="1999")
    data: dict[str, Any] = {"query": "Kaution Mietvertrag", "source": {"collection_ids": [one, two]}}
    _, body = await client.call("POST", "/v1/documents/search", json=data)
    best = body["matches"][0]
    assert best.pop("chunk_id")
    assert best == {
        "file_id": file,
        "chunk_content": "Mietvertrag Kaution",
        "score": 1.0,
        "collection_ids": [one, two],
        "fields": {"year": "2024"},
    }
    assert [match["file_id"] for match in body["matches"]] == [file, other]
    for text, count in (("year >= 2000", 1), ("year = 1990..2030", 2), ('colour = "red"', 0), ('colour != "red"', 0)):
        _, body = await client.call("POST", "/v1/documents/search", json={**data, "filter": text})
        assert len(body["matches"]) == count, text
    for wrong in ({**data, "query": ""}, {**data, "limit": 0}, {**data, "source": {}}, {"query": "x"}):
        assert (await client.call("POST", "/v1/documents/search", json=wrong))[0] == 400
    data["source"] = {"collection_ids": ["collection_x"]}
    assert (await client.call("POST", "/v1/documents/search", json=data))[0] == 404


# Errors and keys


async def test_a_wrong_key_is_a_400_that_echoes_part_of_it(client: Client) -> None:
    """api.x.ai answers a wrong key as it was seen live, and a missing or malformed header with 401."""
    wrong, expected = {"Authorization": "Bearer demo-wrong-key"}, sample("error_wrong_key")
    assert await client.call("GET", "/v1/files", headers=wrong) == (expected["status"], expected["body"])
    for malformed in ({}, {"Authorization": "demo-api-key"}, {"Authorization": "Basic abc"}):
        status, body = await client.call("GET", "/v1/files", headers=malformed)
        assert (status, body["code"]) == (401, sample("sentences")["401"])


async def test_each_path_has_its_own_key(client: Client) -> None:
    """The API key does not open collections, the management key does not open files."""
    assert (await client.call("GET", "/v1/collections", headers=API))[0] == 401
    assert (await client.call("GET", "/v1/files", headers=MANAGEMENT))[0] == 400
    assert (await client.call("GET", "/v1/collections", headers=MANAGEMENT))[0] == 200
    assert (await client.call("GET", "/v1/files", headers=API))[0] == 200


@pytest.mark.parametrize("shape", ["nested", "number", "text"])
async def test_management_errors_come_in_variants(client: Client, xai: Xai, shape: Any) -> None:
    """The management host's error body is undocumented: every shape that was seen can be chosen."""
    assert await client.call("GET", "/v1/collections/x") == (
        404,
        {"code": sample("sentences")["404"], "error": "Collection not found"},
    )
    xai.switches = Switches(management_errors=shape)
    assert await client.call("GET", "/v1/collections/x") == (404, sample("error_variants")[shape])


async def test_injected_errors_speak_xai(client: Client, xai: Xai) -> None:
    """The harness's errors come in xAI's words."""
    for status, sentence in sample("sentences").items():
        if status.isdigit():
            xai.faults.add(Fault(kind="error", status=int(status)))
            given, body = await client.call("GET", "/v1/files")
            assert (given, body["code"]) == (int(status), sentence)
    expected = sample("error_unavailable")
    xai.faults.add(Fault(kind="error", status=503))
    assert await client.call("GET", "/v1/files") == (expected["status"], expected["body"])


async def test_answers_carry_a_request_id(client: Client) -> None:
    """Every answer has its own x-request-id."""
    seen = set()
    for _ in range(3):
        async with client.session.get("/v1/files", headers=API) as answer:
            seen.add(answer.headers["x-request-id"])
    assert len(seen) == 3


# Control


async def test_switches_over_http(client: Client, xai: Xai) -> None:
    """PUT changes the named switches and leaves the others; unknown names and values are refused."""
    status, shown = await client.call("PUT", "/_sim/switches", json={"re_add": "conflict"})
    assert (status, shown["re_add"]) == (200, "conflict")
    await client.call("PUT", "/_sim/switches", json={"processing_ms": 5})
    assert xai.switches == Switches(re_add="conflict", processing_ms=5)
    for wrong in ({"re_add": "explode"}, {"colour": "red"}, {"processing_ms": -1}, {"processing_result": {"(": "x"}}):
        assert (await client.call("PUT", "/_sim/switches", json=wrong))[0] == 400
    assert (await client.call("GET", "/_sim/switches"))[1] == msgspec.to_builtins(xai.switches)


async def test_state_seed_console_and_reset(client: Client, xai: Xai) -> None:
    """Seed puts in, state shows all but contents, the console removes without refusal, reset empties."""
    seed = {"files": [{"name": "a.txt", "text": "Hallo Welt"}], "collections": [{"name": "A", "files": ["a.txt"]}]}
    _, made = await client.call("POST", "/_sim/seed", json=seed)
    (file,), (collection,) = made["files"], made["collections"]
    _, state = await client.call("GET", "/_sim/state")
    assert state["files"][0]["sha256"] == hashlib.sha256(b"Hallo Welt").hexdigest()
    assert "content" not in state["files"][0]
    assert state["collections"][0]["documents"][0]["file_metadata"]["file_id"] == file
    assert await client.found("Welt", collection) == [file]
    xai.switches = Switches(delete_attached="refused")
    assert (await client.call("DELETE", f"/_sim/files/{file}"))[0] == 200
    assert (await client.call("DELETE", f"/_sim/files/{file}"))[0] == 404
    assert xai.attachments() == {collection: []}
    assert (await client.call("DELETE", f"/_sim/collections/{collection}"))[0] == 200
    assert xai.log.writes()[0].path == "/v1/documents/search"
    await client.upload()
    assert (await client.call("POST", "/_sim/reset"))[0] == 200
    assert (xai.live_files(), xai.collections, xai.log.rows()) == ([], {}, [])
    wrong = {"collections": [{"name": "A", "files": ["gone"]}]}
    assert (await client.call("POST", "/_sim/seed", json=wrong))[0] == 400


async def test_the_clock_over_http(client: Client) -> None:
    """Advancing the clock lets a file expire without waiting."""
    file = await client.upload(expires_after=str(HOUR_S))
    assert (await client.call("POST", "/_sim/clock", json={"advance_s": HOUR_S + 1}))[0] == 200
    assert (await client.call("GET", f"/v1/files/{file}"))[0] == 404


async def test_ids_follow_from_the_seed() -> None:
    """The same seed gives the same ids, so a failing run can be repeated."""

    async def ids(seed: int) -> list[str]:
        xai = Xai(seed=seed)
        made: Any = xai.seed({"files": [{"name": "a"}], "collections": [{"name": "A"}]})
        return [*made["files"], *made["collections"]]

    assert await ids(1) == await ids(1) != await ids(2)
