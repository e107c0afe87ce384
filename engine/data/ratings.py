"""The validated sparse ratings matrix, and the way from ids to row indices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.arrays import (
    CountVector,
    ExactVector,
    FloatVector,
    IdVector,
    IndexVector,
    OffsetVector,
    read_only,
)
from engine.errors import DataError

Ids: TypeAlias = npt.NDArray[np.integer[Any]] | Sequence[int]
Values: TypeAlias = npt.NDArray[Any] | Sequence[float]

_DENSE_IDS_PER_VALUE = 8
"""Look ids up in a table when it stays this small relative to the ids given."""


@dataclass(frozen=True)
class SparseRows:
    """One orientation of a sparse matrix: compressed sparse rows (CSR).

    Attributes
    ----------
    indptr : ndarray of int64, shape (n_rows + 1,)
        Row ``i`` occupies ``indptr[i]:indptr[i + 1]`` of the other two arrays.
    indices : ndarray of int32, shape (n_ratings,)
        Column of each rating, rising within a row.
    values : ndarray of float32, shape (n_ratings,)
        The rating, in stars.
    weights : ndarray of float32, shape (n_ratings,), or None
        How many ratings each one counts for; None: all count for one.
    """

    indptr: OffsetVector
    indices: IndexVector
    values: FloatVector
    weights: FloatVector | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows, empty ones included."""
        return len(self.indptr) - 1

    @property
    def counts(self) -> CountVector:
        """Number of ratings in each row."""
        return np.diff(self.indptr).astype(np.int32)

    @property
    def totals(self) -> CountVector | ExactVector:
        """Effective number of ratings in each row: the sum of their weights."""
        if self.weights is None:
            return self.counts
        return np.bincount(
            self.row_of_each(), self.weights, minlength=self.n_rows
        ).astype(np.float64)

    def row(self, index: int) -> tuple[IndexVector, FloatVector]:
        """Columns and values of one row."""
        start, stop = self.indptr[index], self.indptr[index + 1]
        return self.indices[start:stop], self.values[start:stop]

    def weights_of(self, index: int) -> FloatVector | None:
        """Weights of one row; None where all are 1."""
        if self.weights is None:
            return None
        return self.weights[self.indptr[index] : self.indptr[index + 1]]

    def row_of_each(self) -> IndexVector:
        """Row index of each rating, in storage order."""
        return np.repeat(np.arange(self.n_rows, dtype=np.int32), self.counts)


