"""The console's doors: who gets in, what every answer carries, which requests are not carried out."""

import ast
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.settings import Settings
from console.web.guard import CSP, OPEN_PATHS
from console.web.sessions import IDLE_S, LIFE_S, Door, Sessions
from local_stack.nats_server import NatsServer
from shared.clock import SystemClock
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, start
from shared.settings import Secret, SettingsError, load
from tests.support.console import TOKEN, Reader, another, bury, deeds, reading, remember
from tests.support.office import stored

PAGES = ("/", "/flows", "/entity", "/dead", "/locks", "/schedules", "/log")


@pytest.fixture
async def service(nats_server: NatsServer) -> AsyncIterator[Service]:
    """A connected service with the console's name."""
    async with start("console", NatsSettings(nats_url=nats_server.url), {}) as started:
        yield started


@pytest.fixture
async def reader(service: Service) -> AsyncIterator[Reader]:
    """In front of the page, not logged in."""
    async with reading(service) as made:
        yield made


# Who gets in


async def test_whoever_is_not_logged_in_gets_the_log_in_page_and_nothing_else(reader: Reader) -> None:
    """P11: 302 for what is read, 401 for what would do something; only probes and the log-in page answer."""
    for path in (*PAGES, "/dead/1", "/entity/CDokumente/a1", "/trace/" + "0" * 32, "/nowhere", "/assets/console.js"):
        answer = await reader.get(path)
        assert (answer.status, answer.text) == (302, ""), path
        assert answer.headers["Location"].startswith("/login")
        assert (await reader.ask("HEAD", path)).status == 302
    for path in ("/live?view=overview&count=0", "/live"):
        assert (await reader.get(path)).status == 401
    for path in ("/dead/replay", "/dead/drop", "/locks/break", "/schedules/trigger", "/logout", "/", "/nowhere"):
        answer = await reader.post(path, {"sequence": "1", "sure": "yes"})
        assert answer.status == 401, path
        assert "Bitte melden Sie sich an" in answer.text
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert (await reader.ask(method, "/dead")).status == 401
    for path in OPEN_PATHS:
        assert (await reader.get(path)).status == 200, path
    assert "console.js" not in (await reader.get("/login")).text


async def test_a_log_in_gives_a_cookie_that_scripts_and_strangers_do_not_get(reader: Reader) -> None:
    """P11: HttpOnly, SameSite=Strict, Secure but for a person's own machine; a new id at each log-in."""
    answer = await reader.log_in()
    [cookie] = answer.cookies
    assert re.match(r"hub_session=[\w-]{43};", cookie)
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert "Max-Age" not in cookie
    [again] = (await reader.log_in()).cookies
    assert again.partition(";")[0] != cookie.partition(";")[0]
    form = {"token": TOKEN, "name": "", "next": "/"}
    for headers in ({"Host": "hub.kanzlei.example"}, {"X-Forwarded-Proto": "https"}, {"Host": "[::1"}):
        [safe] = (await reader.post("/login", form, headers)).cookies
        assert safe.startswith("__Host-hub=")
        assert "Secure" in safe.split("; ")


async def test_a_log_out_ends_the_stay(reader: Reader) -> None:
    """The cookie's id is worth nothing afterwards, wherever it was copied to."""
    [cookie] = (await reader.log_in()).cookies
    kept = {"Cookie": cookie.partition(";")[0]}
    async with another(reader.url) as copy:
        assert (await copy.get("/", kept)).status == 200
        await reader.do("/logout")
        assert (await reader.get("/")).status == 302
        assert (await copy.get("/", kept)).status == 302


def test_a_stay_ends_by_itself() -> None:
    """After twelve hours, or two without a person; what the script asks for by itself is no person."""

    class Hand(SystemClock):
        at = 1000.0

        def monotonic(self) -> float:
            return self.at

    clock = Hand()
    sessions = Sessions(clock)
    session_id, session = sessions.open("Anna")
    for _ in range(int(LIFE_S / IDLE_S)):
        assert sessions.find(session_id, is_person=True) is session
        clock.at += IDLE_S - 1
    clock.at = 1000.0 + LIFE_S + 1
    assert sessions.find(session_id, is_person=True) is None
    session_id, session = sessions.open("Anna")
    clock.at += IDLE_S - 1
    assert sessions.find(session_id, is_person=False) is session
    clock.at += 2
    assert sessions.find(session_id, is_person=True) is None


