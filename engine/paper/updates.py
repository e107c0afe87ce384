"""The paper's updates of one side, each from the last value of the other.

What they compute and why stands in `paper`; this is how. All in double precision, since
weights as small as the paper's leave some systems hardly better than singular.
"""

import numpy as np
from scipy import sparse

from engine.arrays import ExactMatrix, ExactVector, FactorMatrix
from engine.data.ratings import Ratings, SparseRows
from engine.errors import SolveError
from engine.kernels.dense import compiled, padded
from engine.kernels.exact import Fixed, Side, sum_squares
from engine.kernels.threads import Workers


def update_side(
    ratings: SparseRows,
    current: Side,
    other: Side,
    *,
    bias_weight: float,
    factor_weight: float,
    prior_terms: ExactMatrix,
    workers: Workers,
) -> Side:
    """Update biases, then factors, of all rows of one side, the other held fixed.

    Parameters
    ----------
    ratings : SparseRows
        By the side to update.
    current, other : Side
        The side to update, and the one held fixed.
    bias_weight, factor_weight : float
        Ridge, above 0.
    prior_terms : ndarray of float64, shape (n_rows, n_factors)
        ``β W f`` of each row; 0 where nothing pulls.
    workers : Workers

    Raises
    ------
    SolveError
        A system is singular.
    """
    result = Side(current.factors.copy(), current.biases.copy())
    weights = float(bias_weight), float(factor_weight)

    def update(first: int, last: int) -> None:
        failed = update_rows(ratings, first, last, other, *weights, prior_terms, result)
        if failed >= 0:
            raise SolveError(f"the system of row {failed} is singular; raise τ")

    workers.share(ratings, current.factors.shape[1], update)
    return result


def regress(
    factors: FactorMatrix, features: sparse.csr_array, ridge: float
) -> ExactMatrix:
    """Learn ``W``: the ridge regression of the item factors on the features.

    ``W <- (sum_i V_i f_i') (sum_i f_i f_i' + ridge I)^-1``

    Parameters
    ----------
    factors : ndarray of float32, shape (n_items, n_factors)
    features : sparse array, shape (n_items, n_features)
    ridge : float
        Above 0, so that the matrix is definite.

    Returns
    -------
    ndarray of float64, shape (n_factors, n_features)
    """
    gram = (features.T @ features).toarray() + ridge * np.eye(features.shape[1])
    solution: ExactMatrix = np.linalg.solve(gram, features.T @ factors).T
    return solution


def sum_of_squared_errors(
    ratings: Ratings, users: Side, items: Side, *, workers: Workers
) -> float:
    """Sum the squared errors on all ratings, user by user, in squared stars."""
    by_user = ratings.by_user
    fixed = Fixed(
        padded(items.factors), items.biases, 0.0, 0.0, np.zeros((0, 0)), np.zeros(0)
    )  # fmt: skip
    every_item = np.ones(ratings.n_items)
    errors, scores = np.empty(by_user.n_rows), np.empty(by_user.n_rows)

    def add_up(first: int, last: int) -> None:
        sum_squares(by_user, first, last, fixed, users, every_item, errors, scores)

    workers.share(by_user, users.factors.shape[1], add_up)
    return float(errors.sum())


@compiled
def _sum_up(
    rows: SparseRows,
    start: int,
    stop: int,
    other: Side,
    z: ExactVector,
    sums: ExactMatrix,
) -> None:
    """Sum ``(q, 1, c)(q, 1, c)'`` over some ratings, ``c = r - b``: lower triangle."""
    k = other.factors.shape[1]
    sums[:] = 0
    z[k] = 1
    for t in range(start, stop):
        item = rows.indices[t]
        for f in range(k):
            z[f] = other.factors[item, f]
        z[k + 1] = np.float64(rows.values[t]) - other.biases[item]
        for i in range(k + 2):
            for j in range(i + 1):
                sums[i, j] += z[i] * z[j]


@compiled
def _solve(matrix: ExactMatrix, n: int, right: ExactVector) -> bool:
    """Solve by Cholesky, all in place, from a lower triangle; False if not definite."""
    for j in range(n):
        for i in range(j, n):
            total = matrix[i, j]
            for t in range(j):
                total -= matrix[i, t] * matrix[j, t]
            if i > j:
                matrix[i, j] = total / matrix[j, j]
            elif total > 0:
                matrix[j, j] = np.sqrt(total)
            else:
                return False
    for i in range(n):
        for t in range(i):
            right[i] -= matrix[i, t] * right[t]
        right[i] /= matrix[i, i]
    for i in range(n - 1, -1, -1):
        right[i] /= matrix[i, i]
        for t in range(i):
            right[t] -= matrix[i, t] * right[i]
    return True


@compiled
def update_rows(
    rows: SparseRows,
    first: int,
    last: int,
    other: Side,
    bias_weight: float,
    factor_weight: float,
    prior_terms: ExactMatrix,
    out: Side,
) -> int:
    """Update the bias and then the factors of rows ``first:last``, in place.

    The two updates of `paper`; `prior_terms` holds ``β W f`` of each row. Writes only
    these rows. Returns the first row whose system is not positive definite, or -1.
    """
    k = other.factors.shape[1]
    z, sums = np.empty(k + 2), np.empty((k + 2, k + 2))
    right = np.empty(k)
    for row in range(first, last):
        start, stop = rows.indptr[row], rows.indptr[row + 1]
        _sum_up(rows, start, stop, other, z, sums)
        total = sums[k + 1, k]
        for f in range(k):
            total -= sums[k, f] * out.factors[row, f]
        bias = total / (stop - start + bias_weight)
        for f in range(k):
            right[f] = sums[k + 1, f] - bias * sums[k, f] + prior_terms[row, f]
            sums[f, f] += factor_weight
        if not _solve(sums, k, right):
            return row
        out.factors[row] = right
        out.biases[row] = bias
    return -1
