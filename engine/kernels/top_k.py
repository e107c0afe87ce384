"""The best items of many users at once: for evaluation, and lists made beforehand.

The scores of 64 users for four items stay in registers, and are compared with the last
of each user's list so far; hardly any is looked at again. That takes little more than
the products alone. `ranking` orders one user's items and does not need the compiler.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.arrays import FactorMatrix, FloatVector, IndexVector, OffsetVector
from engine.data.ratings import SparseRows
from engine.errors import DataError
from engine.kernels.dense import aligned, compiled
from engine.kernels.lanes import LANES, Vector, above, load, multiply_add, repeat, store
from engine.kernels.threads import Workers
from engine.model.heads import Head

_USERS = 4 * LANES  # of a group
_ITEMS = 4  # scored together


class _Lists(NamedTuple):
    """Each user's current top k, and the position of their next seen item.

    Attributes
    ----------
    items : shape (n_users, k)
    scores : shape (n_users, k), falling; minus infinity where there is no item yet
    bounds : shape (n_groups * 64,); the score to exceed to enter the list
    next_seen, stop : shape (n_users,); offsets into `seen`
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
) -> list[IndexVector]:
    """Select the `k` best items of every user, best first.

    By ``b_i + q_i'p_u``: what all items of a user share cannot change the order. Each
    list is the one that `ranking.top_k` selects from these scores, except that another
    order of additions may round two scores the other way.

    Parameters
    ----------
    head : Head
    user_factors : ndarray of float32, shape (n_users, n_factors)
        ``p_u``, finite.
    k : int
        At least 0; some dozens, since places are found by insertion.
    seen : SparseRows
        Items never to return to each user; the values do not matter.
    n_threads : int, optional
        As many as there are processors by default; they do not change the result.

    Returns
    -------
    list of ndarray of int32, each of shape (at most k,)
        Of equal scores the lower index comes first. Shorter when fewer items are
        allowed: there is no filler.

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
        items=np.zeros((n_users, k), dtype=np.int32),
        scores=np.full((n_users, k), -np.inf, dtype=np.float32),
        bounds=np.full(n_groups * _USERS, np.inf, dtype=np.float32),
        next_seen=seen.indptr[:-1].copy(),
        stop=seen.indptr[1:],
        seen=seen.indices,
    )
    lists.bounds[: n_users if k > 0 else 0] = -np.inf
    users = _packed(user_factors, n_groups)
    factors = np.ascontiguousarray(head.item_factors).reshape(-1)

    def fill(group: int) -> None:
        _fill(factors, head.item_biases, users, head.n_factors, group, lists)

    with Workers.start(n_threads) as workers:
        workers.each(fill, range(n_groups))
    lengths = np.count_nonzero(lists.scores > -np.inf, axis=1)
    return [lists.items[user, :length] for user, length in enumerate(lengths)]


def _packed(user_factors: FactorMatrix, n_groups: int) -> FloatVector:
    """Lay out each group of users factor by factor, so that they fill vectors."""
    n_users, k = user_factors.shape
    padded = np.zeros((n_groups * _USERS, k), dtype=np.float32)
    padded[:n_users] = user_factors
    packed = aligned(padded.size)
    grouped = padded.reshape(n_groups, _USERS, k).transpose(0, 2, 1)
    packed.reshape(n_groups, k, _USERS)[:] = grouped
    return packed


@compiled
def _fill(
    q: FloatVector, b: FloatVector, users: FloatVector, k: int, group: int,
    lists: _Lists,
) -> None:  # fmt: skip
    """Make the lists of one group; items come in rising order."""
    scores = aligned(_ITEMS * _USERS)
    for item in range(0, len(b), _ITEMS):
        _score(q, b, item, users, k, group * _USERS * k, scores)
        for at in range(0, min(_ITEMS, len(b) - item) * _USERS, LANES):
            user = group * _USERS + at % _USERS
            better = above(load(scores, at), load(lists.bounds, user))
            lane = 0
            while better > 0:
                if better & 1:
                    offered = item + at // _USERS
                    _offer(lists, user + lane, offered, scores[at + lane])
                better >>= 1
                lane += 1


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
def _score(
    q: FloatVector, b: FloatVector, item: int, users: FloatVector, k: int, at: int,
    out: FloatVector,
) -> None:  # fmt: skip
    """Score four items, from `item` on, for the 64 users whose factors begin at `at`.

    Past the last item it is scored again, in place of those that are not there.
    """
    last = len(b) - 1
    second, third, fourth = (
        min(item + 1, last),
        min(item + 2, last),
        min(item + 3, last),
    )
    a0 = a1 = a2 = a3 = repeat(b, item)
    b0 = b1 = b2 = b3 = repeat(b, second)
    c0 = c1 = c2 = c3 = repeat(b, third)
    d0 = d1 = d2 = d3 = repeat(b, fourth)
    for f in range(k):
        p0, p1 = load(users, at), load(users, at + LANES)
        p2, p3 = load(users, at + 2 * LANES), load(users, at + 3 * LANES)
        y = repeat(q, item * k + f)
        a0, a1 = multiply_add(y, p0, a0), multiply_add(y, p1, a1)
        a2, a3 = multiply_add(y, p2, a2), multiply_add(y, p3, a3)
        y = repeat(q, second * k + f)
        b0, b1 = multiply_add(y, p0, b0), multiply_add(y, p1, b1)
        b2, b3 = multiply_add(y, p2, b2), multiply_add(y, p3, b3)
        y = repeat(q, third * k + f)
        c0, c1 = multiply_add(y, p0, c0), multiply_add(y, p1, c1)
        c2, c3 = multiply_add(y, p2, c2), multiply_add(y, p3, c3)
        y = repeat(q, fourth * k + f)
        d0, d1 = multiply_add(y, p0, d0), multiply_add(y, p1, d1)
        d2, d3 = multiply_add(y, p2, d2), multiply_add(y, p3, d3)
        at += _USERS
    _store_users(out, 0, a0, a1, a2, a3)
    _store_users(out, _USERS, b0, b1, b2, b3)
    _store_users(out, 2 * _USERS, c0, c1, c2, c3)
    _store_users(out, 3 * _USERS, d0, d1, d2, d3)


@compiled
def _store_users(
    out: FloatVector, at: int, p0: Vector, p1: Vector, p2: Vector, p3: Vector
) -> None:
    """Write the scores of one item."""
    store(out, at, p0)
    store(out, at + LANES, p1)
    store(out, at + 2 * LANES, p2)
    store(out, at + 3 * LANES, p3)