async def test_failed_log_ins_are_slowed_and_counted(service: Service, reader: Reader) -> None:
    """P11: after three wrong tokens this place waits, even with the right one; the metric tells."""
    for _ in range(3):
        answer = await reader.post("/login", {"token": "wrong"})
        assert (answer.status, answer.cookies) == (401, [])
        assert "Das Zugangswort stimmt nicht" in answer.text
    answer = await reader.post("/login", {"token": TOKEN})
    assert (answer.status, answer.cookies) == (429, [])
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    metrics = service.metrics.render().decode()
    assert 'hub_console_logins_total{outcome="refused"} 3.0' in metrics
    assert 'hub_console_logins_total{outcome="too_many"} 1.0' in metrics


def test_tokens_are_compared_in_constant_time() -> None:
    """P11: by digests of one length and `compare_digest`, nowhere by `==`."""
    folder = Path(__file__).parents[2] / "console" / "web"
    code = {name: (folder / name).read_text(encoding="utf-8") for name in ("sessions.py", "guard.py")}
    assert "hmac.compare_digest(_digest(token), self._token)" in code["sessions.py"]
    assert "hmac.compare_digest(given.encode" in code["guard.py"]
    for text in code.values():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Compare) and any(isinstance(one, ast.Eq | ast.NotEq) for one in node.ops):
                assert not re.search(r"token|csrf|digest", ast.unparse(node)), ast.unparse(node)
    door = Door(Secret(""), SystemClock())
    assert not door.admits("", "127.0.0.1")


async def test_a_proxy_that_knows_people_is_believed_only_where_it_stands(
    service: Service, nats_server: NatsServer
) -> None:
    """P11: its header from anywhere else is nobody's; without a token the log-in form is not even shown."""
    header = {"CONSOLE_TOKEN": "", "CONSOLE_USER_HEADER": "X-Auth-Email"}
    anna = {"X-Auth-Email": "anna@kanzlei.example"}
    async with reading(service, header | {"CONSOLE_TRUSTED_PROXIES": "127.0.0.0/8, ::1"}) as reader:
        answer = await reader.get("/", anna)
        assert "anna@kanzlei.example" in answer.text
        await bury(service, "a1")
        done = await reader.post("/dead/replay", {"only": "1", "csrf": answer.csrf}, anna)
        assert done.status == 303
        assert [row["who"] for row in await deeds(service)] == ["anna@kanzlei.example"]
        # The stay is the proxy's: the cookie alone, or with another name, is not enough.
        assert (await reader.get("/")).status == 302
        assert "bernd" in (await reader.get("/", {"X-Auth-Email": "bernd"})).text
        assert (await reader.get("/", {"X-Auth-Email": "x" * 65})).status == 302
        assert (await reader.get("/login")).status == 403
        assert (await reader.post("/login", {"token": ""})).status != 303
    async with (
        start("console", NatsSettings(nats_url=nats_server.url), {}) as other,
        reading(other, header | {"CONSOLE_TRUSTED_PROXIES": "10.0.0.7"}) as reader,
    ):
        assert (await reader.get("/", anna)).status == 302
        assert (await reader.post("/login", {"token": ""}, anna)).status != 303


def test_settings_that_would_let_in_nobody_or_everybody_are_refused() -> None:
    """P11: all problems at once, and no secret among them."""
    for environ, word in (
        ({}, "CONSOLE_TOKEN and CONSOLE_USER_HEADER are missing"),
        ({"CONSOLE_TOKEN": "changeme"}, "made-up secret"),
        ({"CONSOLE_USER_HEADER": "X-User"}, "CONSOLE_TRUSTED_PROXIES is missing"),
        ({"CONSOLE_USER_HEADER": "X User", "CONSOLE_TRUSTED_PROXIES": "10.0.0.7"}, "CONSOLE_USER_HEADER is malformed"),
        ({"CONSOLE_TOKEN": "t" * 20, "CONSOLE_TRUSTED_PROXIES": "here"}, "CONSOLE_TRUSTED_PROXIES is malformed"),
        ({"CONSOLE_TOKEN": "t" * 20, "HUB_TIMEZONE": "Berlin"}, "HUB_TIMEZONE is no time zone"),
        ({"CONSOLE_TOKEN": "t" * 20, "TEMPO_URL": "javascript:alert(1)"}, "TEMPO_URL is malformed"),
    ):
        with pytest.raises(SettingsError, match=re.escape(word)):
            load(Settings, environ)
    assert load(Settings, {"HUB_ENV": "demo"}).access.console_token.reveal() == "demo"
    with pytest.raises(SettingsError) as told:
        load(Settings, {"CONSOLE_PORT": "x", "NATS_REPLICAS": "9", "CONSOLE_USER_HEADER": "X-User"})
    assert len(told.value.problems) == 3


# What every answer carries


