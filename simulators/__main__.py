"""`python -m simulators`: every simulated vendor, on loopback unless told otherwise, until SIGTERM or SIGINT."""

import asyncio
import contextlib
import ipaddress
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from simulators.advoware import Advoware
from simulators.espocrm import Espocrm
from simulators.google_calendar import GoogleCalendar, read_account
from simulators.harness import Vendor, serve
from simulators.xai import Switches, Xai

_EXIT_SETTINGS = 78
_EXIT_MISSING_PART = 69


class Environment:
    """Reads numbers from the environment and remembers what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def number(self, name: str, default: float, *, least: float = 0.0, most: float = float("inf")) -> float:
        """The number of that name, or the default where there is none."""
        text = self._environ.get(name, "").strip()
        try:
            value = float(text) if text else default
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            self.problems.append(f"{name} is not a number from {least:g} to {most:g}")
            return default
        return value

    def path(self, name: str) -> Path | None:
        """The path of that name, or None where there is none."""
        text = self._environ.get(name, "").strip()
        return Path(text) if text else None

    def address(self, name: str, default: str) -> str:
        """An IP address to listen on."""
        text = self._environ.get(name, "").strip() or default
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            self.problems.append(f"{name} is no IP address")
            return default

    def port(self, name: str, default: int) -> int:
        """A port; 0 picks a free one."""
        return int(self.number(name, default, most=65535))


def vendors(environment: Environment) -> list[tuple[Vendor, int]]:
    """Each vendor and its port."""
    espocrm = Espocrm(
        tick_s=environment.number("SIM_ESPOCRM_TICK_SECONDS", 120.0, least=0.01),
        retry_period_s=environment.number("SIM_ESPOCRM_RETRY_SECONDS", 600.0),
    )
    largest = int(environment.number("SIM_XAI_MAX_FILE_MB", 50.0, most=2048.0) * 1024 * 1024)
    xai = Xai(switches=Switches(max_file_bytes=largest, keep_content_up_to_bytes=largest))
    return [
        (espocrm, environment.port("SIM_ESPOCRM_PORT", 3121)),
        (xai, environment.port("SIM_XAI_PORT", 3122)),
        (Advoware(), environment.port("SIM_ADVOWARE_PORT", 3123)),
        (_google(environment), environment.port("SIM_GOOGLE_PORT", 3124)),
    ]


def _google(environment: Environment) -> GoogleCalendar:
    """With a key file's account where the file is there: who has read it need not read it again."""
    path = environment.path("SIM_GOOGLE_KEY_FILE")
    account = None
    if path is not None and path.exists():
        try:
            account = read_account(path)
        except (OSError, ValueError):
            environment.problems.append("SIM_GOOGLE_KEY_FILE is no key file of a service account")
    return GoogleCalendar(account=account, key_path=path)


async def main(served: list[tuple[Vendor, int]], host: str) -> None:
    """Serves until told to stop; says once where."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        urls = {
            vendor.name: await stack.enter_async_context(serve(vendor, port=port, host=host)) for vendor, port in served
        }
        for vendor, _ in served:
            if isinstance(vendor, GoogleCalendar):
                vendor.leave_key_file(urls[vendor.name])
        line = "   ".join(f"{name} {url}" for name, url in urls.items()) if sys.stdout.isatty() else json.dumps(urls)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        await stop.wait()


def run() -> int:
    """The exit code: 0 clean stop, 78 settings, 69 a port is taken."""
    environment = Environment(os.environ)
    served = vendors(environment)
    host = environment.address("SIM_HOST", "127.0.0.1")
    if environment.problems:
        sys.stderr.writelines(f"simulators: {problem}\n" for problem in environment.problems)
        return _EXIT_SETTINGS
    try:
        asyncio.run(main(served, host))
    except OSError as taken:
        sys.stderr.write(f"simulators: cannot start: {taken.strerror}\n")
        return _EXIT_MISSING_PART
    return 0


if __name__ == "__main__":
    sys.exit(run())
