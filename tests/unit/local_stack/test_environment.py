"""What the local stack starts each service with."""

from pathlib import Path

from local_stack.environment import choose_ports, environments
from shared.contracts.permissions import SERVICES

_HUB = ("GATEWAY_PORT", "HEALTH_PORT", "BETEILIGTE_HEALTH_PORT", "CALENDAR_HEALTH_PORT", "ADVOWARE_PROXY_HEALTH_PORT")
_OTHERS = ("CONSOLE_PORT", "CONSOLE_HEALTH_PORT", "NATS_PORT", "REDIS_PORT")
_VENDORS = ("SIM_ESPOCRM_PORT", "SIM_XAI_PORT", "SIM_ADVOWARE_PORT", "SIM_GOOGLE_PORT")
_ANY = dict.fromkeys((*_HUB, *_OTHERS, *_VENDORS), "0")


def test_each_service_connects_as_itself(tmp_path: Path) -> None:
    """Its own file and no other's; whatever the person's shell says of NATS does not count."""
    outside = {**_ANY, "NATS_CREDS": "/etc/mine.creds", "NATS_CA": "/etc/ca.crt", "NATS_URL": "tls://elsewhere"}
    made = environments(outside, choose_ports(_ANY), credentials=tmp_path)
    for name in SERVICES:
        assert made[name]["NATS_CREDS"] == str(tmp_path / f"{name}.creds")
    assert made["hub"]["NATS_CREDS"] == ""
    assert {told["NATS_CA"] for told in made.values()} == {""}
    assert all(told["NATS_URL"].startswith("nats://127.0.0.1:") for told in made.values())
