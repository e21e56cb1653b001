"""Who we are to NATS, and whom we take for it: the credentials file, the CA, and what a refused connection means."""

import json
import ssl
from pathlib import Path

_PARTS = ("BEGIN NATS USER JWT", "BEGIN USER NKEY SEED")
_NOT_KNOWN = "authorization violation"


class Unusable(Exception):
    """A setting names something that cannot be used; the text is one sentence."""


def credentials(path: str | None) -> str | None:
    """The file, if it is one that NATS' clients read. Raises Unusable."""
    if not path:
        return None
    text = _text("NATS_CREDS", path)
    if not all(part in text for part in _PARTS):
        raise Unusable(f"NATS_CREDS names {path}, which holds no credentials")
    return path


def authority(path: str | None) -> ssl.SSLContext | None:
    """Believes whom this CA has signed, and nobody else. None: nats-py asks the system's. Raises Unusable."""
    if not path:
        return None
    _text("NATS_CA", path)
    try:
        return ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise Unusable(f"NATS_CA names {path}, which holds no certificate") from None


def offers_tls(hello: bytes) -> bool:
    """What a server says of itself to whoever connects. nats-py would go on in plain text where it offers none."""
    try:
        return bool(json.loads(hello.removeprefix(b"INFO ")).get("tls_required"))
    except (ValueError, AttributeError):
        return False


def is_final(error: BaseException) -> bool:
    """Whether another attempt would end the same way."""
    return isinstance(error, ssl.SSLError) or _NOT_KNOWN in str(error).lower()


def why(error: BaseException) -> str:
    """What a refused connection means for the operator."""
    if isinstance(error, ssl.SSLError):
        return f"its certificate is not believed, see NATS_CA ({type(error).__name__})"
    if _NOT_KNOWN in str(error).lower():
        return "it does not know this user, see NATS_CREDS"
    return type(error).__name__


def _text(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        raise Unusable(f"{variable} names {path}, which is not a file that can be read") from None
