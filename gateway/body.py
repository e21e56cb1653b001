"""Reading a request's body, with the three ways in which that fails."""

import asyncio

from aiohttp import web

from gateway.payloads import Refusal

_BODY_S = 3.0


async def body_of(request: web.Request, max_bytes: int) -> bytes:
    """The raw body. Raises Refusal: 413 too large, 408 too slow, 400 cut off."""
    if (request.content_length or 0) > max_bytes:
        raise Refusal(413, f"the body is larger than {max_bytes} bytes")
    try:
        if request.content.is_eof():  # nearly always: a webhook comes in one piece, and then no timer is needed
            body = await request.read()
        else:
            async with asyncio.timeout(_BODY_S):
                body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refusal(413, f"the body is larger than {max_bytes} bytes") from None
    except TimeoutError:
        raise Refusal(408, "the body did not come in time") from None
    except (web.RequestPayloadError, ConnectionError):
        raise Refusal(400, "the body was cut off") from None
    if len(body) > max_bytes:
        raise Refusal(413, f"the body is larger than {max_bytes} bytes")
    return body
