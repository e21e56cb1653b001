"""How long to wait before the next try. Pure: the dice are an argument."""

_FIRST_S = 1.0
_LONGEST_S = 600.0
_BUSY_S = 0.5
_BUSY_LONGEST_S = 5.0


def retry_delay_s(failures: int, dice: float) -> float:
    """1, 2, 4 … 600 s after the 1st, 2nd, 3rd … failure, each varied by ±25 % so that a crowd does not return at once.

    `dice` is in [0, 1).
    """
    base = min(_LONGEST_S, _FIRST_S * 2.0 ** min(failures, 20))
    return base * (0.75 + dice / 2)


def busy_delay_s(handed_back: int, dice: float) -> float:
    """Half a second, growing to five, while another replica has the entity."""
    return min(_BUSY_LONGEST_S, _BUSY_S * (1 + handed_back)) * (0.75 + dice / 2)
