"""Measures of predictions and of lists."""

from collections.abc import Sequence

import numpy as np

from engine.arrays import ExactVector, FloatVector, IndexVector
from engine.errors import DataError


def rmse(predicted: FloatVector, actual: FloatVector) -> float:
    """Compute the root mean squared error, in stars; NaN without ratings."""
    return float(np.sqrt(_mean(np.square(errors(predicted, actual)))))


def ndcg_at_k(recommended: IndexVector, relevant: IndexVector, *, k: int) -> float:
    """Compute the normalized discounted cumulative gain of one list, gains 0 or 1.

    The sum of ``1 / log2(rank + 1)`` over the relevant items among the first `k`, as a
    share of the best possible sum.

    Parameters
    ----------
    recommended : array of int, best first, each item once
    relevant : array of int, each item once
    k : int

    Returns
    -------
    float
        0 to 1; NaN when nothing is relevant, for such a list cannot be judged.

    References
    ----------
    .. [1] Järvelin and Kekäläinen (2002). doi:10.1145/582415.582418
    """
    if len(relevant) == 0:
        return float("nan")
    discounts = 1 / np.log2(np.arange(2, k + 2))
    hits = np.isin(recommended[:k], relevant)
    best = discounts[: len(relevant)].sum()
    return float(discounts[: len(hits)][hits].sum() / best)


def recall_at_k(recommended: IndexVector, relevant: IndexVector, *, k: int) -> float:
    """Find the share of relevant items among the first `k`; NaN when there are none."""
    if len(relevant) == 0:
        return float("nan")
    return float(np.isin(relevant, recommended[:k]).mean())


def coverage(lists: Sequence[IndexVector], n_items: int) -> float:
    """Find the share of the catalog that appears in at least one list."""
    seen = np.zeros(n_items, dtype=np.bool_)
    for recommended in lists:
        seen[recommended] = True
    return float(seen.mean())


def errors(predicted: FloatVector, actual: FloatVector) -> ExactVector:
    """Subtract the ratings from their predictions, in double precision."""
    if predicted.shape != actual.shape:
        raise DataError(f"{len(predicted)} predictions for {len(actual)} ratings")
    return np.asarray(predicted, dtype=np.float64) - actual


def _mean(values: ExactVector) -> float:
    return float(values.mean()) if len(values) else float("nan")
