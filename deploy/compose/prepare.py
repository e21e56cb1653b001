"""Makes a NATS user per service, once, and gives each service a volume with its own credentials and nobody else's.

Runs as root in a container without a network. What is there already stays; after `hub credentials rotate` it hands out
the new ones.
"""

import importlib.resources
import os
import shutil
import subprocess
import sys
from pathlib import Path

CREDENTIALS = Path("/credentials")
SHARES = Path("/shares")
"""A volume for each user of NATS, and one for the server; only root writes there."""
WRITTEN = Path("/written")
"""Volumes that somebody else writes to."""
USER = 65532
"""As which everything else runs."""


def main() -> None:
    """Raises CalledProcessError when the credentials cannot be made; why is on stderr."""
    make = [sys.executable, "-m", "console.hub", "credentials", "make", str(CREDENTIALS)]
    subprocess.run(make, check=True)  # noqa: S603 - our own program
    for volume in WRITTEN.iterdir():
        os.chown(volume, USER, USER)
    _hand_out(CREDENTIALS / "nats-auth.conf", SHARES / "nats" / "nats-auth.conf")
    # The server reckons the schedules; not every image of it knows time zones.
    with importlib.resources.as_file(importlib.resources.files("tzdata") / "zoneinfo") as zones:
        shutil.copytree(zones, SHARES / "nats" / "zoneinfo", dirs_exist_ok=True)
    for creds in CREDENTIALS.glob("*.creds"):
        if (share := SHARES / creds.stem).is_dir():
            _hand_out(creds, share / "hub.creds")


def _hand_out(source: Path, target: Path) -> None:
    """Replaces the file as a whole: whoever reads it now reads the old or the new one."""
    new = target.with_suffix(".new")
    shutil.copyfile(source, new)
    new.chmod(0o400)
    os.chown(new, USER, USER)
    new.replace(target)


if __name__ == "__main__":
    main()