@dataclass(frozen=True)
class Ratings:
    """All ratings of a data set, by user and by item.

    Build with `from_arrays`. Row ``i`` of `by_user` belongs to ``user_ids[i]``, row
    ``j`` of `by_item` to ``item_ids[j]``. The arrays are read-only.

    Attributes
    ----------
    user_ids, item_ids : ndarray of int64
        Sorted and unique.
    by_user, by_item : SparseRows
        The same ratings in both orientations.
    """

    user_ids: IdVector
    item_ids: IdVector
    by_user: SparseRows
    by_item: SparseRows

    @property
    def n_users(self) -> int:
        """Number of users, including those without a rating."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Number of items, including those without a rating."""
        return len(self.item_ids)

    @property
    def n_ratings(self) -> int:
        """Number of ratings."""
        return len(self.by_user.values)

    @property
    def total_weight(self) -> float:
        """Effective number of ratings: the sum of their weights."""
        weights = self.by_user.weights
        return self.n_ratings if weights is None else float(weights.sum(dtype=float))

    @property
    def mean(self) -> float:
        """Mean rating by weight, in stars."""
        values, weights = self.by_user.values, self.by_user.weights
        if weights is None:
            return float(values.mean(dtype=np.float64))
        return float(np.average(values.astype(np.float64), weights=weights))

    @property
    def variance(self) -> float:
        """Variance of the ratings by weight, in squared stars."""
        values, weights = self.by_user.values, self.by_user.weights
        if weights is None:
            return float(values.var(dtype=np.float64))
        squares = np.square(values.astype(np.float64) - self.mean)
        return float(np.average(squares, weights=weights))

    @property
    def value_range(self) -> tuple[float, float]:
        """Lowest and highest rating, in stars."""
        values = self.by_user.values
        return float(values.min()), float(values.max())

    def user_indices_of(self, ids: Ids) -> IndexVector:
        """Row index of each user id, -1 for an unknown one."""
        return indices_of(self.user_ids, ids)

    def item_indices_of(self, ids: Ids) -> IndexVector:
        """Row index of each item id, -1 for an unknown one."""
        return indices_of(self.item_ids, ids)

    @classmethod
    def from_arrays(
        cls,
        user_ids: Ids,
        item_ids: Ids,
        values: Values,
        *,
        users: Ids | None = None,
        items: Ids | None = None,
        weights: Values | None = None,
    ) -> Self:
        """Build the matrix from three parallel arrays, one entry a rating.

        Parameters
        ----------
        user_ids, item_ids : array of integers, shape (n_ratings,)
            Any integers that fit 64 bits, in any order.
        values : array of numbers, shape (n_ratings,)
            The ratings, in stars; stored as float32.
        users, items : array of integers, optional
            Further ids that get a row although nobody rated them or they rated
            nothing: the full catalogue, say.
        weights : array of numbers, shape (n_ratings,), optional
            How many ratings each one counts for, above 0; one by default.

        Raises
        ------
        DataError
            Lengths differ, there is no rating, an id is no integer, a rating is not
            finite, a weight not finite or not above 0, or a pair of user and item
            occurs twice.
        """
        raters = _as_ids(user_ids, name="user_ids")
        rated = _as_ids(item_ids, name="item_ids")
        stars = _as_values(values)
        _check_lengths(raters, rated, stars)
        all_users, rows = _numbered(raters, users, name="users")
        all_items, columns = _numbered(rated, items, name="items")
        shape = len(all_users), len(all_items)
        by_user, by_item = _both_ways(rows, columns, stars, shape)
        if not _rises_within_rows(by_user):
            raise DataError(_describe_duplicate(raters, rated))
        user_weights = item_weights = None
        if weights is not None:
            counted = as_weights(weights, n_ratings=len(stars))
            both = _both_ways(rows, columns, counted, shape)
            user_weights, item_weights = (read_only(matrix.data) for matrix in both)
        return cls(
            user_ids=read_only(all_users),
            item_ids=read_only(all_items),
            by_user=_sparse_rows(by_user, user_weights),
            by_item=_sparse_rows(by_item, item_weights),
        )

    def joined(self, more: "Ratings") -> "Ratings":
        """Put two sets of ratings together, each with its weights.

        Raises
        ------
        DataError
            A pair of user and item occurs in both.
        """
        both = self, more
        parts = [each.by_user for each in both]
        users = [each.user_ids[each.by_user.row_of_each()] for each in both]
        items = [each.item_ids[each.by_user.indices] for each in both]
        weights = [
            np.ones(len(part.values), np.float32) if part.weights is None
            else part.weights
            for part in parts
        ]  # fmt: skip
        return Ratings.from_arrays(
            np.concatenate(users),
            np.concatenate(items),
            np.concatenate([part.values for part in parts]),
            users=np.concatenate([self.user_ids, more.user_ids]),
            items=np.concatenate([self.item_ids, more.item_ids]),
            weights=np.concatenate(weights),
        )


