"""The pure parts of the xAI client."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.clients.xai import Document, safe_name


@given(st.text(alphabet=st.characters()) | st.text())
@example("")
@example(" ")
@example("ä" * 200)
@example("a" * 199 + "ä")
@example("a" * 199 + " b")
@example('../"x"\r\nX-Injected: 1')
@example("\ud800.pdf")
@example("\u2028")
def test_a_name_survives_a_header(name: str) -> None:
    """At most 200 bytes, printable, nothing that ends a header or a path, never empty."""
    safe = safe_name(name)
    assert safe
    assert len(safe.encode()) <= 200
    assert safe.isprintable()
    assert not set(safe) & set('/\\"\r\n\0')


@given(st.text())
def test_a_safe_name_stays(name: str) -> None:
    """Twice is once."""
    assert safe_name(safe_name(name)).strip() == safe_name(name).strip()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Klage.pdf", "Klage.pdf"),
        ("Müller ./. Straße 5.pdf", "Müller ._. Straße 5.pdf"),
        ('a"b\\c/d', "a_b_c_d"),
        ("  x  ", "x"),
        ("a\tb\nc", "a_b_c"),
        ("", "document"),
        ("日本語.pdf", "日本語.pdf"),
    ],
)
def test_names(name: str, expected: str) -> None:
    """People recognise their files."""
    assert safe_name(name) == expected


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("DOCUMENT_STATUS_PROCESSED", "", "done"),
        ("DOCUMENT_STATUS_FAILED", "", "failed"),
        ("DOCUMENT_STATUS_PROCESSED", "x", "failed"),
        ("DOCUMENT_STATUS_PROCESSING", "", "under_way"),
        ("", "", "under_way"),
        ("SOMETHING_NEW", "", "under_way"),
    ],
)
def test_how_far_indexing_is(status: str, error: str, expected: str) -> None:
    """An unknown word means that xAI is still at it."""
    assert Document(status=status, error_message=error).indexing == expected
