"""One key-value bucket by JetStream's raw API: what nats-py's own class cannot do (TTL with CAS, exact delete).

Reads ask the bucket's leader: any replica answers a direct get, as nats-py sends it, and one that lags behind says what
is no longer so. Facts: https://docs.nats.io/nats-concepts/jetstream/key-value-store and ADR-8, ADR-31, ADR-43 of
nats-architecture-and-design.
"""

import asyncio

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from shared.outcomes.errors import Unavailable
from shared.state.request import Requests

_TIMEOUT_S = 3.0
_PATIENCE_S = 10.0
"""A bucket whose leader has died has a new one after four to nine seconds: a run should survive that."""
_PAUSE_S = 0.2
_NOT_NOW = b'"err_code":10008'
"""JetStream has no leader for it at this moment and has done nothing."""
_ERROR_BYTES = 300
_WRONG_LAST_SEQUENCE = (10071, 10164)
_OPERATION = b"\r\nKV-Operation:"
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


class _Stored(msgspec.Struct):
    seq: int
    hdrs: bytes = b""
    data: bytes = b""

    @property
    def is_marker(self) -> bool:
        """What `nats kv del` leaves: it stands where a key is not."""
        return _OPERATION in self.hdrs


class _Found(msgspec.Struct):
    message: _Stored | None = None
    error: _ApiError | None = None


_ACK = msgspec.json.Decoder(_Ack)
_FOUND = msgspec.json.Decoder(_Found)


class _Unheard(Unavailable):
    """There was no answer in time: whether it was done is not known."""


class Bucket:
    """Reads and compare-and-set writes. Raises Unavailable when NATS does not answer."""

    def __init__(self, requests: Requests, name: str) -> None:
        self.name = name
        self._requests = requests
        self._prefix = f"$KV.{name}."
        self._get = f"$JS.API.STREAM.MSG.GET.KV_{name}"

    async def get(self, key: str) -> Entry | None:
        """The present value, or None."""
        found = await self._last(key)
        return None if found is None or found.is_marker else Entry(found.data, found.seq)

    async def _last(self, key: str) -> _Stored | None:
        answer = await self._repeat(self._get, msgspec.json.encode({"last_by_subj": self._prefix + key}))
        found = _FOUND.decode(answer.data)
        if found.error is not None and found.error.err_code not in _NO_MESSAGE:
            raise Unavailable(f"bucket {self.name} refused a read: {found.error.description}")
        return found.message

    async def create(self, key: str, value: bytes, *, ttl_s: int | None = None) -> int | None:
        """Writes a key that must not exist; its revision, or None when it exists."""
        return await self.update(key, value, 0, ttl_s=ttl_s)

    async def update(self, key: str, value: bytes, revision: int, *, ttl_s: int | None = None) -> int | None:
        """Writes over exactly `revision` (0: nothing); the new revision, or None when the key has moved on.

        A write without `ttl_s` stays for ever, also when the value before it had one.
        """
        written = await self._write(key, value, revision, ttl_s)
        if written is None and revision == 0:
            last = await self._last(key)
            if last is not None and last.is_marker:
                return await self._write(key, value, last.seq, ttl_s)
        return written

    async def _write(self, key: str, value: bytes, revision: int, ttl_s: int | None) -> int | None:
        headers = {"Nats-Expected-Last-Subject-Sequence": str(revision)}
        if ttl_s is not None:
            headers["Nats-TTL"] = f"{max(1, ttl_s)}s"
        try:
            return self._written(await self._request(self._prefix + key, value, headers))
        except _Unheard:
            # It may have been stored. Of two equal ones over the same revision JetStream stores one.
            again = self._written(await self._repeat(self._prefix + key, value, headers))
        if again is not None:
            return again
        last = await self._last(key)
        return last.seq if last is not None and last.data == value and last.seq > revision else None

    def _written(self, answer: Msg) -> int | None:
        ack = _ACK.decode(answer.data)
        if ack.error is None:
            return ack.seq
        if ack.error.err_code in _WRONG_LAST_SEQUENCE:
            return None
        raise Unavailable(f"bucket {self.name} refused a write: {ack.error.description}")

    async def put(self, key: str, value: bytes, *, ttl_s: int | None = None) -> int:
        """Writes whatever was there; the new revision."""
        headers = {"Nats-TTL": f"{max(1, ttl_s)}s"} if ttl_s is not None else None
        ack = _ACK.decode((await self._repeat(self._prefix + key, value, headers)).data)
        if ack.error is not None:
            raise Unavailable(f"bucket {self.name} refused a write: {ack.error.description}")
        return ack.seq

    async def delete(self, revision: int) -> None:
        """Removes exactly this revision, of whatever key, without a tombstone; nothing happens when it is gone."""
        body = msgspec.json.encode({"seq": revision, "no_erase": True})
        answer = await self._repeat(f"$JS.API.STREAM.MSG.DELETE.KV_{self.name}", body)
        ack = _ACK.decode(answer.data)
        if ack.error is not None and ack.error.err_code not in _NO_MESSAGE:
            raise Unavailable(f"bucket {self.name} refused a delete: {ack.error.description}")

    async def keys(self, pattern: str) -> list[str]:
        """The keys that match a subject pattern, such as `document_sync.CDokumente.*`; at most 100,000."""
        wanted = {"subjects_filter": self._prefix + pattern}
        found: list[str] = []
        while True:
            body = msgspec.json.encode(wanted | {"offset": len(found)})
            answer = await self._repeat(f"$JS.API.STREAM.INFO.KV_{self.name}", body)
            page = msgspec.json.decode(answer.data, type=_Info).state.subjects or {}
            found.extend(subject.removeprefix(self._prefix) for subject in page)
            if not page or len(page) < _SUBJECTS_PAGE:
                return sorted(found)

    async def _repeat(self, subject: str, body: bytes, headers: dict[str, str] | None = None) -> Msg:
        """For what may be asked twice: asks again when there was no answer."""
        return await self._request(subject, body, headers, repeatable=True)

    async def _request(
        self, subject: str, body: bytes, headers: dict[str, str] | None, *, repeatable: bool = False
    ) -> Msg:
        """Waits for a leader. What a leader may have heard is sent again only where that does no harm."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_S
        while True:
            is_last = loop.time() + _PAUSE_S > deadline
            try:
                answer = await self._requests.request(subject, body, timeout_s=_TIMEOUT_S, headers=headers)
            except (NatsError, OSError) as failed:
                is_unheard = isinstance(failed, NatsTimeoutError)
                if is_last or not (isinstance(failed, NoRespondersError) or (repeatable and is_unheard)):
                    told = f"bucket {self.name}: NATS does not answer ({type(failed).__name__})"
                    raise (_Unheard if is_unheard else Unavailable)(told) from None
            else:
                if is_last or not (repeatable and _NOT_NOW in answer.data[:_ERROR_BYTES]):
                    return answer
            await asyncio.sleep(_PAUSE_S)


class _State(msgspec.Struct):
    subjects: dict[str, int] | None = None


class _Info(msgspec.Struct):
    state: _State = msgspec.field(default_factory=_State)


_SUBJECTS_PAGE = 100_000