def indices_of(sorted_ids: IdVector, ids: Ids) -> IndexVector:
    """Position of each of `ids` in `sorted_ids`, -1 where it does not occur.

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
    wanted = _as_ids(ids, name="ids")
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


def _as_ids(ids: Ids, *, name: str) -> IdVector:
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


def _as_values(values: Values) -> FloatVector:
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"values: expected a vector, got {array.ndim} dimensions")
    if array.size and array.dtype.kind not in "iuf":
        raise DataError(f"values: expected numbers, got {array.dtype}")
    with np.errstate(over="ignore"):  # an overflow shows as inf in the next line
        stars = array.astype(np.float32)
    if not np.isfinite(stars).all():
        line = int(np.flatnonzero(~np.isfinite(stars))[0])
        raise DataError(f"values[{line}] is not finite; remove or repair that rating")
    return stars


def as_weights(weights: Values, *, n_ratings: int) -> FloatVector:
    """Check one weight a rating.

    Raises
    ------
    DataError
        There are not `n_ratings` numbers, or one is not finite or not above 0, as
        float32; the message names it.
    """
    array = np.asarray(weights)
    if array.shape != (n_ratings,):
        raise DataError(f"weights: expected {n_ratings}, one a rating")
    if array.size and array.dtype.kind not in "iuf":
        raise DataError(f"weights: expected numbers, got {array.dtype}")
    with np.errstate(over="ignore", under="ignore"):  # shows as inf or 0 below
        counted = array.astype(np.float32)
    wrong = np.flatnonzero(~(np.isfinite(counted) & (counted > 0)))
    if len(wrong):
        raise DataError(
            f"weights[{wrong[0]}] is {array[wrong[0]]}; it must be finite and above 0: "
            "leave out ratings that count for nothing"
        )
    return counted


def _check_lengths(users: IdVector, items: IdVector, values: FloatVector) -> None:
    lengths = len(users), len(items), len(values)
    if len(set(lengths)) > 1:
        raise DataError(f"expected arrays of one length, got {lengths}")
    if lengths[0] == 0:
        raise DataError("no ratings; load some first")


def _both_ways(
    rows: IndexVector, columns: IndexVector, values: FloatVector, shape: tuple[int, int]
) -> tuple[Any, Any]:
    """Compress by row and by column, each sorted within; pairs given twice stay so.

    Only by counting: a change of orientation keeps the order it finds, so what comes
    out of it is sorted. Twice of that sorts any input, once does where it comes sorted.
    """
    pairs = sparse.coo_array((values, (rows, columns)), shape=shape)
    pairs.has_canonical_format = True  # or it would sort each row, and add up pairs
    by_row = pairs.tocsr()
    by_column = by_row.tocsc()
    if not _rises_within_rows(by_row):
        by_row = by_column.tocsr()
    return by_row, by_column


def _rises_within_rows(matrix: Any) -> bool:  # noqa: ANN401  scipy has no types
    rises = np.empty(matrix.nnz + 1, dtype=np.bool_)
    np.greater(matrix.indices[1:], matrix.indices[:-1], out=rises[1:-1])
    rises[matrix.indptr] = True  # where a row begins, and the end
    return bool(rises.all())


def _numbered(
    ids: IdVector, more: Ids | None, *, name: str
) -> tuple[IdVector, IndexVector]:
    """All ids, sorted and unique, and the position of each of `ids` among them.

    By a table where ids are dense, else by sorting; np.unique would hash integers,
    which is far slower.
    """
    both = ids if more is None else np.concatenate([ids, _as_ids(more, name=name)])
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


def _describe_duplicate(users: IdVector, items: IdVector) -> str:
    order = np.lexsort((items, users))
    same = (np.diff(users[order]) == 0) & (np.diff(items[order]) == 0)
    first = order[np.flatnonzero(same)[0]]
    return (
        f"user {users[first]} rated item {items[first]} more than once "
        f"({int(same.sum())} repeated pairs in all); keep one rating of each pair"
    )


def _sparse_rows(
    matrix: Any,  # noqa: ANN401  scipy has no types
    weights: FloatVector | None,
) -> SparseRows:
    return SparseRows(
        indptr=read_only(matrix.indptr.astype(np.int64)),
        indices=read_only(matrix.indices.astype(np.int32, copy=False)),
        values=read_only(matrix.data),
        weights=weights,
    )
