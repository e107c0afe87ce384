"""How likely each rating of a scale is: ten half stars, or any few levels.

A head says that a rating is normal around its prediction, but people give levels, and
each in their own way: some whole stars alone, some never the lowest. So the mass of
the normal between the midpoints of the levels is multiplied by what people at large
make of the level, ``g_l``, and by what the user makes of it::

    P(l) ∝ g_l (n_ul + c s_l) / (e_ul + c s_l) (Φ((m_l - μ)/d) - Φ((m_{l-1} - μ)/d))

``m_l`` is the upper bound of a level, ``d`` the standard deviation (`uncertainty`).
``n_ul`` of the user's ratings have the level and ``e_ul`` were expected to; ``s_l`` is
the share of the level in all ratings.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import ndtr

from engine.arrays import ExactMatrix, ExactVector, IndexVector, Values

_MOST = 21  # levels: 0 to 10 by halves; beyond, a scale is as good as continuous
_LEAST_MASS = 1e-12


@dataclass(frozen=True)
class Levels:
    """The levels of a scale, and what people at large make of them.

    Attributes
    ----------
    values : ndarray of float64, shape (n_levels,)
        In stars, rising.
    shares : ndarray of float64, shape (n_levels,)
        ``s_l``: of each level in the ratings.
    weights : ndarray of float64, shape (n_levels,)
        ``g_l``: how much more often people give the level than a normal would say.
    """

    values: ExactVector
    shares: ExactVector
    weights: ExactVector

    @classmethod
    def of(cls, stars: Values) -> Self:
        """Find the levels that ratings use; none if there are too many of them."""
        values, counts = np.unique(np.asarray(stars), return_counts=True)
        if not 1 < len(values) <= _MOST:
            return cls(*np.zeros((3, 0)))
        return cls(
            values.astype(np.float64), counts / counts.sum(), np.ones(len(values))
        )

    def __len__(self) -> int:
        """Return the number of levels; 0 on a continuous scale."""
        return len(self.values)

    @property
    def _midpoints(self) -> ExactVector:
        return (self.values[1:] + self.values[:-1]) / 2

    def index_of(self, stars: Values) -> IndexVector:
        """Find the nearest level of each rating."""
        found = np.searchsorted(self._midpoints, np.asarray(stars))
        return found.astype(np.int32)

    def counts(self, stars: Values, weights: ExactVector | None = None) -> ExactVector:
        """How many ratings have each level, by their weights."""
        found = np.bincount(self.index_of(stars), weights, minlength=len(self))
        return found.astype(np.float64)

    def chances(self, means: ExactVector, deviations: ExactVector) -> ExactMatrix:
        """Compute ``P(l)`` of ratings by people at large, shape (n, n_levels).

        Parameters
        ----------
        means, deviations : ndarray of float64, shape (n,)
            Of the normals, in stars.
        """
        bounds = (self._midpoints - means[:, None]) / deviations[:, None]
        below = np.zeros((len(means), len(self) + 1))
        below[:, 1:-1], below[:, -1] = ndtr(bounds), 1
        return normalized(np.maximum(np.diff(below), _LEAST_MASS) * self.weights)

    def ratio(
        self, given: ExactMatrix, expected: ExactMatrix, count: float
    ) -> ExactMatrix:
        """``(n_ul + c s_l) / (e_ul + c s_l)``; `count` is ``c``."""
        ratio: ExactMatrix = (given + count * self.shares) / (
            expected + count * self.shares
        )
        return ratio


def normalized(masses: ExactMatrix) -> ExactMatrix:
    """Divide each row by its sum."""
    chances: ExactMatrix = masses / masses.sum(axis=1, keepdims=True)
    return chances
