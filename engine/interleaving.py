"""Team-draft interleaving: one list drawn from two, credited by what is liked.

Each user sees both variants at once and is their own control, so far fewer users are
needed than for two groups. It says which variant people prefer, not by how much.
"""

from dataclasses import dataclass

import numpy as np

from engine.arrays import ExactVector, IndexVector, Indices
from engine.errors import DataError
from engine.experiments import Difference, mean_of


@dataclass(frozen=True)
class Interleaved:
    """One list with the team that contributed each item.

    Attributes
    ----------
    item_indices : ndarray of int32, shape (at most k,)
        Best first, each once.
    teams : ndarray of int32, same shape
        0 where the item came from the first list, 1 from the second.
    """

    item_indices: IndexVector
    teams: IndexVector


def team_draft(
    first: Indices, second: Indices, k: int, *, rng: np.random.Generator
) -> Interleaved:
    """Draw a list as two captains pick players.

    In each round a coin decides who picks first; each then takes the best item of its
    own list that is not yet taken. A captain whose list is used up lets the other pick
    alone [1]_.

    Parameters
    ----------
    first, second : array of integers
        The two lists, best first, each item once.
    k : int
        Length of the list, at least 0.
    rng : numpy.random.Generator
        Seed it by user and experiment to show one user the same draw again.

    Returns
    -------
    Interleaved
        Shorter than `k` when the two lists together are.

    Raises
    ------
    DataError
        `k` is negative or a list repeats an item.

    References
    ----------
    .. [1] Radlinski, Kurup and Joachims (2008), How does clickthrough data reflect
       retrieval quality?, algorithm 2. doi:10.1145/1458082.1458092
    """
    lists = [np.asarray(part).tolist() for part in (first, second)]
    if k < 0:
        raise DataError(f"k is {k}; it must be at least 0")
    if any(len(set(part)) < len(part) for part in lists):
        raise DataError("a list to interleave must hold each item once")
    taken: dict[int, int] = {}  # item to team, in the order of picks
    waiting = [iter(part) for part in lists]
    coins = rng.integers(2, size=k)
    for coin in coins.tolist():
        for team in (coin, 1 - coin):
            pick = next((item for item in waiting[team] if item not in taken), None)
            if pick is not None and len(taken) < k:
                taken[pick] = team
    return Interleaved(
        np.fromiter(taken.keys(), dtype=np.int32, count=len(taken)),
        np.fromiter(taken.values(), dtype=np.int32, count=len(taken)),
    )


def preference(
    first: ExactVector, second: ExactVector, *, alpha: float = 0.05
) -> Difference:
    """Test by pairs whether users prefer one team.

    Each user's credit for the second team minus that for the first, over all their
    lists; Student's test of its mean.

    Parameters
    ----------
    first, second : ndarray of float64, shapes (..., n_users)
        Likes minus dislikes of the items of each team, a user an entry.
    alpha : float
        The interval covers with ``1 - alpha``.

    Returns
    -------
    Difference
        In net likes a user; above 0 if the second team is preferred.

    Raises
    ------
    DataError
        Shapes differ, there are fewer than two users, a credit is not finite, or all
        users are of one mind to the digit.
    """
    if first.shape != second.shape:
        raise DataError("expected the credit of both teams for each user")
    return mean_of(second - first, alpha=alpha)
