"""One webhook request: body, both signature headers, and what counts as its status."""

import base64
import hashlib
import hmac

import aiohttp

from simulators.espocrm.answers import php_json
from simulators.espocrm.records import Row

CONNECT_TIMEOUT_S = 5.0  # webhookConnectTimeout


def signatures(webhook_id: str, secret_key: str, body: bytes) -> dict[str, str]:
    """The two headers of 9.x over the raw body: hex digest in Signature, raw digest in X-Signature."""
    digest = hmac.new(secret_key.encode(), body, hashlib.sha256)
    named = f"{webhook_id}:".encode()
    return {
        "Signature": base64.b64encode(named + digest.hexdigest().encode()).decode(),
        "X-Signature": base64.b64encode(named + digest.digest()).decode(),
    }


class Sender:
    """Core/Webhook/Sender: a POST with Accept and Content-Type and nothing else, no redirect to http."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))

    async def send(self, webhook: Row, data: list[Row]) -> int:
        """The receiver's status. 0: no connection or no such host; 408: not answered in time."""
        body = php_json(data)
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/json",
            **signatures(str(webhook["id"]), str(webhook["secretKey"]), body),
        }
        code = 0
        try:
            async with (
                aiohttp.ClientSession(skip_auto_headers=("User-Agent", "Accept-Encoding")) as session,
                session.post(
                    str(webhook["url"]),
                    data=body,
                    headers=headers,
                    timeout=self._timeout,
                    allow_redirects=False,
                ) as answer,
            ):
                code = answer.status
                await answer.read()
        except TimeoutError:
            return 408
        except (aiohttp.ClientError, ValueError, OSError):
            # curl keeps the status it has read before the connection broke; 0 when it has none.
            return code
        return code
