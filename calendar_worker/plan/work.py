"""The plan of a calendar while it grows, pair by pair."""

from collections.abc import Callable, Mapping

import msgspec

from calendar_worker.model.appointment import When
from calendar_worker.model.memory import Conflict, Memory
from calendar_worker.model.plan import Deletion, EventMaking, Seen, TerminMaking, Update
from calendar_worker.model.sides import Event
from calendar_worker.plan.decide import Verdict, decide
from calendar_worker.plan.shares import share_key, shares_known
from calendar_worker.plan.states import (
    Pair,
    advoware_state,
    content_of,
    event_prints,
    google_state,
    is_writable,
    key_of,
    says_all,
    termin_key,
    termin_prints,
)
from calendar_worker.plan.update import conflict, merged, wanted_shown
from calendar_worker.translate.event import ANONYMOUS_TEXT

CONFLICTS_MAX = 100
_LEFT_MAX = 500


class Work:
    """Takes every pair once; then holds what is to be done."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._rows = dict(seen.memory.rows)
        self._left = {} if seen.whole else {key: why for key, why in seen.memory.left.items() if _may_stay(key, seen)}
        self._left |= {termin_key(number): why for number, why in sorted(seen.unreadable.items())}
        self._held: set[str] = set()
        self.make_events: list[EventMaking] = []
        self.make_termine: list[TerminMaking] = []
        self.delete_events: list[Deletion] = []
        self.delete_termine: list[Deletion] = []
        self.updates: list[Update] = []
        self.conflicts: list[Conflict] = []
        self.tried: dict[str, str] = {}

    def take(self, pair: Pair) -> None:
        """One pair: decided, and put where it belongs."""
        seen = self._seen
        failure = seen.memory.failed.get(key_of(pair))
        if failure is not None and seen.now < failure.next_at and failure.content == content_of(pair):
            self._held.add(failure.key)
            self._rest(pair)
            return
        verdict = decide(advoware_state(pair, seen), google_state(pair, seen), writable=is_writable(pair, seen))
        deeds: Mapping[Verdict, Callable[[Pair], None]] = {
            "merge": self._merge,
            "make_event": self._make_event,
            "make_termin": self._make_termin,
            "delete_event": self._delete_event,
            "delete_termin": self._delete_termin,
            "forget": self._forget,
            "rest": self._rest,
        }
        deeds[verdict](pair)

    def take_surplus(self, event: Event) -> None:
        """A second event of a Termin, in which nothing is new but perhaps its time, which is kept."""
        pair = Pair(fr_nr=event.link.fr_nr if event.link is not None else 0, event_id=event.id, event=event)
        termin = self._seen.termine.get(pair.fr_nr)
        if termin is not None and event_prints(event).when != termin_prints(termin).when:
            kept = conflict(pair, "when", "google", event, self._seen)
            self.conflicts.extend([kept] if kept is not None else [])
        self.tried[event.id] = content_of(pair)
        self.delete_events.append(Deletion(fr_nr=pair.fr_nr, event_id=event.id, etag=event.etag))

    def memory(self) -> Memory:
        """What is remembered; what the writes change in it is put in by whoever writes."""
        seen, before = self._seen, self._seen.memory
        known = {_content(one) for one in before.conflicts}
        new = [one for one in self.conflicts if _content(one) not in known]
        return msgspec.structs.replace(
            before,
            calendar_id=seen.calendar_id,
            sync_token=seen.sync_token,
            scope=seen.scope,
            shares=shares_known(seen),
            conflicts=(*before.conflicts, *new)[-CONFLICTS_MAX:],
            left=dict(list(self._left.items())[-_LEFT_MAX:]),
            rows=self._rows,
            failed={key: one for key, one in before.failed.items() if self._still_counts(key)},
        )

    def _still_counts(self, key: str) -> bool:
        """A failure that waits, is tried now, or is of something that this run has not seen."""
        seen = self._seen
        if key in self._held or key in self.tried:
            return True
        if key.startswith("share:"):
            return any(key == share_key(mail) for mail in (*seen.wanted_shares, *seen.memory.shares))
        return not seen.whole and key not in seen.events and key not in self._rows and not key.startswith("frNr ")

    def _merge(self, pair: Pair) -> None:
        found = merged(pair, self._seen)
        if pair.event is not None and not isinstance(pair.event.when, When):
            self._left[pair.event_id] = pair.event.when.reason
        self.conflicts.extend(found.conflicts)
        if found.update is None:
            self._rows[pair.event_id] = found.row
        else:
            self.tried[key_of(pair)] = content_of(pair)
            self.updates.append(found.update)

    def _make_event(self, pair: Pair) -> None:
        """The new event is Advoware's, wherever the one that is gone came from."""
        assert pair.termin is not None
        shown, _ = wanted_shown(Pair(), pair.termin, "advoware", self._seen)
        generation = pair.row.generation + 1 if pair.row is not None else 1
        key = key_of(pair)
        self.tried[key] = content_of(pair)
        self.make_events.append(EventMaking(termin=pair.termin, shown=shown, generation=generation, key=key))

    def _make_termin(self, pair: Pair) -> None:
        event = pair.event
        assert event is not None
        assert isinstance(event.when, When), "what has no form is not writable"
        if event.what.text == ANONYMOUS_TEXT:
            self._left[event.id] = "the fixed text"
        elif pair.fr_nr or self._seen.window.meets(event.when.first_day, event.when.last_day):
            self.tried[key_of(pair)] = content_of(pair)
            gone = (pair.fr_nr,) if pair.fr_nr else ()
            self.make_termine.append(TerminMaking(event=event, when=event.when, what=event.what, gone=gone))

    def _delete_event(self, pair: Pair) -> None:
        event, row = pair.event, pair.row
        if event is not None and google_state(pair, self._seen) == "changed":
            if not isinstance(event.when, When) and row is not None and row.writable:
                self._rest(pair)  # an edit beats a deletion, also one that has no form in Advoware
                return
            kept = [conflict(pair, "when", "google", event, self._seen)]
            kept += [conflict(pair, "what", "google", event, self._seen)] if says_all(pair) else []
            self.conflicts.extend(one for one in kept if one is not None)
        etag = event.etag if event is not None else row.etag if row is not None else ""
        self.tried[key_of(pair)] = content_of(pair)
        self.delete_events.append(Deletion(fr_nr=pair.fr_nr, event_id=pair.event_id, etag=etag))

    def _delete_termin(self, pair: Pair) -> None:
        self.tried[key_of(pair)] = content_of(pair)
        self.delete_termine.append(Deletion(fr_nr=pair.fr_nr, event_id=pair.event_id, termin=pair.termin))

    def _forget(self, pair: Pair) -> None:
        self._rows.pop(pair.event_id, None)

    def _rest(self, pair: Pair) -> None:
        """Nothing now. Should its event have changed, it is asked for when the pair can be worked on again."""
        event = pair.event
        if event is not None and not event.cancelled and not isinstance(event.when, When):
            self._left[event.id] = event.when.reason
        if pair.row is not None and event is not None:
            self._rows[pair.event_id] = msgspec.structs.replace(pair.row, unseen=True)


def _may_stay(key: str, seen: Seen) -> bool:
    return key not in seen.events and not key.startswith("frNr ")


def _content(one: Conflict) -> tuple[object, ...]:
    return one.fr_nr, one.event_id, one.part, one.loser, one.content
