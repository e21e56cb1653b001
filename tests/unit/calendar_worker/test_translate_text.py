"""Texts: line ends, HTML, and the reference of an Akte."""

import pytest
from hypothesis import given

from calendar_worker.translate.text import (
    clean,
    crlf,
    from_description,
    keepable,
    suffix_of,
    to_description,
    with_suffix,
    without_suffix,
)
from tests.unit.calendar_worker.strategies import SUFFIX, texts


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\r\nb\rc\nd\x0be\x0cf\u2028g\u2029h\x85i", "a\nb\nc\nd\ne\nf\ng\nh\ni"),
        ("a  \r\n b\t\r\n", "a\n b"),
        ("\r\n\r\n  a\r\n\r\nb  ", "a\n\nb"),
        ("a\x00\x07\x1b\x7f\x9fb\tc", "ab\tc"),
        ("a\ud800b", "ab"),
        ("a\xa0b\xa0", "a b"),
        ("Größe ß 😀 e\u0301 漢", "Größe ß 😀 e\u0301 漢"),
        ("x" * 100_000, "x" * 100_000),
        (None, ""),
        (5, ""),
        (["a"], ""),
    ],
)
def test_the_compared_form(value: object, expected: str) -> None:
    """One row for each thing that is evened out, and for what is not."""
    assert clean(value) == expected


@given(texts)
def test_the_compared_form_is_final(text: str) -> None:
    """Nor does it change by way of Advoware's line ends."""
    once = clean(text)
    assert clean(once) == once
    assert clean(crlf(once)) == once
    assert "\r" not in crlf(once).replace("\r\n", "")


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("schlicht", "schlicht"),
        ("a<br>b<br/>c<BR />d", "a\nb\nc\nd"),
        ("<p>eins</p><p>zwei</p>", "eins\nzwei"),
        ("<div>eins<div>zwei</div></div>drei", "eins\nzwei\ndrei"),
        ("vor<ul><li>eins</li><li>zwei</li></ul>nach", "vor\neins\nzwei\nnach"),
        ("<b>fett</b> und <i>kursiv</i> <span style='x:y'>hier</span>", "fett und kursiv hier"),
        ("<html-blob>Text<br></html-blob>", "Text"),
        ("eins\r\nzwei<br>drei", "eins\nzwei\ndrei"),
        # entities, and what only looks like one
        ("M&uuml;ller &amp; S&ouml;hne &lt;a&gt; &#8364; &#x20AC;", "Müller & Söhne <a> € €"),
        ("A&nbsp;B&nbsp;", "A B"),
        ("Tom & Jerry", "Tom & Jerry"),
        ("https://x.example/?a=1&copy=2", "https://x.example/?a=1&copy=2"),
        # what only looks like a tag
        ("a < b > c", "a < b > c"),
        ("siehe <Anlage 3>", "siehe <Anlage 3>"),
        ("offen <b", "offen <b"),
        ("<!-- x --><![CDATA[y]]><?z?>", "<!-- x --><![CDATA[y]]><?z?>"),
        ("<script>x</script>", "<script>x</script>"),
        ("<breakfast>", "<breakfast>"),
        # addresses
        ('<a href="https://x.example/a?b=1&amp;c=2">Link</a>!', "Link (https://x.example/a?b=1&c=2)!"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="https://x.example"></a>', "https://x.example"),
        ('<a href="javascript:x">Wort</a>', "Wort"),
        ("<a>Wort</a></a>", "Wort"),
        ("<a href>Wort</a>", "Wort"),
        (None, ""),
        ({"html": 1}, ""),
    ],
)
def test_descriptions_as_plain_text(description: object, expected: str) -> None:
    """What Google's editor writes is read, and what only looks like it stays."""
    assert from_description(description) == expected


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("schlicht", "schlicht"),
        ("a < b & c > d", "a < b & c > d"),
        ("siehe <Anlage>", "siehe <Anlage>"),
        ("kein <b>Fett</b>", "kein &lt;b&gt;Fett&lt;/b&gt;"),
        ("Zeile\n&uuml; roh", "Zeile\n&amp;uuml; roh"),
    ],
)
def test_text_is_escaped_only_where_it_would_be_taken_for_html(text: str, description: str) -> None:
    """Staff sees the text in Google as it is in Advoware."""
    assert to_description(text) == description


@given(texts)
def test_round_trip_of_a_description(text: str) -> None:
    """Invariant 15: what Advoware's note says, it says again after Google."""
    once = clean(text)
    assert from_description(to_description(once)) == once
    assert to_description(from_description(to_description(once))) == to_description(once)


@given(texts)
def test_a_description_is_read_once(text: str) -> None:
    """Whatever is read is in the compared form, so that it does not change on its way back."""
    assert clean(from_description(text)) == from_description(text)


@given(texts, texts)
def test_a_suffix_comes_off_again(text: str, reference: str) -> None:
    """Whatever the reference is: as we append it, and as Advoware's lists do."""
    suffix = suffix_of(reference)
    once = without_suffix(clean(text), suffix)
    assert without_suffix(clean(with_suffix(once, suffix)), suffix) == once
    assert without_suffix(clean(f"{text} ({reference})"), suffix) == once or not suffix


@pytest.mark.parametrize(
    ("text", "suffix", "shown"),
    [("Anruf", SUFFIX, f"Anruf{SUFFIX}"), ("", SUFFIX, SUFFIX.strip()), ("Anruf", "", "Anruf"), ("", "", "")],
)
def test_text_with_its_suffix(text: str, suffix: str, shown: str) -> None:
    """A suffix without a text stands alone, since Google drops the blank before it."""
    assert with_suffix(text, suffix) == shown
    assert without_suffix(shown, suffix) == text


def test_a_suffix_that_google_could_not_keep_is_not_shown() -> None:
    """1024 bytes is what a private property holds, and without the property the suffix would become text."""
    assert keepable(suffix_of("x" * 1021)) == suffix_of("x" * 1021)
    assert keepable(suffix_of("x" * 1022)) == ""
    assert keepable(suffix_of("ß" * 600)) == ""
