"""The state of an experiment at the end of each day.

The replay uses the votes that stand now, each on the day on which it was last cast; a
withdrawn vote leaves no trace.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.arrays import BoolVector, ExactVector, Indices
from engine.errors import DataError
from engine.experiments.statistics import Votes
from engine.experiments.verdicts import Comparison

MAX_LOOKS = 100  # days of a replay, evenly spaced; the last day is always among them
LAST_DAY = int(np.iinfo(np.int64).max)

Days: TypeAlias = npt.NDArray[np.int64]
"""Days counted from any origin, such as 1970-01-01."""


@dataclass(frozen=True)
class History:
    """Votes of one variant's users, by day.

    Attributes
    ----------
    exposed_on : ndarray of int64, shape (n_users,)
        Day of first exposure of each user.
    users : array of integers, shape (n_entries,)
        The user of each entry: indices into `exposed_on`.
    voted_on : ndarray of int64, shape (n_entries,)
        The day of each entry.
    likes, dislikes : ndarray of float64, shape (n_entries,)
        Counts of that user on that day.
    before : Votes, shape (n_users,)
        Votes of each user before exposure: the CUPED covariate.

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

    def until(self, day: int = LAST_DAY) -> tuple[Votes, Votes]:
        """Count the votes of the users exposed by the end of a day.

        Parameters
        ----------
        day : int

        Returns
        -------
        votes, before : Votes
            Votes since and before exposure, users in the order of `exposed_on`.
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
    """The comparisons at the end of one day."""

    day: int
    comparisons: tuple[Comparison, ...]


def days_to_replay(
    histories: Sequence[History], *, max_looks: int = MAX_LOOKS
) -> list[int]:
    """List the days on which a user was exposed or voted, thinned out evenly.

    Parameters
    ----------
    histories : sequence of History
        One per variant.
    max_looks : int
        The largest number of days to return, at least 1.

    Returns
    -------
    list of int
        In order; the last day is always among them.

    Raises
    ------
    DataError
        `max_looks` is below 1.
    """
    if max_looks < 1:
        raise DataError(f"max_looks is {max_looks}; it must be at least 1")
    events = [days for of in histories for days in (of.exposed_on, of.voted_on)]
    days: list[int] = np.unique(np.concatenate(events)).tolist()
    step = -(-len(days) // max_looks) or 1
    return days[::-step][::-1]
