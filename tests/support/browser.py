"""A real browser in front of the console, and what it must never say."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright

from tests.support.console import TOKEN

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_AXE_LEVELS = ("serious", "critical")


def chromium() -> str:
    """The browser of this machine. Skips the test, and says so, where there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"NO BROWSER: none of {', '.join(_NAMES)} is installed, so the console's page was NOT driven")
    return found


class Complaints:
    """What the browser says of a page: errors of the script, refused by the policy, missing files."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def listen(self, page: Page) -> None:
        """From here on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.said.append(f"script: {error}"))
        page.on("requestfailed", lambda request: self._failed(request.url, str(request.failure)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(f"{message.type}: {message.text}")

    def _failed(self, url: str, why: str) -> None:
        # A page that is left ends its stream.
        if "/live?" not in url and "ERR_ABORTED" not in why:
            self.said.append(f"request: {url} {why}")


@contextlib.asynccontextmanager
async def browsing(url: str, **options: Any) -> AsyncIterator[tuple[BrowserContext, Complaints]]:
    """A browser of its own, in German; nothing it complained of is let pass."""
    complaints = Complaints()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(_ARGS))
        try:
            context = await browser.new_context(base_url=url, **({"locale": "de-DE"} | options))
            context.on("page", complaints.listen)
            yield context, complaints
        finally:
            await browser.close()
    assert complaints.said == [], complaints.said


async def log_in(context: BrowserContext, name: str = "Anna Admin") -> Page:
    """By hand, as people do."""
    page = await context.new_page()
    await page.goto("/login")
    await page.fill("#token", TOKEN)
    await page.fill("#name", name)
    await page.press("#name", "Enter")
    await page.wait_for_url("**/")
    return page


async def serious(page: Page, *rules: str) -> list[str]:
    """What axe-core finds serious or worse on the page as it stands, by all its rules or some."""
    if not await page.evaluate("() => 'axe' in globalThis"):
        await page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    wanted: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        wanted["runOnly"] = {"type": "rule", "values": list(rules)}
    told = await page.evaluate("(wanted) => axe.run(document, wanted)", wanted)
    return [
        f"{one['id']}: {node['html'][:160]} ({node.get('failureSummary', '')[:200]})"
        for one in told["violations"]
        if one["impact"] in _AXE_LEVELS
        for node in one["nodes"]
    ]


async def picture(page: Page, path: Path) -> None:
    """What is to be seen."""
    await page.screenshot(path=path, animations="disabled")
