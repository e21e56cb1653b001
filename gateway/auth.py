"""Who is at the door: EspoCRM by its signature over the raw body, or a caller with a key."""

import base64
import hashlib
import hmac
from collections.abc import Mapping

from shared.settings import NamedSecrets

SIGNATURE = "Signature"
OLD_SIGNATURE = "X-Signature"
API_KEY = "apikey"

_NOBODY = hmac.new(b"the secret of a webhook that does not exist", digestmod="sha256")


class Auth:
    """Checks requests. Comparisons take constant time, and an unknown name takes the same path as a known one."""

    def __init__(self, webhook_secrets: NamedSecrets, api_keys: NamedSecrets) -> None:
        # With the key already worked in: a copy of that costs less than to begin anew.
        self._begun = {
            name.encode(): hmac.new(secret.reveal().encode(), digestmod="sha256")
            for name, secret in webhook_secrets.items()
        }
        # Digests, because comparing keys of different length would tell the length.
        self._keys = [(name, _digest(key.reveal().encode())) for name, key in api_keys.items()]

    def caller(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The webhook's id or the key's name; None when neither proves itself.

        A good key is enough also beside a signature that we cannot check: EspoCRM signs what it sends through the
        firm's API gateway too, which adds the key. Of two signatures only the newer one is looked at.
        """
        signature = headers.get(SIGNATURE)
        if signature is not None:
            caller = self._signed(signature, body, old=False)
        elif (signature := headers.get(OLD_SIGNATURE)) is not None:
            caller = self._signed(signature, body, old=True)
        else:
            caller = None
        if caller is None and (key := headers.get(API_KEY)) is not None:
            return self.owner_of(key)
        return caller

    def _signed(self, header: str, body: bytes, *, old: bool) -> str | None:
        """Base64 of `<webhook id>:<HMAC-SHA256 of the body>`, the digest in hex, or raw in the old header.

        Source: EspoCRM 9.2.7, application/Espo/Core/Webhook/Sender.php.
        """
        try:
            webhook_id, _, given = base64.b64decode(header, validate=True).partition(b":")
        except ValueError:
            return None
        begun = self._begun.get(webhook_id)
        expected = (begun or _NOBODY).copy()
        expected.update(body)
        same = hmac.compare_digest(given, expected.digest() if old else expected.hexdigest().encode())
        return webhook_id.decode() if same and begun is not None else None

    def owner_of(self, key: str) -> str | None:
        """The name of an API key; None when there is no such key."""
        given = _digest(key.encode("utf-8", "surrogateescape"))
        found = None
        for name, digest in self._keys:
            if hmac.compare_digest(given, digest):
                found = name
        return found


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
