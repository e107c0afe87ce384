"""Views of ratings and factors: distributions, polarizing items, principal axes.

Nothing here trains or needs the compiler. Functions take and return arrays; the caller
knows the title or the genre of each row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.arrays import (
    BoolVector,
    CountVector,
    ExactMatrix,
    ExactVector,
    FactorMatrix,
    FloatVector,
    IndexVector,
)
from engine.data.ratings import Ratings
from engine.errors import DataError

__all__ = [
    "Ends",
    "Frequencies",
    "GenreStatistics",
    "Genres",
    "ItemStatistics",
    "Polarization",
    "PrincipalAxes",
    "ends",
    "genre_statistics",
    "genres_of",
    "item_statistics",
    "polarization",
    "principal_axes",
    "rating_frequencies",
    "size_frequencies",
]


@dataclass(frozen=True)
class Frequencies:
    """Number of occurrences of each value.

    Attributes
    ----------
    values : ndarray
        Distinct and rising.
    counts : ndarray of int64, same shape
        At least 1.
    """

    values: npt.NDArray[np.int64] | FloatVector
    counts: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Genres:
    """The genres of each item.

    Attributes
    ----------
    names : tuple of str
        Sorted.
    membership : ndarray of bool, shape (n_items, n_genres)
    """

    names: tuple[str, ...]
    membership: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class GenreStatistics:
    """Statistics by genre, in the order of `Genres.names`; an item counts in each.

    Attributes
    ----------
    n_items, n_ratings : ndarray of int64, shape (n_genres,)
        Items, and ratings of them.
    means : ndarray of float64, shape (n_genres,)
        Mean rating, in stars; NaN for a genre nobody rated.
    """

    n_items: npt.NDArray[np.int64]
    n_ratings: npt.NDArray[np.int64]
    means: ExactVector


@dataclass(frozen=True)
class ItemStatistics:
    """Statistics of each item.

    Attributes
    ----------
    counts : ndarray of int32, shape (n_items,)
    means : ndarray of float64, shape (n_items,)
        In stars; NaN without ratings.
    variances : ndarray of float64, shape (n_items,)
        In squared stars; NaN without ratings.
    """

    counts: CountVector
    means: ExactVector
    variances: ExactVector


@dataclass(frozen=True)
class Polarization:
    """Spread of the opinions on each item, beside the spread its mean suggests.

    Attributes
    ----------
    expected : ndarray of float64, shape (n_items,)
        ``φ (m - low) (high - m)``, in squared stars.
    excess : ndarray of float64, shape (n_items,)
        Variance above the expected one, in squared stars; below 0 where people agree.
    dispersion : float
        ``φ``, 0 to 1: the usual share of the possible variance.
    """

    expected: ExactVector
    excess: ExactVector
    dispersion: float


@dataclass(frozen=True)
class PrincipalAxes:
    """The directions of greatest variance of some points (PCA).

    Attributes
    ----------
    center : ndarray of float64, shape (n_dimensions,)
        Mean of the points.
    axes : ndarray of float64, shape (n_axes, n_dimensions)
        Orthonormal, by falling variance. The largest entry of each is positive, so that
        equal points give equal pictures.
    coordinates : ndarray of float64, shape (n_points, n_axes)
        Coordinates of the centered points.
    explained : ndarray of float64, shape (n_axes,)
        Share of the variance along each axis; 0 where all points are the same.
    """

    center: ExactVector
    axes: ExactMatrix
    coordinates: ExactMatrix
    explained: ExactVector


@dataclass(frozen=True)
class Ends:
    """The points furthest out at both ends of one direction.

    Attributes
    ----------
    low, high : ndarray of int32
        Furthest first, ties by index. No point is at both ends.
    """

    low: IndexVector
    high: IndexVector


def rating_frequencies(ratings: Ratings) -> Frequencies:
    """Count the ratings of each number of stars."""
    stars, counts = np.unique(ratings.by_user.values, return_counts=True)
    return Frequencies(stars, counts)


def size_frequencies(counts: CountVector) -> Frequencies:
    """Count the items, or users, by their number of ratings; skip those without any.

    A line on two logarithmic axes means a power law.
    """
    sizes, n_rows = np.unique(counts[counts > 0].astype(np.int64), return_counts=True)
    return Frequencies(sizes, n_rows)


def genres_of(genres: Sequence[Sequence[str]]) -> Genres:
    """Turn the genres of each item into a table with one column per genre.

    Parameters
    ----------
    genres : sequence of sequences of str, one per item
        Empty for an item without genres.
    """
    names = sorted({name for mine in genres for name in mine})
    column = {name: index for index, name in enumerate(names)}
    membership = np.zeros((len(genres), len(names)), dtype=np.bool_)
    for row, mine in enumerate(genres):
        membership[row, [column[name] for name in mine]] = True
    return Genres(tuple(names), membership)


def genre_statistics(ratings: Ratings, genres: Genres) -> GenreStatistics:
    """Count items and ratings of each genre, and average the ratings.

    Parameters
    ----------
    ratings : Ratings
    genres : Genres
        One row per item of `ratings`.

    Raises
    ------
    DataError
        The numbers of rows and items differ.
    """
    if len(genres.membership) != ratings.n_items:
        raise DataError(
            f"genres of {len(genres.membership)} items for {ratings.n_items}; give "
            "them in the order of the ratings' item_ids"
        )
    member = genres.membership.astype(np.float64)
    n_ratings = ratings.by_item.counts @ member
    sums = _sums(ratings, ratings.by_item.values.astype(np.float64)) @ member
    return GenreStatistics(
        n_items=genres.membership.sum(axis=0),
        n_ratings=n_ratings.astype(np.int64),
        means=_ratio(sums, n_ratings),
    )


def item_statistics(ratings: Ratings) -> ItemStatistics:
    """Compute count, mean and variance of the ratings of each item.

    The variance is the mean squared distance to the item's mean, from centered values
    (equation 12 of the paper)::

        s_i² = 1/n_i sum_u (r_ui - m_i)²
    """
    counts = ratings.by_item.counts
    values = ratings.by_item.values.astype(np.float64)
    means = _ratio(_sums(ratings, values), counts)
    centred = values - means[ratings.by_item.row_of_each()]
    return ItemStatistics(
        counts, means, _ratio(_sums(ratings, np.square(centred)), counts)
    )


def polarization(
    statistics: ItemStatistics, value_range: tuple[float, float]
) -> Polarization:
    """Compare each item's variance with the usual variance at its mean.

    On a scale from `low` to `high`, ratings with mean ``m`` have a variance of at most
    ``(m - low)(high - m)``; they reach it if all lie at the two ends [1]_. So variance
    alone favors items whose mean is near the middle. The expected variance is a fixed
    share of the possible one: the variance function of a quasi-binomial model [2]_ with
    the dispersion pooled over all ratings::

        φ = sum_i n_i s_i² / sum_i n_i (m_i - low)(high - m_i)

    Parameters
    ----------
    statistics : ItemStatistics
    value_range : tuple of float
        Lowest and highest rating possible, in stars.

    Returns
    -------
    Polarization
        NaN for items without ratings.

    Raises
    ------
    DataError
        A mean lies outside the scale.

    References
    ----------
    .. [1] Bhatia and Davis (2000), "A better bound on the variance", American
       Mathematical Monthly 107.
    .. [2] McCullagh and Nelder (1989), "Generalized Linear Models", chapter 9.
    """
    low, high = value_range
    rated = statistics.counts > 0
    means = statistics.means[rated]
    if not ((means >= low) & (means <= high)).all():
        raise DataError(f"a mean lies outside {low} to {high}; give the whole scale")
    counts = statistics.counts[rated]
    possible = (statistics.means - low) * (high - statistics.means)
    most = float(counts @ possible[rated])
    usual = float(counts @ statistics.variances[rated])
    dispersion = usual / most if most > 0 else 0.0
    expected = dispersion * possible
    return Polarization(expected, statistics.variances - expected, dispersion)


def principal_axes(points: ExactMatrix | FactorMatrix, n_axes: int) -> PrincipalAxes:
    """Find the principal axes of points, such as item factors, or the genres in W.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_dimensions)
    n_axes : int
        1 to the smaller side of `points`.

    Raises
    ------
    DataError
        `n_axes` is out of range, or a point is not finite.
    """
    most = min(points.shape)
    if not 1 <= n_axes <= most:
        raise DataError(f"n_axes is {n_axes}; these points have 1 to {most} axes")
    if not np.isfinite(points).all():
        raise DataError("points must be finite")
    # scikit-learn's PCA finds the same axes, but loading it takes 95 MB and over a
    # second in the web process, which calls this function.
    exact = points.astype(np.float64)
    center = exact.mean(axis=0)
    _, lengths, axes = np.linalg.svd(exact - center, full_matrices=False)
    largest = np.abs(axes).argmax(axis=1)
    axes *= np.sign(axes[np.arange(most), largest])[:, None]
    squares = np.square(lengths)
    total = squares.sum()
    explained = squares / total if total > 0 else np.zeros(most)
    axes = axes[:n_axes]
    return PrincipalAxes(center, axes, (exact - center) @ axes.T, explained[:n_axes])


def ends(
    points: ExactMatrix | FactorMatrix,
    direction: ExactVector | FactorMatrix,
    n: int,
    *,
    among: BoolVector | None = None,
) -> Ends:
    """Find the points at the two ends of a direction, which give an axis its meaning.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_dimensions)
    direction : ndarray, shape (n_dimensions,)
        A principal axis, or the column of W for a genre.
    n : int
        Points at each end; fewer if there are fewer than ``2 n`` points.
    among : ndarray of bool, shape (n_points,), optional
        The only points to consider, such as items with enough ratings.

    Raises
    ------
    DataError
        `n` is below 1, or shapes differ.
    """
    if n < 1:
        raise DataError(f"n is {n}; it must be at least 1")
    if direction.shape != points.shape[1:]:
        raise DataError(f"a direction of {direction.shape} for points {points.shape}")
    if among is not None and among.shape != points.shape[:1]:
        raise DataError(f"expected a mask of {len(points)} points")
    chosen = np.arange(len(points)) if among is None else np.flatnonzero(among)
    positions = points[chosen].astype(np.float64) @ direction.astype(np.float64)
    n = min(n, len(chosen) // 2)
    low = chosen[np.lexsort((chosen, positions))][:n]
    high = chosen[np.lexsort((chosen, -positions))][:n]
    return Ends(low.astype(np.int32), high.astype(np.int32))


def _sums(ratings: Ratings, values: ExactVector) -> ExactVector:
    """Sum one value per rating over each item."""
    rows = ratings.by_item.row_of_each()
    sums: ExactVector = np.zeros(ratings.n_items)
    np.add.at(sums, rows, values)
    return sums


def _ratio(sums: ExactVector, counts: npt.ArrayLike) -> ExactVector:
    """Divide; NaN where the count is 0."""
    n = np.asarray(counts, dtype=np.float64)
    ratio: ExactVector = np.full(len(sums), np.nan)
    np.divide(sums, n, out=ratio, where=n > 0)
    return ratio
