"""Prior means: the effect of features on a row, before its own ratings.

The parameters ``x = (p, b)`` of a row, factors and bias alike, are drawn towards
``W'f``, where ``f`` are the features of the row and ``W`` is learned by ridge
regression of all rows on their features. Features are any sparse matrix, and the
implicit feedback set: the items that a user rated, or the users who rated an item. Each
of the ``n`` members counts ``1 / sqrt(n + n0)``, so a set of one says less than a set
of hundreds; where ratings have weights, a member counts its weight times that, and
``n`` is the sum of weights. The sets of users are
those of SVD++ [1]_, those of items their mirror image, both written as priors: a
newcomer's set moves their prior mean and nothing else.

References
----------
.. [1] Koren (2008), "Factorization meets the neighborhood". doi:10.1145/1401890.1401944
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from engine.arrays import ExactVector, FactorMatrix, FloatVector
from engine.data.features import FeatureMatrix
from engine.data.ratings import SparseRows
from engine.errors import DataError
from engine.kernels.dense import compiled
from engine.kernels.exact import weight_at
from engine.kernels.threads import Workers
from engine.model.variational_head import set_scale

# Precision of an effect, as a multiple of that of a row.
_SET_RATIO, _GIVEN_RATIO, _MORE_FOR_BIASES = 1.0, 3.0, 3.0


@dataclass(frozen=True)
class Features:
    """The features of all rows of one side: their sets first, then the given ones.

    Attributes
    ----------
    sets, members : SparseRows or None
        The ratings by row, and by member of the sets; None without sets.
    given : scipy.sparse.csr_array of float32, shape (n_rows, n_given)
        Possibly without columns.
    n_others : int
        Number of rows of the other side, members or not.
    """

    sets: SparseRows | None
    members: SparseRows | None
    given: sparse.csr_array
    n_others: int

    @classmethod
    def of(
        cls,
        rows: SparseRows,
        columns: SparseRows,
        given: FeatureMatrix | None,
        *,
        with_sets: bool,
        name: str,
    ) -> Self:
        """Check the given features and append them to the sets.

        Raises
        ------
        DataError
            `given` has another number of rows or a value that is not finite.
        """
        if given is None:
            matrix = sparse.csr_array((rows.n_rows, 0), dtype=np.float32)
        else:
            matrix = sparse.csr_array(given, dtype=np.float32)
        if matrix.shape[0] != rows.n_rows:
            raise DataError(
                f"{name} has {matrix.shape[0]} rows; expected {rows.n_rows}, in the "
                "order of the ids"
            )
        if not np.isfinite(matrix.data).all():
            raise DataError(f"{name} holds a value that is not finite")
        if with_sets:
            return cls(rows, columns, matrix, columns.n_rows)
        return cls(None, None, matrix, columns.n_rows)

    @classmethod
    def none(cls, rows: SparseRows, columns: SparseRows) -> Self:
        """Return an empty set of features."""
        return cls.of(rows, columns, None, with_sets=False, name="")

    @property
    def n_members(self) -> int:
        """Number of features that come from the sets."""
        return self.members.n_rows if self.members is not None else 0

    @property
    def n_features(self) -> int:
        """Number of features, sets first."""
        return self.n_members + int(self.given.shape[1])

    def squares(self) -> ExactVector:
        """Compute the diagonal of ``F'F``."""
        given = self.given.multiply(self.given).sum(axis=0)
        if self.sets is None or self.members is None:
            return np.asarray(given, dtype=np.float64)
        lengths = _scales(self.sets)[self.members.indices].astype(np.float64) ** 2
        if self.members.weights is not None:
            lengths *= self.members.weights.astype(np.float64) ** 2
        starts = self.members.indptr[:-1]
        sums = np.add.reduceat(np.append(lengths, 0), starts)
        sums[self.members.counts == 0] = 0
        return np.concatenate([sums, given])

    def set_effects(self, effects: FactorMatrix) -> FactorMatrix:
        """Copy the effects of membership; zeros where there are no sets."""
        if self.members is None:
            return np.zeros((self.n_others, effects.shape[1]), dtype=np.float32)
        return effects[: self.n_members].copy()

    def means(self, effects: FactorMatrix, workers: Workers) -> FactorMatrix:
        """Compute ``F W``, shape (n_rows, n_columns)."""
        total: FactorMatrix = self.given @ effects[self.n_members :]
        if self.sets is not None:
            sums = sums_of(self.sets, effects[: self.n_members], workers)
            total += _scales(self.sets)[:, None] * sums
        return np.asarray(total, dtype=np.float32)

    def moments(self, rows: FactorMatrix, workers: Workers) -> FactorMatrix:
        """Compute ``F'X``, shape (n_features, n_columns)."""
        given = self.given.T @ rows
        if self.sets is None or self.members is None:
            return np.asarray(given, dtype=np.float32)
        scaled = _scales(self.sets)[:, None] * rows
        return np.concatenate([sums_of(self.members, scaled, workers), given])


