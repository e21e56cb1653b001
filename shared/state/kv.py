"""One key-value bucket by JetStream's raw API: what nats-py's own class cannot do (TTL with CAS, exact delete).

Facts: https://docs.nats.io/nats-concepts/jetstream/key-value-store and ADR-8, ADR-43 of nats-architecture-and-design.
"""

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from shared.outcomes.errors import Unavailable
from shared.state.request import request

_TIMEOUT_S = 3.0
_WRONG_LAST_SEQUENCE = (10071, 10164)
_OPERATION = "KV-Operation"
_NO_MESSAGE = (10037, 10043, 10057)


class Entry(msgspec.Struct, frozen=True):
    """A value and the revision it has."""

    value: bytes
    revision: int


class _ApiError(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    seq: int = 0
    error: _ApiError | None = None


class Bucket:
    """Reads and compare-and-set writes. Raises Unavailable when NATS does not answer."""

    def __init__(self, nc: Client, name: str) -> None:
        self.name = name
        self._nc = nc
        self._prefix = f"$KV.{name}."
        self._direct_get = f"$JS.API.DIRECT.GET.KV_{name}.{self._prefix}"

    async def get(self, key: str) -> Entry | None:
        """The present value, or None."""
        answer = await self._request(self._direct_get + key, b"")
        headers = answer.headers or {}
        if "Nats-Sequence" not in headers:
            if headers.get("Status") == "404":
                return None
            raise Unavailable(f"bucket {self.name} answered {headers.get('Status', 'nonsense')}")
        return None if _OPERATION in headers else Entry(answer.data, int(headers["Nats-Sequence"]))

    async def _marker(self, key: str) -> int | None:
        """The revision of the marker that `nats kv del` leaves: it stands where a key is not."""
        headers = (await self._request(self._direct_get + key, b"")).headers or {}
        return int(headers["Nats-Sequence"]) if _OPERATION in headers else None

    async def create(self, key: str, value: bytes, *, ttl_s: int | None = None) -> int | None:
        """Writes a key that must not exist; its revision, or None when it exists."""
        return await self.update(key, value, 0, ttl_s=ttl_s)

    async def update(self, key: str, value: bytes, revision: int, *, ttl_s: int | None = None) -> int | None:
        """Writes over exactly `revision` (0: nothing); the new revision, or None when the key has moved on.

        A write without `ttl_s` stays for ever, also when the value before it had one.
        """
        written = await self._write(key, value, revision, ttl_s)
        if written is None and revision == 0 and (marker := await self._marker(key)) is not None:
            return await self._write(key, value, marker, ttl_s)
        return written

    async def _write(self, key: str, value: bytes, revision: int, ttl_s: int | None) -> int | None:
        headers = {"Nats-Expected-Last-Subject-Sequence": str(revision)}
        if ttl_s is not None:
            headers["Nats-TTL"] = f"{max(1, ttl_s)}s"
        answer = await self._request(self._prefix + key, value, headers)
        ack = msgspec.json.decode(answer.data, type=_Ack)
        if ack.error is None:
            return ack.seq
        if ack.error.err_code in _WRONG_LAST_SEQUENCE:
            return None
        raise Unavailable(f"bucket {self.name} refused a write: {ack.error.description}")

    async def put(self, key: str, value: bytes, *, ttl_s: int | None = None) -> int:
        """Writes whatever was there; the new revision."""
        headers = {"Nats-TTL": f"{max(1, ttl_s)}s"} if ttl_s is not None else None
        ack = msgspec.json.decode((await self._request(self._prefix + key, value, headers)).data, type=_Ack)
        if ack.error is not None:
            raise Unavailable(f"bucket {self.name} refused a write: {ack.error.description}")
        return ack.seq

    async def delete(self, revision: int) -> None:
        """Removes exactly this revision, of whatever key, without a tombstone; nothing happens when it is gone."""
        body = msgspec.json.encode({"seq": revision, "no_erase": True})
        answer = await self._request(f"$JS.API.STREAM.MSG.DELETE.KV_{self.name}", body)
        ack = msgspec.json.decode(answer.data, type=_Ack)
        if ack.error is not None and ack.error.err_code not in _NO_MESSAGE:
            raise Unavailable(f"bucket {self.name} refused a delete: {ack.error.description}")

    async def keys(self, pattern: str) -> list[str]:
        """The keys that match a subject pattern, such as `document_sync.CDokumente.*`; at most 100,000."""
        wanted = {"subjects_filter": self._prefix + pattern}
        found: list[str] = []
        while True:
            body = msgspec.json.encode(wanted | {"offset": len(found)})
            answer = await self._request(f"$JS.API.STREAM.INFO.KV_{self.name}", body)
            page = msgspec.json.decode(answer.data, type=_Info).state.subjects or {}
            found.extend(subject.removeprefix(self._prefix) for subject in page)
            if not page or len(page) < _SUBJECTS_PAGE:
                return sorted(found)

    async def _request(self, subject: str, body: bytes, headers: dict[str, str] | None = None) -> "Answer":
        try:
            answer = await request(self._nc, subject, body, timeout_s=_TIMEOUT_S, headers=headers)
        except (NatsError, OSError) as failed:
            raise Unavailable(f"bucket {self.name}: NATS does not answer ({type(failed).__name__})") from None
        return Answer(answer.data, answer.headers)


class Answer(msgspec.Struct, frozen=True):
    """What NATS said."""

    data: bytes
    headers: dict[str, str] | None


class _State(msgspec.Struct):
    subjects: dict[str, int] | None = None


class _Info(msgspec.Struct):
    state: _State = msgspec.field(default_factory=_State)


_SUBJECTS_PAGE = 100_000
