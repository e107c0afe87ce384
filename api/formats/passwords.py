"""Which passwords are too easy to guess."""

from collections.abc import Sequence

from zxcvbn import zxcvbn

_LEAST_SCORE = 2  # of 0 to 4: below, a million guesses are enough
_MOST_LETTERS = 72  # the estimate takes longer with each; more are hard to guess anyway


def weakness(password: str, *, known: Sequence[str] = ()) -> str | None:
    """Say why a password is easy to guess, or None.

    Parameters
    ----------
    password : str
    known : sequence of str
        Words that an attacker tries first, such as the user's name.
    """
    words = [*known, "cinefold"]
    found = zxcvbn(password[:_MOST_LETTERS], user_inputs=words)
    if found["score"] >= _LEAST_SCORE:
        return None
    reason = found["feedback"]["warning"].rstrip(".") or "It is easy to guess"
    return (
        f"{reason}. Choose a longer one, such as four words that do not belong together"
    )
