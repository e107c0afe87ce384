"""The best items of many users at once: for evaluation, and lists made beforehand.

Scores of 32 users with eight items at a time stay in registers and are compared there
with what is the last of each user's list so far; hardly any is ever written down.
`ranking` orders one user's items and does not need the compiler.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.arrays import FactorMatrix, FloatVector, IndexVector, OffsetVector
from engine.dense import aligned, compiled
from engine.errors import DataError
from engine.lanes import LANES, above, load, multiply_add, repeat, store
from engine.model import Head
from engine.ratings import SparseRows
from engine.workers import Workers

_USERS = 2 * LANES  # of a group
_ITEMS = 8  # scored together
_TILE = 1024  # items that stay in the second cache while groups come and go
_GROUPS = 4  # of a task


class _Lists(NamedTuple):
    """Of each user the best items so far, and where the next seen ones are.

    Attributes
    ----------
    items : shape (n_users, k); -1 where there is none yet
    scores : shape (n_users, k), falling; minus infinity where there is none yet
    bounds : shape (n_groups * 32,); what a score must exceed to enter the list
    next_seen, stop : offsets into `seen` of each user
    seen : items never to list, rising for each user
    """

    items: npt.NDArray[np.int32]
    scores: FactorMatrix
    bounds: FloatVector
    next_seen: OffsetVector
    stop: OffsetVector
    seen: IndexVector


def top_k_of_users(
    head: Head,
    user_factors: FactorMatrix,
    k: int,
    *,
    seen: SparseRows,
    n_threads: int | None = None,
) -> npt.NDArray[np.int32]:
    """Select the `k` best items of every user, best first.

    By ``b_i + q_i'p_u``: what all items of a user share cannot change the order. Of
    equal scores the lower index comes first, as in `ranking.top_k`.

    Parameters
    ----------
    head : Head
    user_factors : ndarray of float32, shape (n_users, n_factors)
        ``p_u``, finite.
    k : int
        At least 0.
    seen : SparseRows
        Items never to return to each user; the values do not matter.
    n_threads : int, optional
        As many as there are processors by default; they do not change the result.

    Returns
    -------
    ndarray of int32, shape (n_users, k)
        A row ends with -1 where fewer items are allowed.

    Raises
    ------
    DataError
        `k` is negative, a factor is not finite, or the number of users or of factors
        is another one than that of `seen` or of the head.
    """
    n_users = len(user_factors)
    if k < 0:
        raise DataError(f"k is {k}; it must be at least 0")
    if user_factors.shape != (seen.n_rows, head.n_factors):
        raise DataError(
            f"user factors are {user_factors.shape}; "
            f"expected {(seen.n_rows, head.n_factors)}"
        )
    if not np.isfinite(user_factors).all():
        raise DataError("user factors must be finite")
    n_groups = -(-n_users // _USERS)
    lists = _Lists(
        items=np.full((n_users, k), -1, dtype=np.int32),
        scores=np.full((n_users, k), -np.inf, dtype=np.float32),
        bounds=np.full(n_groups * _USERS, np.inf, dtype=np.float32),
        next_seen=seen.indptr[:-1].copy(),
        stop=seen.indptr[1:],
        seen=seen.indices,
    )
    lists.bounds[: n_users if k > 0 else 0] = -np.inf
    users = _packed(user_factors, n_groups)
    factors = np.ascontiguousarray(head.item_factors).reshape(-1)

    def fill(first: int) -> None:
        last = min(first + _GROUPS, n_groups)
        _fill(factors, head.item_biases, users, first, last, lists)

    with Workers.start(n_threads) as workers:
        workers.each(fill, range(0, n_groups, _GROUPS))
    return lists.items


def _packed(user_factors: FactorMatrix, n_groups: int) -> FloatVector:
    """Lay out each group of users factor by factor, so that they fill vectors."""
    n_users, k = user_factors.shape
    padded = np.zeros((n_groups * _USERS, k), dtype=np.float32)
    padded[:n_users] = user_factors
    grouped = padded.reshape(n_groups, _USERS, k).transpose(0, 2, 1)
    return np.ascontiguousarray(grouped).reshape(-1)


@compiled
def _score(
    q: FloatVector, b: FloatVector, item: int, users: FloatVector, at: int, k: int,
    out: FloatVector,
) -> None:  # fmt: skip
    """Score eight items, from `item` on, for the 32 users whose factors begin at `at`.

    Past the last item it is scored again, in place of those that are not there.
    """
    last = len(b) - 1
    i1, i2, i3 = min(item + 1, last), min(item + 2, last), min(item + 3, last)
    i4, i5, i6 = min(item + 4, last), min(item + 5, last), min(item + 6, last)
    i7 = min(item + 7, last)
    a0 = c0 = repeat(b, item)
    a1 = c1 = repeat(b, i1)
    a2 = c2 = repeat(b, i2)
    a3 = c3 = repeat(b, i3)
    a4 = c4 = repeat(b, i4)
    a5 = c5 = repeat(b, i5)
    a6 = c6 = repeat(b, i6)
    a7 = c7 = repeat(b, i7)
    q0, q1, q2, q3, q4, q5, q6, q7 = (
        item * k, i1 * k, i2 * k, i3 * k, i4 * k, i5 * k, i6 * k, i7 * k,
    )  # fmt: skip
    for f in range(k):
        x, y = load(users, at + f * _USERS), load(users, at + f * _USERS + LANES)
        z = repeat(q, q0 + f)
        a0, c0 = multiply_add(z, x, a0), multiply_add(z, y, c0)
        z = repeat(q, q1 + f)
        a1, c1 = multiply_add(z, x, a1), multiply_add(z, y, c1)
        z = repeat(q, q2 + f)
        a2, c2 = multiply_add(z, x, a2), multiply_add(z, y, c2)
        z = repeat(q, q3 + f)
        a3, c3 = multiply_add(z, x, a3), multiply_add(z, y, c3)
        z = repeat(q, q4 + f)
        a4, c4 = multiply_add(z, x, a4), multiply_add(z, y, c4)
        z = repeat(q, q5 + f)
        a5, c5 = multiply_add(z, x, a5), multiply_add(z, y, c5)
        z = repeat(q, q6 + f)
        a6, c6 = multiply_add(z, x, a6), multiply_add(z, y, c6)
        z = repeat(q, q7 + f)
        a7, c7 = multiply_add(z, x, a7), multiply_add(z, y, c7)
    store(out, 0, a0)
    store(out, 16, c0)
    store(out, 32, a1)
    store(out, 48, c1)
    store(out, 64, a2)
    store(out, 80, c2)
    store(out, 96, a3)
    store(out, 112, c3)
    store(out, 128, a4)
    store(out, 144, c4)
    store(out, 160, a5)
    store(out, 176, c5)
    store(out, 192, a6)
    store(out, 208, c6)
    store(out, 224, a7)
    store(out, 240, c7)


@compiled
def _offer(lists: _Lists, user: int, item: int, score: np.float32) -> None:
    """Put an item into a user's list, behind equal scores, unless it has been seen."""
    t, stop = lists.next_seen[user], lists.stop[user]
    while t < stop and lists.seen[t] < item:
        t += 1
    lists.next_seen[user] = t
    if t < stop and lists.seen[t] == item:
        return
    items, scores = lists.items[user], lists.scores[user]
    place = len(items) - 1
    while place > 0 and scores[place - 1] < score:
        items[place], scores[place] = items[place - 1], scores[place - 1]
        place -= 1
    items[place], scores[place] = item, score
    lists.bounds[user] = scores[len(items) - 1]


@compiled
def _fill(
    q: FloatVector, b: FloatVector, users: FloatVector, first: int, last: int,
    lists: _Lists,
) -> None:  # fmt: skip
    """Make the lists of the groups ``first:last``; items come in rising order."""
    n_items = len(b)
    k = len(q) // n_items if n_items > 0 else 0
    scores = aligned(_ITEMS * _USERS)
    for tile in range(0, n_items, _TILE):
        for group in range(first, last):
            for item in range(tile, min(tile + _TILE, n_items), _ITEMS):
                _score(q, b, item, users, group * k * _USERS, k, scores)
                for i in range(min(_ITEMS, n_items - item)):
                    for lane in range(0, _USERS, LANES):
                        user = group * _USERS + lane
                        at = i * _USERS + lane
                        better = above(load(scores, at), load(lists.bounds, user))
                        while better > 0:
                            if better & 1:
                                _offer(lists, user, item + i, scores[at])
                            better >>= 1
                            user += 1
                            at += 1
