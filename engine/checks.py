"""Checks of single values; every message names the value and its range."""

import math
from collections.abc import Sequence

from engine.errors import DataError

WEIGHT_TOLERANCE = 1e-9  # rounding of decimal weights that should sum to 1


def check_positive(value: float, *, name: str) -> None:
    """Raise `DataError` unless a value is finite and above 0."""
    if not 0 < value < math.inf:
        raise DataError(f"{name} is {value}; it must be finite and above 0")


def check_probability(value: float, *, name: str) -> None:
    """Raise `DataError` unless a value lies strictly between 0 and 1."""
    if not 0 < value < 1:
        raise DataError(f"{name} is {value}; it must be between 0 and 1")


def check_weights(weights: Sequence[float]) -> None:
    """Raise `DataError` unless there are two or more positive weights with sum 1."""
    if len(weights) < 2:  # noqa: PLR2004 - nothing to compare otherwise
        raise DataError("an experiment needs at least two variants")
    if not all(weight > 0 for weight in weights):
        raise DataError("weights must be above 0")
    total = math.fsum(weights)
    if not abs(total - 1) <= WEIGHT_TOLERANCE:
        raise DataError(f"weights sum to {total}; they must sum to 1")
