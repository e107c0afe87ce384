"""User names in one form, and what tells look-alikes apart.

Two names are the same if their PRECIS forms are (RFC 8265, UsernameCaseMapped), and too
alike if their skeletons are (Unicode TR 39): a Cyrillic letter that looks like a Latin
one makes no new name.
"""

import unicodedata
from functools import cache

import precis_i18n
from confusable_homoglyphs import confusables

_PROFILE = precis_i18n.get_profile("UsernameCaseMapped")


def normal_form(name: str) -> str:
    """Return the form in which names are compared.

    Raises
    ------
    ValueError
        The name has a space, a symbol or an invisible character, or mixes directions.
    """
    try:
        form: str = _PROFILE.enforce(name)
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end]
        raise ValueError(
            f"must have letters, digits and . _ - only; {wrong!r} is none of them"
        ) from None
    return form


def comparable(name: str) -> str:
    """Return the form of a name that may be older than the rules."""
    try:
        return normal_form(name)
    except ValueError:
        return name.lower()


def skeleton(name: str) -> str:
    """Replace each letter by the one that stands for all that look like it."""
    parts = map(_prototype, unicodedata.normalize("NFD", comparable(name)))
    return unicodedata.normalize("NFD", "".join(parts)).lower()


@cache
def _prototype(letter: str) -> str:
    found = _alike(letter)
    if len(found) != 1:  # it stands for others, or nothing looks like it
        return letter
    stands_for_it = found[0]
    return (
        min(letter, stands_for_it)
        if _alike(stands_for_it) == [letter]
        else stands_for_it
    )


def _alike(letter: str) -> list[str]:
    return [each["c"] for each in confusables.confusables_data.get(letter, ())]
