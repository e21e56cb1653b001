"""A plan as the list of writes it stands for: the dry run. Ids and names of parts, no texts."""

from calendar_worker.model.plan import Plan, Seen, Update


def calendar_writes(todo: Plan, seen: Seen) -> list[str]:
    """The writes of a calendar's plan, in their order."""
    if todo.refused is not None:
        return [f"refused: {todo.refused}"]
    lines = [f"google POST calendars (AW-{seen.kuerzel})"] if todo.make_calendar else []
    lines += ["google POST acl" for _ in todo.share]
    lines += ["google DELETE acl" for _ in todo.unshare]
    lines += [f"google POST events (frNr {one.termin.fr_nr})" for one in todo.make_events]
    for making in todo.make_termine:
        lines += [
            f"advoware POST Termine (event {making.event.id})",
            f"google PATCH events/{making.event.id} (link)",
        ]
    lines += [f"google DELETE events/{one.event_id} (frNr {one.fr_nr})" for one in todo.delete_events]
    lines += [f"advoware DELETE Termine?frnr={one.fr_nr} (event {one.event_id})" for one in todo.delete_termine]
    for update in todo.updates:
        lines += _update(update)
    return lines


def _update(update: Update) -> list[str]:
    lines = []
    if update.to_google:
        lines.append(f"google PATCH events/{update.event_id} ({', '.join(update.to_google)})")
    if update.to_advoware:
        lines.append(f"advoware PUT Termine?frnr={update.termin.fr_nr} ({', '.join(update.to_advoware)})")
    return lines
