"""Whom a calendar is shared with."""

from collections.abc import Mapping

from calendar_worker.model.plan import Seen


def shares_known(seen: Seen) -> dict[str, str]:
    """What we have given, and what is wanted and there already, whoever gave it."""
    rules = seen.rules or {}
    there = {mail: role for mail, role in seen.wanted_shares.items() if rules.get(mail) == role}
    return {**seen.memory.shares, **there}


def to_share(seen: Seen) -> dict[str, str]:
    """Roles to give. Where Google was asked, who has the role already, or owns the calendar, is left alone."""
    has: Mapping[str, str] = seen.rules if seen.rules is not None else seen.memory.shares
    return {
        mail: role
        for mail, role in sorted(seen.wanted_shares.items())
        if has.get(mail) not in (role, "owner") and not _waits(mail, seen)
    }


def to_unshare(seen: Seen) -> tuple[str, ...]:
    """Access that we have given and nobody wants any more. What others have given is theirs."""
    return tuple(
        mail for mail in sorted(seen.memory.shares) if mail not in seen.wanted_shares and not _waits(mail, seen)
    )


def _waits(mail: str, seen: Seen) -> bool:
    failure = seen.memory.failed.get(share_key(mail))
    return failure is not None and seen.now < failure.next_at


def share_key(mail: str) -> str:
    """What a refused share is remembered by."""
    return f"share:{mail}"