def improve_effects(
    features: Features,
    rows: FactorMatrix,
    effects: FactorMatrix,
    *,
    n_steps: int,
    workers: Workers,
) -> FactorMatrix:
    """Improve the ridge regression of rows on features by conjugate gradients.

    Minimises ``|X - F W|² + r |W|²``, each column on its own, from where `effects`
    stand, with the diagonal of ``F'F + r`` as preconditioner. A few steps a sweep keep
    up, since the rows themselves move little from sweep to sweep.

    Parameters
    ----------
    features : Features
    rows : ndarray of float32, shape (n_rows, n_columns)
        ``X``: factors, and in the last column biases.
    effects : ndarray of float32, shape (n_features, n_columns)
        ``W`` to start from; not modified.
    n_steps : int
    workers : Workers

    Returns
    -------
    ndarray of float32, shape (n_features, n_columns)
    """
    ratio = _ratios(features, effects.shape[1])
    scale = (1 / (features.squares()[:, None] + ratio)).astype(np.float32)

    def apply(part: FactorMatrix) -> FactorMatrix:
        return features.moments(features.means(part, workers), workers) + ratio * part

    improved = effects.copy()
    residual = features.moments(rows, workers) - apply(effects)
    step = scale * residual
    size = _products(residual, step)
    for _ in range(n_steps):
        applied = apply(step)
        length = _quotient(size, _products(step, applied))
        improved += length * step
        residual -= length * applied
        scaled = scale * residual
        previous, size = size, _products(residual, scaled)
        step = scaled + _quotient(size, previous) * step
    return improved


def _ratios(features: Features, n_columns: int) -> FactorMatrix:
    """``r`` of every effect."""
    ratio = np.full((features.n_features, n_columns), _GIVEN_RATIO, dtype=np.float32)
    ratio[: features.n_members] = _SET_RATIO
    ratio[:, -1] *= _MORE_FOR_BIASES
    return ratio


def _products(first: FactorMatrix, second: FactorMatrix) -> ExactVector:
    """Multiply column by column."""
    products: ExactVector = np.einsum("ij,ij->j", first, second, dtype=np.float64)
    return products


def _quotient(part: ExactVector, whole: ExactVector) -> FloatVector:
    """Divide; 0 where a column has converged and the denominator is 0."""
    safe = np.where(whole > 0, whole, 1)
    return np.where(whole > 0, part / safe, 0).astype(np.float32)


def _scales(sets: SparseRows) -> FloatVector:
    """``1 / sqrt(n + c)`` of each row."""
    return set_scale(sets.totals).astype(np.float32)


def sums_of(sets: SparseRows, members: FactorMatrix, workers: Workers) -> FactorMatrix:
    """Sum the members of each set."""
    source = np.ascontiguousarray(members, dtype=np.float32)
    out = np.empty((sets.n_rows, source.shape[1]), dtype=np.float32)

    def add_up(first: int, last: int) -> None:
        sum_members(sets, first, last, source, out)

    workers.share(sets, source.shape[1], add_up)
    return out


@compiled
def sum_members(
    rows: SparseRows, first: int, last: int, source: FactorMatrix, out: FactorMatrix
) -> None:
    """Sum, for each of the rows ``first:last``, the rows of `source` that it names."""
    for row in range(first, last):
        total = out[row]
        total[:] = 0
        for t in range(rows.indptr[row], rows.indptr[row + 1]):
            member, weight = source[rows.indices[t]], weight_at(rows.weights, t)
            for f in range(len(total)):
                total[f] += weight * member[f]
