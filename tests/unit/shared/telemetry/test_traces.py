"""Reading `traceparent`, and passing a trace on without recording it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.traces import Trace, Tracer, current_trace, parse_traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"00-{TRACE}-{SPAN}-01", Trace(TRACE, SPAN, sampled=True)),
        (f"00-{TRACE}-{SPAN}-00", Trace(TRACE, SPAN, sampled=False)),
        (f"00-{TRACE}-{SPAN}-03", Trace(TRACE, SPAN, sampled=True)),
        (f"cc-{TRACE}-{SPAN}-01", Trace(TRACE, SPAN, sampled=True)),
        (None, None),
        ("", None),
        (TRACE, None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE}-{SPAN}", None),
        (f"00-{TRACE}-{SPAN}-01-x", None),
        (f"00-{TRACE[:-1]}-{SPAN}-01", None),
        (f"00-{TRACE[:-1]}g-{SPAN}-01", None),
        (f"00-{TRACE[:-1]}ä-{SPAN}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-0x{TRACE[2:]}-{SPAN}-01", None),
        (f"00-+{TRACE[1:]}-{SPAN}-01", None),
        (f"00- {TRACE[1:]}-{SPAN}-01", None),
        (f"00-{TRACE[:5]}_{TRACE[6:]}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}-1 ", None),
        (f"00-{TRACE}-{SPAN}-\n1", None),
        (f"00-{'٣' * 32}-{SPAN}-01", None),
    ],
)
def test_parse(header: str | None, expected: Trace | None) -> None:
    """W3C Trace Context: lower-case hexadecimal digits of fixed length, no zero ids, not version ff."""
    assert parse_traceparent(header) == expected


hexadecimal = st.text(alphabet="0123456789abcdef")


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())
def test_round_trip(trace_id: int, span_id: int, sampled: bool) -> None:
    """What we send we read."""
    trace = Trace(f"{trace_id:032x}", f"{span_id:016x}", sampled)
    assert parse_traceparent(trace.header()) == trace


pieces = st.sampled_from(["0", "a", "f", "A", "_", "+", "-", " ", "x", "٣", "\n", "é"])


@given(
    st.one_of(
        st.text(),
        st.tuples(*(st.lists(pieces, min_size=n, max_size=n).map("".join) for n in (2, 32, 16, 2))).map("-".join),
    )
)
def test_nothing_but_hexadecimal_digits_gets_through(header: str) -> None:
    """The ids go into logs, history and other services: they are what they should be or not there."""
    trace = parse_traceparent(header)
    if trace is not None:
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", trace.header())


def test_a_tracer_without_a_provider_passes_ids_on() -> None:
    """Spans nest, a root begins a new trace, and afterwards nothing is left."""
    tracer = Tracer()
    assert not tracer.recording
    with tracer.span("outer") as outer:
        assert current_trace() == outer.trace
        with tracer.span("inner") as inner:
            assert inner.trace.trace_id == outer.trace.trace_id
            assert inner.trace.span_id != outer.trace.span_id
            inner.set("hub.coalesced", 1)
            inner.fail("Busy")
        assert current_trace() == outer.trace
    assert current_trace() is None
    assert parse_traceparent(outer.trace.header()) == outer.trace


def test_a_parent_from_outside_is_continued_and_a_link_is_not() -> None:
    """A caller's trace goes on, sampled or not; a replay begins its own."""
    above = Trace(TRACE, SPAN, sampled=True)
    tracer = Tracer()
    with tracer.span("child", parent=above) as child:
        assert (child.trace.trace_id, child.trace.sampled) == (TRACE, True)
        with tracer.span("replay", links=[above]) as replay:
            assert replay.trace.trace_id != TRACE


def test_a_failure_leaves_the_trace_as_it_was() -> None:
    """An exception in a span ends it."""
    tracer = Tracer()
    with pytest.raises(ValueError, match="x"), tracer.span("outer"):
        raise ValueError("x")
    assert current_trace() is None
