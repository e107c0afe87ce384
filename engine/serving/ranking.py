"""Ordering items: masked top-k with a fixed tie rule, and similar items."""

import numpy as np

from engine.arrays import FloatVector, IndexVector, Indices
from engine.errors import DataError
from engine.model.heads import Head

POOL_SIZE = 500  # of the best items, from which lists other than the best are made
_BLOCK = 64  # scores, strided, so that maxima are taken of whole vectors


def top_k(
    scores: FloatVector,
    k: int,
    *,
    excluded: Indices | None = None,
    candidates: Indices | None = None,
) -> IndexVector:
    """Select the `k` best items, best first; ties by index.

    Parameters
    ----------
    scores : ndarray of float32, shape (n_items,)
        Finite; not modified.
    k : int
        At least 0.
    excluded : array of integers, optional
        Items never to return, such as those already rated.
    candidates : array of integers, optional
        The only items to return; all by default.

    Returns
    -------
    ndarray of int32, shape (at most k,)
        Shorter when fewer items are allowed: there is no filler.

    Raises
    ------
    DataError
        `k` is negative, a score is not finite, or an index is out of range.
    """
    n_items = len(scores)
    if k < 0:
        raise DataError(f"k is {k}; it must be at least 0")
    if not np.isfinite(scores).all():
        raise DataError("scores must be finite")
    if excluded is None and candidates is None:
        return _best(scores, k)
    masked = np.full_like(scores, -np.inf) if candidates is not None else scores.copy()
    if candidates is not None:
        chosen = _checked(candidates, n_items, name="candidates")
        masked[chosen] = scores[chosen]
    if excluded is not None:
        masked[_checked(excluded, n_items, name="excluded")] = -np.inf
    return _best(masked, k)


def similar_items(
    head: Head,
    item_index: int,
    k: int,
    *,
    excluded: Indices | None = None,
    candidates: Indices | None = None,
) -> tuple[IndexVector, FloatVector]:
    """Find the `k` items whose factors are most similar to those of one item.

    Parameters
    ----------
    head : Head
        Use the ranking head: its factors say who watches what, those of a rating head
        only who likes what they chose to watch.
    item_index : int
    k : int
    excluded, candidates : array of integers, optional
        As for `top_k`.

    Returns
    -------
    item_indices : ndarray of int32, shape (at most k,)
        Most similar first, without the item itself and without items of no direction.
    cosines : ndarray of float32, same shape
        ``q_i'q_j / (|q_i| |q_j|)``, between -1 and 1.

    Raises
    ------
    DataError
        An index is out of range or `k` is negative.
    """
    if not 0 <= item_index < head.n_items:
        raise DataError(f"item index outside 0..{head.n_items - 1}")
    lengths = np.sqrt(np.square(head.item_factors).sum(axis=1))
    products = head.item_factors @ head.item_factors[item_index]
    if lengths[item_index] == 0:
        return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
    cosines = products / (np.where(lengths > 0, lengths, 1) * lengths[item_index])
    directed = np.flatnonzero(lengths > 0)
    if candidates is not None:
        chosen = _checked(candidates, head.n_items, name="candidates")
        directed = np.intersect1d(directed, chosen)
    others = np.array([item_index])
    if excluded is not None:
        others = np.append(_checked(excluded, head.n_items, name="excluded"), others)
    found = top_k(cosines, k, excluded=others, candidates=directed)
    return found, np.clip(cosines[found], -1, 1)


def explored(
    scores: FloatVector, uncertainties: FloatVector, *, exploration: float
) -> FloatVector:
    """Blend the scores of items with the uncertainty about them.

    The upper-confidence idea, "optimism in the face of uncertainty" [1]_, on a scale
    that needs no unit: with both stretched to 0 .. 1 over the items given::

        (1 - ε) score_i + ε uncertainty_i

    Parameters
    ----------
    scores, uncertainties : ndarray of float32, shape (n,)
        Finite; of some of the best items, or rubbish is explored as well.
    exploration : float
        ``ε`` from 0, the order of the scores, to 1, that of uncertainty.

    Returns
    -------
    ndarray of float32, shape (n,)
        Between 0 and 1.

    Raises
    ------
    DataError
        Lengths differ, a number is not finite, or ``ε`` is not in 0 .. 1.

    References
    ----------
    .. [1] Auer (2002), Using confidence bounds for exploitation-exploration trade-offs.
       Journal of Machine Learning Research 3, 397-422.
    """
    _check_share(exploration, name="exploration")
    if scores.shape != uncertainties.shape:
        raise DataError(
            f"there are {len(scores)} scores, but {len(uncertainties)} uncertainties"
        )
    certain = (1 - exploration) * _stretched(scores)
    return certain + exploration * _stretched(uncertainties)


