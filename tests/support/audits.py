"""Audits of calendars, and syncs beside them, as they run: each under the employee's lock."""

from typing import Any, NamedTuple

import msgspec

from calendar_worker.effects.audit import run_audit
from calendar_worker.effects.keys import employee_key
from calendar_worker.effects.memory import write_memory
from calendar_worker.model.audit import Asked, Report
from shared.outcomes.outcome import Outcome, Skip
from shared.runtime.exclusive import Exclusive
from tests.support.calendars import Calendars, in_step


class Office(NamedTuple):
    """Both calendars, and syncs and audits that take turns as they do when they run."""

    calendars: Calendars
    alone: Exclusive

    async def sync(self, kuerzel: str = "SB", **more: Any) -> Outcome:
        """One run, as the consumer has it: under the lock."""
        return await self.alone.run(employee_key(kuerzel), lambda: self.calendars.sync(kuerzel, **more))

    async def in_step(self, **more: Any) -> None:
        """Runs until nothing is left to do."""
        await self.alone.run(employee_key("SB"), lambda: in_step(self.calendars, **more))

    async def audit(self, command: Any, **more: Any) -> Report:
        """One employee's; `deps` in `more` replaces some of them."""
        deps = msgspec.structs.replace(self.calendars.deps, **more.pop("deps", {}))
        [report] = await run_audit(Asked(command=command, **{"kuerzel": "SB", **more}), deps, self.alone)
        assert not report.failed, report.failed
        return report

    async def findings(self) -> list[str]:
        """Kind and cure of all that every audit finds."""
        reports = [await self.audit(command) for command in ("verify", "find-duplicates", "find-orphaned")]
        assert not any(report.refused for report in reports)
        return [f"{one.kind} {one.cure}" for report in reports for one in report.findings]

    async def is_clean_and_quiet(self) -> None:
        """Nothing is found any more, and a sync has nothing to write."""
        assert await self.findings() == []
        self.calendars.forget_logs()
        assert isinstance(await self.sync(), Skip)
        assert self.calendars.writes() == []

    async def remember(self, **parts: Any) -> None:
        """Puts something into the memory behind everybody's back."""

        async def write() -> None:
            before = await self.calendars.memory()
            await write_memory("SB", msgspec.structs.replace(before, **parts), before, self.calendars.deps)

        await self.alone.run(employee_key("SB"), write)

    async def forget(self, *event_ids: str) -> None:
        """As if these pairs had never been remembered."""
        rows = (await self.calendars.memory()).rows
        await self.remember(rows={name: row for name, row in rows.items() if name not in event_ids})
