"""The two decision tables: what becomes of a pair, and of a part that both sides have. Pure, and total."""

from typing import Literal

Advoware = Literal["never", "same", "changed", "gone", "foreign", "outside", "unreadable"]
"""`never`: it stands in Google only. `foreign`: it is somebody else's now. `outside`: not listed, nor looked for."""
Google = Literal["never", "same", "changed", "gone", "unseen"]
"""`unseen`: it has changed, and is not asked for now."""
Verdict = Literal["merge", "make_event", "make_termin", "delete_event", "delete_termin", "forget", "rest"]
PartVerdict = Literal["agree", "to_google", "to_advoware", "advoware_wins", "google_wins"]
"""`…_wins`: the other side had changed it too, or had no right to; what lost is kept in the memory."""


def decide(advoware: Advoware, google: Google, *, writable: bool) -> Verdict:
    """What becomes of a pair. Edit beats delete; in what is not ours to write Advoware always wins."""
    if advoware in ("outside", "unreadable") or google == "unseen":
        return "rest"
    if advoware == "foreign":
        return "delete_event" if google in ("same", "changed") else "forget"
    if advoware in ("gone", "never"):
        return _only_in_google(advoware, google, writable)
    if google == "gone":
        return "delete_termin" if advoware == "same" and writable else "make_event"
    return "make_event" if google == "never" else "merge"


def _only_in_google(advoware: Advoware, google: Google, writable: bool) -> Verdict:
    if google in ("gone", "never"):
        return "forget"
    if google == "changed" and writable:
        return "make_termin"
    return "delete_event" if advoware == "gone" else "rest"


def merge(
    *, advoware: bool, google: bool, equal: bool, writable: bool, newer: Literal["advoware", "google"]
) -> PartVerdict:
    """What becomes of a part. `advoware`, `google`: whether it changed there since the last agreement.

    `newer` is who wins when both have.
    """
    if equal or not (advoware or google):
        return "agree"
    if not google:
        return "to_google"
    if not writable:
        return "advoware_wins"
    if not advoware:
        return "to_advoware"
    return "advoware_wins" if newer == "advoware" else "google_wins"
