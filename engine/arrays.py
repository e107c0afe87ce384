"""Array types named by role; docstrings of their users give the shapes."""

from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

IdVector: TypeAlias = npt.NDArray[np.int64]
"""Ids as the outside world knows them."""

IndexVector: TypeAlias = npt.NDArray[np.int32]
"""Row numbers of a matrix; -1 stands for "unknown" where a function says so."""

Indices: TypeAlias = npt.NDArray[np.integer[Any]]
"""Row numbers as callers pass them, of any integer type."""

Values: TypeAlias = npt.NDArray[np.integer[Any] | np.floating[Any]]
"""Ratings as callers pass them, of any numeric type."""

OffsetVector: TypeAlias = npt.NDArray[np.int64]
"""Where each row begins in a flat array, and where the last one ends."""

CountVector: TypeAlias = npt.NDArray[np.int32]
"""Numbers of ratings, one a row."""

FloatVector: TypeAlias = npt.NDArray[np.float32]
"""Ratings, biases or scores, in stars."""

FactorMatrix: TypeAlias = npt.NDArray[np.float32]
"""Factors: one row a user or item, one column a factor."""

ExactVector: TypeAlias = npt.NDArray[np.float64]
"""Values held in double precision: sums, solutions of systems, statistics."""

ExactMatrix: TypeAlias = npt.NDArray[np.float64]
"""Gram matrices and Cholesky factors in double precision."""

BoolVector: TypeAlias = npt.NDArray[np.bool_]
"""A mask."""

_Array = TypeVar("_Array", bound=npt.NDArray[Any])


def read_only(array: _Array) -> _Array:
    """Forbid writing to an array that is about to be shared."""
    array.setflags(write=False)
    return array