async def test_every_answer_has_the_headers(reader: Reader) -> None:
    """P11: policy, nosniff, no-referrer, no-store; also errors, redirects and what nobody may see."""
    before = [await reader.get(path) for path in ("/", "/login", "/nowhere", "/metrics")]
    await reader.log_in()
    answers = [*before, *[await reader.get(path) for path in (*PAGES, "/nowhere", "/dead/999", "/trace/x")]]
    answers += [await reader.post("/dead/replay", {}), await reader.ask("DELETE", "/dead")]
    for answer in answers:
        assert answer.headers["Content-Security-Policy"] == CSP
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
    assert "unsafe" not in CSP
    assert CSP.startswith("default-src 'none'")


async def test_no_page_has_script_or_style_of_its_own(service: Service, reader: Reader) -> None:
    """All of both comes from two files; no address leads outside."""
    await bury(service, "a1")
    await remember(service, "CDokumente", "a1")
    await reader.log_in()
    for path in (*PAGES, "/entity/CDokumente/a1", "/dead/1"):
        text = (await reader.get(path)).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text), path
        assert re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL) == [""]
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text), path
    asset = re.findall(r'"(/assets/[^"]+)"', (await reader.get("/")).text)
    for name in set(asset):
        answer = await reader.get(name)
        assert (answer.status, "immutable" in answer.headers["Cache-Control"]) == (200, True)
    assert (await reader.get("/assets/..%2fpage.py")).status == 404
    assert (await reader.get("/assets/%2e%2e/page.py")).status == 404


async def test_what_is_not_there_and_what_cannot_be_done(reader: Reader) -> None:
    """404, 405 with the methods that go, 413, 400; HEAD like GET without a body."""
    await reader.log_in()
    csrf = (await reader.get("/")).csrf
    assert (await reader.get("/nowhere")).status == 404
    assert (await reader.get("/dead/999")).status == 404
    refused = await reader.post("/dead", {"csrf": csrf})
    assert (refused.status, set(refused.headers["Allow"].split(","))) == (405, {"GET", "HEAD"})
    assert (await reader.ask("GET", "/dead/replay")).status == 405
    assert (await reader.get("/live?view=nothing&count=0")).status == 400
    assert (await reader.get("/live?view=overview&count=x")).status == 400
    assert (await reader.post("/dead/replay", {"csrf": csrf, "sequence": "1" * 70_000})).status == 413
    for path in PAGES:
        head = await reader.ask("HEAD", path)
        assert (head.status, head.text) == (200, "")
        assert head.headers["Content-Type"] == "text/html; charset=utf-8"
    for path in ("/dead?newer=soon", "/dead?subject=a%20b", "/dead?before=x", "/entity?id=%00", "/log?level=nonsense"):
        assert (await reader.get(path)).status == 200, path


async def test_after_a_log_in_nobody_is_led_elsewhere(reader: Reader) -> None:
    """`next` and `back` are paths of this page."""
    for told in ("//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\nb"):
        answer = await reader.post("/login", {"token": TOKEN, "next": told})
        assert answer.headers["Location"] == "/"
    assert (await reader.post("/login", {"token": TOKEN, "next": "/dead?kind=Bug"})).headers[
        "Location"
    ] == "/dead?kind=Bug"
    assert (await reader.get("//evil.example?lang=en")).headers.get("Location", "/") == "/"


async def test_a_deed_without_the_pages_own_token_is_not_done(service: Service, reader: Reader) -> None:
    """P11: no token, somebody else's token, a foreign origin: 403, and nothing was done or recorded."""
    await bury(service, "a1")
    await reader.log_in()
    csrf = (await reader.get("/")).csrf
    async with another(reader.url) as other:
        await other.log_in("Bernd")
        foreign_csrf = (await other.get("/")).csrf
    for form, headers in (
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": foreign_csrf}, {}),
        ({"csrf": csrf}, {"Origin": "https://evil.example"}),
        ({"csrf": csrf}, {"Origin": "null"}),
        ({"csrf": csrf}, {"Sec-Fetch-Site": "cross-site"}),
        ({"csrf": csrf}, {"Sec-Fetch-Site": "same-site"}),
    ):
        answer = await reader.post("/dead/drop", {"only": "1", "sure": "yes", **form}, headers)
        assert answer.status == 403, (form, headers)
    assert (await reader.post("/login", {"token": TOKEN}, {"Sec-Fetch-Site": "cross-site"})).status == 403
    assert len(await stored(service, "DEAD")) == 1
    assert await deeds(service) == []
    own = {"Origin": reader.url, "Sec-Fetch-Site": "same-origin"}
    assert (await reader.post("/dead/replay", {"only": "1", "csrf": csrf}, own)).status == 303
