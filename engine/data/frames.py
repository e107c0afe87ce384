"""Ratings from pandas data frames and back, with ids of any type.

Only this module, `engine.estimators` and functions that return frames load pandas, and
only on use: the web service does not need it.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from pandas.api import types

from engine.arrays import (
    BoolVector,
    ExactVector,
    FloatVector,
    IdVector,
    IndexVector,
)
from engine.errors import DataError


@dataclass(frozen=True)
class Labels:
    """The caller's labels of the rows of one side, users or items.

    Attributes
    ----------
    name : hashable
        The frame's column.
    index : pandas.Index
        The label of each row, of the column's dtype.
    are_ids : bool
        Whether the labels are the integer ids; otherwise ids count the labels from 0.
    """

    name: Hashable
    index: pd.Index
    are_ids: bool


@dataclass(frozen=True)
class Layout:
    """The labels and columns from which ratings become the original frame again.

    Attributes
    ----------
    users, items : Labels
    rating, weight : pandas.Series
        Name and dtype of the column, without rows.
    timestamps : pandas.Series or None
        One per rating, in the order of ``Ratings.by_user``.
    """

    users: Labels
    items: Labels
    rating: pd.Series
    weight: pd.Series
    timestamps: pd.Series | None = None

    @classmethod
    def of_arrays(cls, user_ids: IdVector, item_ids: IdVector) -> Self:
        """Make the layout of ratings from arrays."""
        return cls(
            Labels("user_id", pd.Index(user_ids), are_ids=True),
            Labels("item_id", pd.Index(item_ids), are_ids=True),
            pd.Series(name="rating", dtype=np.float32),
            pd.Series(name="weight", dtype=np.float32),
        )

    def of_part(self, kept: BoolVector) -> "Layout":
        """Make the layout of some ratings, with all users and items."""
        if self.timestamps is None:
            return self
        return replace(self, timestamps=self.timestamps[kept])

    def frame(
        self,
        users: IndexVector,
        items: IndexVector,
        values: FloatVector,
        weights: FloatVector | None,
    ) -> pd.DataFrame:
        """Write ratings as a frame; they come in the order of `timestamps`."""
        columns = {
            self.users.name: self.users.index.take(users),
            self.items.name: self.items.index.take(items),
            self.rating.name: pd.Series(values).astype(self.rating.dtype),
        }
        if self.timestamps is not None:
            columns[self.timestamps.name] = self.timestamps.array
        if weights is not None:
            columns[self.weight.name] = pd.Series(weights).astype(self.weight.dtype)
        return pd.DataFrame(columns)


@dataclass(frozen=True)
class Column:
    """A column of ids.

    Attributes
    ----------
    ids : ndarray of int64, shape (n_ratings,)
    known : ndarray of int64 or None
        All ids; None if they are those of the column.
    labels : pandas.Index or None
        The label of each id, from 0; None if the ids are the labels.
    source : pandas.Series
        Name and dtype, without rows.
    """

    ids: IdVector
    known: IdVector | None
    labels: pd.Index | None
    source: pd.Series

    def labels_of(self, ids: IdVector) -> Labels:
        """Label the rows of `Ratings` with these sorted ids."""
        if self.labels is not None:
            return Labels(self.source.name, self.labels, are_ids=False)
        index = pd.Index(ids, dtype=self.source.dtype)
        return Labels(self.source.name, index, are_ids=True)


@dataclass(frozen=True)
class Columns:
    """A checked frame of ratings with one entry per rating, in the frame's order.

    Attributes
    ----------
    users, items : Column
    values : ndarray of float64, shape (n_ratings,)
    weights : ndarray of float64, shape (n_ratings,), or None
    rating, weight : pandas.Series
        Name and dtype of the column, without rows.
    timestamps : pandas.Series or None
    """

    users: Column
    items: Column
    values: ExactVector
    weights: ExactVector | None
    rating: pd.Series
    weight: pd.Series
    timestamps: pd.Series | None

    def arrays(self) -> dict[str, Any]:
        """Return the arguments of `Ratings.from_arrays`."""
        return {
            "user_ids": self.users.ids,
            "item_ids": self.items.ids,
            "values": self.values,
            "items": self.items.known,
            "weights": self.weights,
        }

    def describe_repeated(self) -> str:
        """Name the first pair that occurs twice, in the caller's words."""
        both = self.users, self.items
        pairs = pd.DataFrame([column.ids for column in both]).T
        repeated = pairs.duplicated()
        user, item = (
            _shown(number if column.labels is None else column.labels[number])
            for column, number in zip(both, pairs[repeated].iloc[0], strict=True)
        )
        return (
            f"columns {self.users.source.name!r} and {self.items.source.name!r}: user "
            f"{user} rated item {item} more than once ({repeated.sum()} repeated pairs "
            "in all); keep one rating of each pair"
        )

    def layout(self, user_ids: IdVector, item_ids: IdVector) -> Layout:
        """Make the layout of the matrix that was built from these columns."""
        timestamps = self.timestamps
        if timestamps is not None:
            timestamps = timestamps.iloc[np.lexsort((self.items.ids, self.users.ids))]
        return Layout(
            users=self.users.labels_of(user_ids),
            items=self.items.labels_of(item_ids),
            rating=self.rating,
            weight=self.weight,
            timestamps=timestamps,
        )


