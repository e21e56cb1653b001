"""The end of a service's log, readable."""

from pathlib import Path

import msgspec

_TAIL_BYTES = 64 * 1024
_LINE_MAX = 200
_LEFT_OUT = frozenset(("time", "level", "service", "message", "traceback", "event_id", "trace_id"))


def last_words(log: Path, count: int = 8) -> list[str]:
    """The last lines; JSON lines as `clock level message key=value …`."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return [_readable(line)[:_LINE_MAX] for line in lines[-count:] if line.strip()]


def _readable(line: str) -> str:
    try:
        fields = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.MsgspecError:
        return line
    clock = str(fields.get("time", ""))[11:19]
    rest = " ".join(f"{name}={value}" for name, value in fields.items() if name not in _LEFT_OUT)
    frames = fields.get("traceback")
    where = f" at {frames[-1]}" if isinstance(frames, list) and frames else ""
    return f"{clock} {fields.get('level', '')} {fields.get('message', '')}  {rest}{where}".strip()
