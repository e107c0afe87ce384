"""Input, progress reports and result of training a head of any family."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from engine.arrays import ExactVector, FloatVector
from engine.data.features import FeatureMatrix
from engine.data.ratings import Ratings
from engine.data.splits import HeldOut
from engine.kernels.exact import Side
from engine.model.heads import Head

HeadName: TypeAlias = Literal["biases", "rating", "ranking"]


@dataclass(frozen=True)
class TrainingData:
    """The ratings to train a head on, and those to measure it on after every sweep.

    Attributes
    ----------
    ratings : Ratings
    item_features, user_features : matrix or None
        A row for each item, or user, of `ratings`.
    test : HeldOut or None
        Never trained on.
    """

    ratings: Ratings
    item_features: FeatureMatrix | None = None
    user_features: FeatureMatrix | None = None
    test: HeldOut | None = None


class Figures(NamedTuple):
    """The fit after a sweep; see `Sweep`."""

    train_rmse: float
    train_loss: float
    test_rmse: float | None = None
    test_loss: float | None = None


Report: TypeAlias = Callable[[Figures], None]


@dataclass(frozen=True)
class Sweep:
    """Progress after one sweep over both sides.

    Attributes
    ----------
    head : {"biases", "rating", "ranking"}
    sweep, n_sweeps : int
        Counted from 1.
    train_rmse, test_rmse : float
        In stars, predictions not clipped to the scale. `test_rmse` is None without
        held-out ratings, and for a ranking head, whose scores are no stars.
    train_loss, test_loss : float
        The objective that training minimises, regularization included. `test_loss` is
        the same with the errors of the held-out ratings in place of those trained on.
    seconds : float
        Since the training of this head began.
    """

    head: HeadName
    sweep: int
    n_sweeps: int
    train_rmse: float
    test_rmse: float | None
    train_loss: float
    test_loss: float | None
    seconds: float


@dataclass(frozen=True)
class Training:
    """The result of training one head.

    Attributes
    ----------
    head : Head
        The item side.
    users : Side
        The users as `engine.fold_in` places them.
    sweeps : tuple of Sweep
    """

    head: Head
    users: Side
    sweeps: tuple[Sweep, ...]


def predict_pairs(
    users: Side, items: Side, pairs: HeldOut, *, mean: float
) -> FloatVector:
    """Predict held-out ratings, not clipped to the scale: ``μ + b_u + b_i + p_u'q_i``.

    Parameters
    ----------
    users, items : Side
        Trained.
    pairs : HeldOut
        Its row numbers are those of the two sides.
    mean : float
        ``μ``, in stars.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
    """
    rows, columns = pairs.user_indices, pairs.item_indices
    products = np.einsum("tf,tf->t", users.factors[rows], items.factors[columns])
    biases = users.biases[rows] + items.biases[columns]
    predicted: FloatVector = np.float32(mean) + biases + products
    return predicted


def squared_errors(
    users: Side, items: Side, test: HeldOut, *, mean: float
) -> ExactVector:
    """Square the errors of the predictions of held-out ratings, in squared stars."""
    predicted = predict_pairs(users, items, test, mean=mean)
    squares: ExactVector = np.square(np.asarray(predicted, np.float64) - test.values)
    return squares


def random_side(
    n_rows: int, n_factors: int, *, scale: float, rng: np.random.Generator
) -> Side:
    """Draw factors around zero, without biases."""
    factors = rng.standard_normal((n_rows, n_factors), dtype=np.float32)
    factors *= np.float32(scale)
    return Side(factors, np.zeros(n_rows, dtype=np.float32))
