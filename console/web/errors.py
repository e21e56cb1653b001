"""Whatever goes wrong is a page with a sentence, and never a stack trace."""

import logging

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from console.web.page import problem
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import ApiError

_log = logging.getLogger(__name__)
_KNOWN = {400: "problem.400", 404: "problem.404", 405: "problem.405", 413: "problem.413"}


def errors() -> Middleware:
    """The outermost middleware."""

    @web.middleware
    async def catch(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as told:
            answer = problem(request, told.status, _KNOWN.get(told.status, "problem.other"))
            for name in ("Allow", "Retry-After"):
                if name in told.headers:
                    answer.headers[name] = told.headers[name]
            return answer
        except Unavailable as failed:
            answer = problem(request, 503, "problem.away", detail=failed.reason)
            answer.headers["Retry-After"] = "5"
            return answer
        except ApiError as refused:
            return problem(request, 502, "problem.refused", detail=refused.description)
        except Exception as failed:  # the page says sorry, the log says where
            _log.error("page failed", extra={"path": request.match_info.route.name or ""}, exc_info=failed)
            return problem(request, 500, "problem.bug")

    return catch
