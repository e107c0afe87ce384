"""The validated sparse matrix of ratings, by user and by item."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

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
from engine.data.ids import Ids, as_ids, describe_duplicate, indices_of, numbered
from engine.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from engine.data.frames import Layout

Values: TypeAlias = npt.NDArray[Any] | Sequence[float]


class SparseRows(NamedTuple):
    """One orientation of a sparse matrix: compressed sparse rows (CSR).

    A tuple, because compiled code accepts tuples.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n_rows + 1,)
        Row ``i`` occupies ``indptr[i]:indptr[i + 1]`` of the other two arrays.
    indices : ndarray of int32, shape (n_ratings,)
        Column of each rating, rising within a row.
    values : ndarray of float32, shape (n_ratings,)
        The rating, in stars.
    weights : ndarray of float32, shape (n_ratings,), or None
        The number of ratings that each entry counts for; None if it is always 1.
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

    Build with `from_arrays` or `from_frame`. Row ``i`` of `by_user` belongs to
    ``user_ids[i]``, row ``j`` of `by_item` to ``item_ids[j]``. Arrays are read-only.

    Attributes
    ----------
    user_ids, item_ids : ndarray of int64
        Sorted and unique.
    by_user, by_item : SparseRows
        The same ratings in both orientations.
    layout : Layout or None
        Labels and dtypes of the original frame; None for arrays.
    """

    user_ids: IdVector
    item_ids: IdVector
    by_user: SparseRows
    by_item: SparseRows
    layout: "Layout | None" = None

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

    @property
    def labels(self) -> "Layout":
        """The caller's own ids of users and items, by row; see `from_frame`."""
        from engine.data.frames import Layout  # noqa: PLC0415 - loads pandas

        return self.layout or Layout.of_arrays(self.user_ids, self.item_ids)

    @property
    def item_labels(self) -> "pd.Index":
        """The caller's own id of each item, in the order of `item_ids`."""
        return self.labels.items.index

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
        """Build the matrix from three parallel arrays with one entry per rating.

        Parameters
        ----------
        user_ids, item_ids : array of integers, shape (n_ratings,)
            Any integers that fit 64 bits, in any order.
        values : array of numbers, shape (n_ratings,)
            The ratings, in stars; stored as float32.
        users, items : array of integers, optional
            Ids that get a row even without ratings, such as the full catalog.
        weights : array of numbers, shape (n_ratings,), optional
            The number of ratings that each entry counts for, above 0; 1 by default.

        Raises
        ------
        DataError
            Lengths differ, there are no ratings, an id is not an integer, a rating is
            not finite, a weight is not finite and above 0, or a pair of user and item
            occurs twice.
        """
        raters = as_ids(user_ids, name="user_ids")
        rated = as_ids(item_ids, name="item_ids")
        stars = _as_values(values)
        _check_lengths(raters, rated, stars)
        all_users, rows = numbered(raters, users, name="users")
        all_items, columns = numbered(rated, items, name="items")
        shape = len(all_users), len(all_items)
        by_user, by_item = _both_ways(rows, columns, stars, shape)
        if not _rises_within_rows(by_user):
            raise DataError(describe_duplicate(raters, rated))
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

    @classmethod
    def from_frame(
        cls,
        frame: "pd.DataFrame",
        *,
        user: Hashable = "user_id",
        item: Hashable = "item_id",
        rating: Hashable = "rating",
        timestamp: Hashable | None = None,
        weight: Hashable | None = None,
        items: "pd.Index | None" = None,
    ) -> Self:
        """Build the matrix from a data frame with one row per rating.

        Parameters
        ----------
        frame : pandas.DataFrame
            Not modified.
        user, item : hashable
            Columns of ids, of any dtype. Integers below 2**63 are the ids of the
            matrix; other labels are sorted and counted from 0.
        rating : hashable
            Column of ratings, in stars; stored as float32.
        timestamp : hashable, optional
            Column that only `to_frame` uses: it returns the column.
        weight : hashable, optional
            Column of weights above 0, as for `from_arrays`.
        items : pandas.Index, optional
            All items, rated or not. To fold users into a model whose item ids are not
            integers, pass the `item_labels` of its training set.

        Raises
        ------
        DataError
            A column is missing or has mixed types, a value is missing or infinite, a
            pair of user and item occurs twice, or an item is not in `items`.
        """
        from engine.data import frames  # noqa: PLC0415 - pandas is loaded on use

        names = frames.Names(user, item, rating, timestamp, weight)
        columns = frames.read(frame, names, items=items)
        try:
            ratings = cls.from_arrays(**columns.arrays())
        except DataError as error:  # only repeated pairs are left to find
            raise DataError(columns.describe_repeated()) from error
        layout = columns.layout(ratings.user_ids, ratings.item_ids)
        return replace(ratings, layout=layout)

    def to_frame(self) -> "pd.DataFrame":
        """Write the ratings as a data frame, sorted by user and item.

        Returns
        -------
        pandas.DataFrame
            Columns and dtypes of the original frame. For ratings from arrays:
            ``user_id``, ``item_id``, ``rating`` and, if there are weights, ``weight``.
        """
        rows = self.by_user
        return self.labels.frame(
            rows.row_of_each(), rows.indices, rows.values, rows.weights
        )

    def joined(self, more: "Ratings") -> "Ratings":
        """Combine two sets of ratings and their weights.

        Raises
        ------
        DataError
            A pair of user and item occurs in both, or a set comes from a frame.
        """
        both = self, more
        if not all(each.layout is None for each in both):
            raise DataError("join the frames with pandas.concat, then call from_frame")
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
    """Check the weights of ratings and return them as float32.

    Raises
    ------
    DataError
        There are not `n_ratings` numbers, or one is not finite and above 0.
    """
    array = np.asarray(weights)
    if array.shape != (n_ratings,):
        raise DataError(f"weights: expected {n_ratings}, one per rating")
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
    """Compress by row and by column, sorted within each; repeated pairs stay.

    Counting replaces sorting: changing the orientation keeps the order it finds, so
    changing it twice sorts any input, and once is enough for sorted input.
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
