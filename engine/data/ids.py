"""Ids from the caller, and their positions among sorted ids."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.arrays import IdVector, IndexVector
from engine.errors import DataError

Ids: TypeAlias = npt.NDArray[np.integer[Any]] | Sequence[int]

_DENSE_IDS_PER_VALUE = 8
"""Use a lookup table with at most this many entries per id."""


def indices_of(sorted_ids: IdVector, ids: Ids) -> IndexVector:
    """Find the position of each id in `sorted_ids`; -1 if it does not occur.

    Parameters
    ----------
    sorted_ids : ndarray of int64, shape (n,)
        Sorted and unique.
    ids : array of integers, shape (n_wanted,)

    Returns
    -------
    ndarray of int32, shape (n_wanted,)

    Raises
    ------
    DataError
        `ids` is not a vector of integers.
    """
    wanted = as_ids(ids, name="ids")
    if len(sorted_ids) == 0 or len(wanted) == 0:
        return np.full(len(wanted), -1, dtype=np.int32)
    lowest, highest = int(sorted_ids[0]), int(sorted_ids[-1])
    span = highest - lowest + 1
    if span <= _DENSE_IDS_PER_VALUE * len(wanted):
        table = np.full(span, -1, dtype=np.int32)
        table[sorted_ids - lowest] = np.arange(len(sorted_ids), dtype=np.int32)
        inside = (wanted >= lowest) & (wanted <= highest)
        return np.where(
            inside, table[np.where(inside, wanted - lowest, 0)], np.int32(-1)
        )
    positions = np.minimum(np.searchsorted(sorted_ids, wanted), len(sorted_ids) - 1)
    return np.where(sorted_ids[positions] == wanted, positions, -1).astype(np.int32)


def as_ids(ids: Ids, *, name: str) -> IdVector:
    """Check a vector of ids; errors call it `name`.

    Raises
    ------
    DataError
        It is not a vector of integers that fit 64 bits.
    """
    array = np.asarray(ids)
    if array.ndim != 1:
        raise DataError(f"{name}: expected a vector, got {array.ndim} dimensions")
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.dtype.kind not in "iu":
        raise DataError(f"{name}: expected integers, got {array.dtype}")
    if array.dtype == np.uint64 and array.max() > np.iinfo(np.int64).max:
        raise DataError(f"{name}: ids must be below 2**63")
    return array.astype(np.int64, copy=False)


def numbered(
    ids: IdVector, more: Ids | None, *, name: str
) -> tuple[IdVector, IndexVector]:
    """Sort all ids, without repetition, and find the position of each of `ids`.

    Uses a table if ids are dense, and sorts otherwise; `numpy.unique` hashes integers,
    which is far slower.
    """
    both = ids if more is None else np.concatenate([ids, as_ids(more, name=name)])
    lowest, highest = int(both.min()), int(both.max())
    if highest - lowest < _DENSE_IDS_PER_VALUE * len(both):
        places = both - lowest
        occurs = np.zeros(highest - lowest + 1, dtype=np.bool_)
        occurs[places] = True
        known = np.flatnonzero(occurs)
        table = np.empty(len(occurs), dtype=np.int32)
        table[known] = np.arange(len(known), dtype=np.int32)
        return known + lowest, table[places[: len(ids)]]
    ordered = np.sort(both)
    keep = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=keep[1:])
    return ordered[keep], indices_of(ordered[keep], ids)


def describe_duplicate(users: IdVector, items: IdVector) -> str:
    """Name the first user who rated an item twice, and count such pairs."""
    order = np.lexsort((items, users))
    same = (np.diff(users[order]) == 0) & (np.diff(items[order]) == 0)
    first = order[np.flatnonzero(same)[0]]
    return (
        f"user {users[first]} rated item {items[first]} more than once "
        f"({int(same.sum())} repeated pairs in all); keep one rating of each pair"
    )