class Names(NamedTuple):
    """The columns of a frame of ratings, as `Ratings.from_frame` describes them."""

    user: Hashable
    item: Hashable
    rating: Hashable
    timestamp: Hashable | None = None
    weight: Hashable | None = None


def read(frame: pd.DataFrame, names: Names, *, items: pd.Index | None) -> Columns:
    """Check a frame of ratings; parameters and errors are those of `from_frame`."""
    users = ids_of(frame, names.user, role="user")
    rated = ids_of(frame, names.item, role="item", known=items)
    values = numbers_of(frame, names.rating, role="rating")
    weights, weight = None, pd.Series(name="weight", dtype=np.float32)
    if names.weight is not None:
        weights = numbers_of(frame, names.weight, role="weight", above_zero=True)
        weight = frame[names.weight].iloc[:0]
    timestamps = None
    if names.timestamp is not None:
        timestamps = column_of(frame, names.timestamp, role="timestamp")
    rating = frame[names.rating].iloc[:0]
    return Columns(users, rated, values, weights, rating, weight, timestamps)


def column_of(frame: pd.DataFrame, name: Hashable, *, role: str) -> pd.Series:
    """Return a column after checking that no value is missing.

    Raises
    ------
    DataError
        The column does not exist or occurs several times, or a value is missing.
    """
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"expected a pandas DataFrame, got {type(frame).__name__}")
    if name not in frame.columns:
        present = ", ".join(map(repr, frame.columns)) or "none"
        raise DataError(
            f"no column {name!r}; the columns are {present}: name one with {role}="
        )
    column = frame[name]
    if isinstance(column, pd.DataFrame):
        raise DataError(f"column {name!r} occurs {column.shape[1]} times; keep one")
    _refuse(column, column.isna().to_numpy(), "drop or fill such rows")
    return column


def ids_of(
    frame: pd.DataFrame,
    name: Hashable,
    *,
    role: str,
    known: pd.Index | None = None,
) -> Column:
    """Read a column of ids: keep integers, and number other labels.

    Raises
    ------
    DataError
        As for `column_of`; or labels have several types or cannot be sorted, or one is
        infinite or not in `known`.
    """
    column = column_of(frame, name, role=role)
    if len(column) == 0:
        raise DataError(f"column {name!r} is empty; give at least one rating")
    _check_labels(column)
    if known is not None:
        known = pd.Index(known)
        _check_known(column, known, role=role)
    if _fits_int64(column if known is None else known):
        ids = column.to_numpy(dtype=np.int64)
        every = None if known is None else known.to_numpy(dtype=np.int64)
        return Column(ids, every, None, column.iloc[:0])
    index = _sorted_labels(column) if known is None else known
    ids = index.get_indexer(pd.Index(column)).astype(np.int64)
    return Column(ids, np.arange(len(index)), index, column.iloc[:0])


