"""Which language a reader wants, and how numbers and times are written in it."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from console.web.paths import local_path
from console.web.words import LANGUAGES

COOKIE = "hub_lang"
_YEAR_S = 365 * 24 * 3600
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
_FAILED = ("retry", "dead", "halt")
_FORMATS = {"de": ("%d.%m.%Y", "%H:%M:%S", "."), "en": ("%d %b %Y", "%H:%M:%S", ",")}


class Tongue:
    """One page's language, at one moment."""

    def __init__(self, code: str, *, zone: tzinfo, now: datetime) -> None:
        self.code = code
        self.now = now
        self._words: Mapping[str, str] = LANGUAGES[code]
        self._zone = zone
        self._date, self._time, self._comma = _FORMATS[code]

    def __call__(self, key: str, /, **values: object) -> str:
        """The text; a key that is not there is a bug."""
        text = self._words[key]
        return text.format(**values) if values else text

    def known(self, key: str, otherwise: str = "") -> str:
        """The text, where there is one: names from outside may be new."""
        return self._words.get(key, otherwise)

    def type_name(self, entity_type: str) -> str:
        """An entity type as people say it."""
        return self.known(f"type.{entity_type}", entity_type)

    def cause(self, outcome: str, reason: str) -> str:
        """The plain sentence for a reason, or for the kind that a failure's reason begins with."""
        if outcome in _FAILED:
            return self.known(f"kind.{reason.partition(':')[0]}")
        return self.known(f"reason.{reason}")

    def number(self, value: float) -> str:
        """With separators, without decimals."""
        return f"{value:,.0f}".replace(",", self._comma)

    def ms(self, value: float) -> str:
        """Milliseconds, or seconds where they are many."""
        if value < 10_000:
            return f"{self.number(value)} ms"
        return self.seconds(value / 1000)

    def seconds(self, value: float) -> str:
        """A length of time in one unit."""
        for limit, unit, each in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
            if value < limit:
                return f"{int(value // each)} {unit}"
        return self("time.days", n=int(value // 86_400))

    def when(self, at: datetime | str | None) -> str:
        """Date and time; today's date is left out."""
        moment = read_moment(at)
        if moment is None:
            return "–"
        local = moment.astimezone(self._zone)
        same_day = local.date() == self.now.astimezone(self._zone).date()
        return local.strftime(self._time if same_day else f"{self._date} {self._time}")

    def iso(self, at: datetime | str | None) -> str:
        """For machines."""
        moment = read_moment(at)
        return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment else ""

    def ago(self, at: datetime | str | None) -> str:
        """How long ago, or how soon."""
        moment = read_moment(at)
        if moment is None:
            return ""
        seconds = (self.now - moment).total_seconds()
        return self("time.ago" if seconds >= 0 else "time.soon", n=self.seconds(abs(seconds)))


def read_moment(at: datetime | str | None) -> datetime | None:
    """A moment with its zone; what cannot be read is none."""
    try:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    except ValueError:
        return None
    if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return None  # what no calendar of ours shows could not be turned to another zone either
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def code_for(request: web.Request) -> str:
    """What was chosen, else what the browser asks for, else German."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else preferred(request.headers.get("Accept-Language", ""))


def preferred(accepts: str) -> str:
    """The best of our languages by an Accept-Language header."""
    best, weight = next(iter(LANGUAGES)), 0.0
    for part in accepts.split(",")[:20]:
        name, _, told = part.partition(";")
        code = name.strip().lower().partition("-")[0]
        if code in LANGUAGES and (given := _weight(told)) > weight:
            best, weight = code, given
    return best


def _weight(told: str) -> float:
    if not told.strip():
        return 1.0
    try:
        return float(told.strip().removeprefix("q="))
    except ValueError:
        return 0.0


def switch() -> Middleware:
    """Middleware: `?lang=en` on any page is remembered, and the page shown again without it."""

    @web.middleware
    async def choose(request: web.Request, handler: Handler) -> web.StreamResponse:
        wanted = request.query.get("lang", "")
        if wanted not in LANGUAGES or request.method not in ("GET", "HEAD"):
            return await handler(request)
        rest = request.rel_url.without_query_params("lang")
        answer = web.Response(status=303, headers={"Location": local_path(str(rest), "/")})
        answer.set_cookie(COOKIE, wanted, path="/", httponly=True, samesite="Strict", max_age=_YEAR_S)
        return answer

    return choose