def diversified(
    head: Head,
    item_indices: IndexVector,
    relevance: FloatVector,
    k: int,
    *,
    diversity: float,
) -> IndexVector:
    """Choose `k` of some items that are good and unlike each other.

    Maximal marginal relevance [1]_: one after another, the item with the largest::

        (1 - δ) relevance_i - δ max_{j chosen} q_i'q_j / (|q_i| |q_j|)

    Parameters
    ----------
    head : Head
        Its factors say what is alike.
    item_indices : ndarray of int32, shape (n,)
        Rows of the head, each once.
    relevance : ndarray of float32, shape (n,)
        Between 0 and 1, as from `explored`.
    k : int
        At least 0.
    diversity : float
        ``δ`` from 0, by relevance alone, to 1, by unlikeness alone.

    Returns
    -------
    ndarray of int32, shape (min(k, n),)
        Of equal items the one named first comes first.

    Raises
    ------
    DataError
        Lengths differ, `k` is negative, or ``δ`` is not in 0 .. 1.

    References
    ----------
    .. [1] Carbonell and Goldstein (1998). doi:10.1145/290941.291025
    """
    _check_share(diversity, name="diversity")
    if k < 0:
        raise DataError(f"k is {k}; it must be at least 0")
    if relevance.shape != item_indices.shape:
        raise DataError(f"{len(item_indices)} items, but {len(relevance)} relevances")
    factors = head.item_factors[item_indices].astype(np.float64)
    lengths = np.sqrt(np.square(factors).sum(axis=1, keepdims=True))
    directions = factors / np.where(lengths > 0, lengths, 1)
    likeness = np.zeros(len(item_indices))
    left = np.ones(len(item_indices), dtype=np.bool_)
    chosen: list[int] = []
    for _ in range(min(k, len(item_indices))):
        gains = (1 - diversity) * relevance - diversity * likeness
        best = int(np.argmax(np.where(left, gains, -np.inf)))
        towards = directions @ directions[best]
        likeness = np.maximum(likeness, towards) if chosen else towards
        chosen.append(best)
        left[best] = False
    return item_indices[chosen]


def _check_share(value: float, *, name: str) -> None:
    if not 0 <= value <= 1:
        raise DataError(f"{name} is {value}; it must be between 0 and 1")


def _stretched(values: FloatVector) -> FloatVector:
    """Move values to 0 .. 1; all 0 where they are equal."""
    if not np.isfinite(values).all():
        raise DataError("scores and uncertainties must be finite")
    if len(values) == 0:
        return values
    low, width = values.min(), np.ptp(values)
    stretched: FloatVector = (values - low) / (width or np.float32(1))
    return stretched


def _checked(indices: Indices, n_items: int, *, name: str) -> Indices:
    array = np.asarray(indices)
    if array.size == 0:
        return np.zeros(0, dtype=np.int32)
    if array.dtype.kind not in "iu":
        raise DataError(f"{name}: expected integers, got {array.dtype}")
    if array.min() < 0 or array.max() >= n_items:
        raise DataError(f"{name}: index outside 0..{n_items - 1}")
    return array


def _best(scores: FloatVector, k: int) -> IndexVector:
    """Find the `k` largest above minus infinity, ties by index.

    Each of the `k` best blocks holds a score of at least the k-th best block maximum,
    so that is a lower bound of the k-th best score. Only the few scores that reach it
    are sorted, which costs less than partitioning them all.
    """
    if k == 0 or len(scores) == 0:
        return np.zeros(0, dtype=np.int32)
    width = min(_BLOCK, max(len(scores) // k, 1))
    n_blocks = len(scores) // width
    maxima = scores[: n_blocks * width].reshape(width, n_blocks).max(axis=0)
    rank = max(len(maxima) - k, 0)
    bound = np.partition(maxima, rank)[rank] if len(maxima) >= k else -np.inf
    reaching = scores >= bound if bound > -np.inf else scores > bound
    contenders = np.flatnonzero(reaching).astype(np.int32)
    order = np.lexsort((contenders, -scores[contenders]))
    return contenders[order[:k]]
