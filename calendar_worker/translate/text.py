"""Texts: one form for both sides, Advoware's line ends, Google's HTML, the reference behind the text of a Termin."""

import html
import re
from html.parser import HTMLParser

_LINE_END = re.compile("\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
# The control characters of Unicode but TAB and LF, and halves of surrogate pairs, which no JSON can carry.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BLOCKS = frozenset({"p", "div", "li", "ul", "ol", "table", "tr", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"})
_INLINE = ("a", "b", "i", "u", "s", "em", "strong", "span", "font", "sub", "sup", "code", "pre", "td", "th", "tbody")
_TAGS = "|".join((*sorted(_BLOCKS), *_INLINE, "br", "hr", "html-blob"))
_NO_TAG = re.compile(rf"<(?!/?(?:{_TAGS})(?:[\s/][^<>]*)?>)", re.IGNORECASE)
_NO_ENTITY = re.compile(r"&(?!(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});)")
# What a private property of an event may hold (guide "Extended properties").
_PROPERTY_BYTES = 1024


def clean(value: object) -> str:
    """The form that is compared: LF, no control characters, no blanks at the end of a line nor at either end.

    A no-break space becomes a blank, since a description in HTML is full of them. What is not a text is empty.
    """
    if not isinstance(value, str):
        return ""
    text = _UNWANTED.sub("", _LINE_END.sub("\n", value)).replace("\xa0", " ")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def crlf(text: str) -> str:
    """A clean text with the line ends of Advoware."""
    return text.replace("\n", "\r\n")


def suffix_of(reference: object) -> str:
    """What clients append to the text of a Termin whose Akte has this reference, as `clean` leaves it."""
    return clean(f"x ({reference})")[1:] if clean(reference) else ""


def keepable(suffix: str) -> str:
    """The suffix, or nothing where Google could not keep it."""
    return suffix if len(suffix.encode()) <= _PROPERTY_BYTES else ""


def with_suffix(text: str, suffix: str) -> str:
    """The text with the suffix behind it, which stands alone when there is no text."""
    return f"{text}{suffix}".strip()


def without_suffix(text: str, suffix: str) -> str:
    """A clean text without the suffix, however often a client has appended it."""
    alone = suffix.strip()
    while alone and (text == alone or text.endswith(suffix)):
        text = text.removesuffix(suffix).rstrip() if text != alone else ""
    return text


def from_description(value: object) -> str:
    """A description as clean text: line breaks for blocks, the address of a link behind its words.

    Only complete tags that Google's editor and mail programs write count as such, and only entities with their
    semicolon; all else stays as it is written, so that "<b" and "a=1&copy=2" are not eaten.
    """
    text = clean(value)
    if "<" not in text and "&" not in text:
        return text
    plain = _Plain()
    plain.feed(_NO_TAG.sub("&lt;", _NO_ENTITY.sub("&amp;", text)))
    plain.close()
    return clean("".join(plain.parts))


def to_description(text: str) -> str:
    """A clean text as a description that reads as the same text: escaped where it would be taken for HTML."""
    return text if from_description(text) == text else html.escape(text, quote=False)


class _Plain(HTMLParser):
    """Collects what is to be read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "hr"):
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self._new_line()
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self.parts)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._new_line()
        elif tag == "a" and self._links:
            address, begin = self._links.pop()
            words = "".join(self.parts[begin:]).strip()
            if address.startswith(("https://", "http://", "mailto:")) and address.removeprefix("mailto:") != words:
                self.parts.append(f" ({address})" if words else address)

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def _new_line(self) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")