def numbers_of(
    frame: pd.DataFrame, name: Hashable, *, role: str, above_zero: bool = False
) -> ExactVector:
    """Read a column of finite numbers, which may have to be `above_zero`.

    Raises
    ------
    DataError
        As for `column_of`; or a value is not a number or out of range.
    """
    column = column_of(frame, name, role=role)
    if not types.is_any_real_numeric_dtype(column.dtype):
        texts = column.map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
        first = int(np.argmax(texts))
        value, index = _shown(column.iloc[first]), _shown(column.index[first])
        raise DataError(
            f"column {name!r} has dtype {column.dtype}, such as {value} at index "
            f"{index}; convert it with pandas.to_numeric"
        )
    values: ExactVector = column.to_numpy(dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):  # shows as inf or 0 below
        single = values.astype(np.float32)
    _refuse(column, ~np.isfinite(single), "it must be finite: drop or repair such rows")
    if above_zero:
        _refuse(column, single <= 0, "it must be above 0: drop such rows")
    return values


def to_frame(records: Sequence[Any]) -> pd.DataFrame:
    """Write the rows of an evaluation, or any dataclass instances, as a data frame.

    Parameters
    ----------
    records : sequence of dataclass instances of one type
        Such as the rows of `evaluate`, or the sweeps of a training.

    Returns
    -------
    pandas.DataFrame
        One row per record and one column per field. A field that is itself a dataclass
        gives one column per field of its own, such as ``rmse_value`` and ``rmse_low``.

    Raises
    ------
    DataError
        A record is not a dataclass instance.
    """
    if not all(is_dataclass(record) for record in records):
        raise DataError("records must be dataclass instances, such as evaluate() gives")
    return pd.DataFrame(_columns("", list(records)) if records else {})


def _columns(name: str, values: list[Any]) -> dict[str, list[Any]]:
    """Spread dataclasses over columns; None fills the same columns."""
    found = [value for value in values if is_dataclass(value)]
    if not found:
        return {name: values}
    columns: dict[str, list[Any]] = {}
    for field in fields(found[0]):
        inner = f"{name}_{field.name}" if name else field.name
        columns |= _columns(
            inner, [getattr(value, field.name, None) for value in values]
        )
    return columns


def _check_labels(column: pd.Series) -> None:
    if types.is_float_dtype(column.dtype):
        infinite = np.isinf(column.to_numpy(dtype=np.float64))
        _refuse(column, infinite, "drop or repair such rows")
    if column.dtype != object:
        return
    kinds = column.map(type)
    others = (kinds != kinds.iloc[0]).to_numpy()
    if others.any():
        position = int(np.argmax(others))
        raise DataError(
            f"column {column.name!r} mixes types: {_shown(column.iloc[0])} is "
            f"{kinds.iloc[0].__name__}, {_shown(column.iloc[position])} is "
            f"{kinds.iloc[position].__name__}; convert it with astype(str)"
        )


def _check_known(column: pd.Series, known: pd.Index, *, role: str) -> None:
    if not known.is_unique:
        repeated = _shown(known[known.duplicated()][0])
        raise DataError(f"{role}s holds {repeated} twice; keep one of each")
    strangers = known.get_indexer(pd.Index(column)) < 0
    _refuse(
        column, strangers, f"leave such rows out, or add them to {role}s", "unknown"
    )


def _sorted_labels(column: pd.Series) -> pd.Index:
    try:
        labels: pd.Index = pd.Index(column).unique().sort_values()
    except TypeError as error:
        raise DataError(
            f"column {column.name!r} holds {_shown(column.iloc[0])}, which cannot be "
            f"an id ({error}); convert it with astype(str)"
        ) from error
    return labels


def _fits_int64(labels: "pd.Series | pd.Index") -> bool:
    is_integer = types.is_integer_dtype(labels.dtype)
    return is_integer and bool(labels.max() <= np.iinfo(np.int64).max)


def _refuse(
    column: pd.Series, wrong: BoolVector, advice: str, what: str = "unusable"
) -> None:
    """Raise `DataError` with the first `wrong` value, if there is one."""
    if not wrong.any():
        return
    first = int(np.argmax(wrong))
    raise DataError(
        f"column {column.name!r} is {_shown(column.iloc[first])} at index "
        f"{_shown(column.index[first])} ({int(wrong.sum())} {what} in all); {advice}"
    )


def _shown(value: Any) -> str:  # noqa: ANN401 - labels have any type
    """Write a value as Python does, without its NumPy type."""
    return repr(value.item() if isinstance(value, np.generic) else value)
