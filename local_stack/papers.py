"""Small files that look like those of a law firm, made on the spot."""

import msgspec

_FONTS = b"<< /Font << /F1 4 0 R >> >>"


class Held(msgspec.Struct, frozen=True):
    """A file with its bytes."""

    mime: str
    data: bytes


class Generated(msgspec.Struct, frozen=True):
    """A large file whose bytes the simulator makes from a seed."""

    size_bytes: int
    seed: int
    mime: str = "application/octet-stream"


Content = Held | Generated


def letter(title: str, *lines: str) -> Held:
    """A PDF of one page."""
    return Held("application/pdf", _pdf(title, lines))


def csv(*rows: str) -> Held:
    """A table."""
    return Held("text/csv", "\r\n".join((*rows, "")).encode())


def note(text: str) -> Held:
    """A plain text."""
    return Held("text/plain", f"{text}\n".encode())


def mail(subject: str, text: str) -> Held:
    """A message as a mail program saves it."""
    head = f"From: post@drosselgruen.example\r\nTo: kanzlei@kanzlei.example\r\nSubject: {subject}\r\n"
    kind = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    return Held("message/rfc822", f"{head}{kind}{text}\r\n".encode())


def _pdf(title: str, lines: tuple[str, ...]) -> bytes:
    """The least that a viewer opens: catalogue, pages, page, font, text, and the table of where each begins."""
    shown = [f"BT /F1 18 Tf 72 770 Td ({_escaped(title)}) Tj ET"]
    shown += [f"BT /F1 11 Tf 72 {735 - 18 * at} Td ({_escaped(line)}) Tj ET" for at, line in enumerate(lines)]
    stream = "\n".join(shown).encode("cp1252")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources %s >>" % _FONTS,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    body = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    tail = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + tail


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
