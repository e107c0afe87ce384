"""An experiment as it stood at the end of each day.

Replayed by the votes that stand now, each on the day on which it was last cast: what
was taken back leaves no trace.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.arrays import BoolVector, ExactVector, Indices
from engine.errors import DataError
from engine.experiments.statistics import Votes
from engine.experiments.verdicts import Analysis, Comparison

MOST_LOOKS = 100  # of a replay, evenly spaced; the last day is always one of them

Analyse: TypeAlias = Callable[[Sequence[Votes], Sequence[Votes]], Analysis]
"""From the votes of each variant and those cast before exposure to what they say."""

Days: TypeAlias = npt.NDArray[np.int64]
"""Days in any one count, such as days since 1970."""


@dataclass(frozen=True)
class History:
    """What the users of one variant did, and on which day.

    Attributes
    ----------
    exposed_on : ndarray of int64, shape (n_users,)
        Day of exposure of each user.
    users : array of integers, shape (n_entries,)
        Whose votes an entry counts: indices into `exposed_on`.
    voted_on : ndarray of int64, shape (n_entries,)
    likes, dislikes : ndarray of float64, shape (n_entries,)
        Counts of that user on that day.
    before : Votes
        Of each user, before they were exposed.

    Raises
    ------
    DataError
        Lengths differ or an index is out of range.
    """

    exposed_on: Days
    users: Indices
    voted_on: Days
    likes: ExactVector
    dislikes: ExactVector
    before: Votes

    def __post_init__(self) -> None:
        """Validate once."""
        entries = (self.users, self.voted_on, self.likes, self.dislikes)
        if len({len(part) for part in entries}) > 1:
            raise DataError("each entry needs a user, a day, likes and dislikes")
        n_users = len(self.exposed_on)
        if self.before.n_users != n_users:
            raise DataError("expected the earlier votes of each user")
        if not ((self.users >= 0) & (self.users < n_users)).all():
            raise DataError(f"index of a user outside 0..{n_users - 1}")

    def until(self, day: int) -> tuple[Votes, Votes]:
        """Count the votes of all exposed by the end of a day, and their earlier ones.

        Parameters
        ----------
        day : int

        Returns
        -------
        votes, before : Votes
            Users in the order of `exposed_on`.
        """
        there = self.exposed_on <= day
        likes, dislikes = self._sums(self.likes, day), self._sums(self.dislikes, day)
        votes = Votes(likes[there], dislikes[there])
        before = Votes(self.before.likes[there], self.before.dislikes[there])
        return votes, before

    def _sums(self, counts: ExactVector, day: int) -> ExactVector:
        cast: BoolVector = self.voted_on <= day
        n_users = len(self.exposed_on)
        sums = np.bincount(self.users[cast], counts[cast], minlength=n_users)
        return sums.astype(np.float64)


@dataclass(frozen=True)
class Look:
    """What the comparisons were at the end of one day."""

    day: int
    comparisons: tuple[Comparison, ...]


def replay(
    variants: Sequence[History], analyse: Analyse, *, most: int = MOST_LOOKS
) -> tuple[Look, ...]:
    """Look at an experiment at the end of each day on which anything happened.

    Parameters
    ----------
    variants : sequence of History
        The control first.
    analyse : callable
        Such as `verdicts.analyse` with the design filled in.
    most : int
        At least 1; of more days the last is kept and those evenly before it.

    Returns
    -------
    tuple of Look
        Days in order, without those on which there was nothing to compare yet.

    Raises
    ------
    DataError
        `most` is below 1.
    """
    if most < 1:
        raise DataError(f"most is {most}; it must be at least 1")
    happened = [days for of in variants for days in (of.exposed_on, of.voted_on)]
    days = np.unique(np.concatenate(happened)).tolist()
    step = -(-len(days) // most) or 1
    looks = []
    for day in days[::-step][::-1]:
        pairs = [of.until(day) for of in variants]
        found = analyse([votes for votes, _ in pairs], [past for _, past in pairs])
        if found.comparisons:
            looks.append(Look(day, found.comparisons))
    return tuple(looks)
