"""The source paper's three models, term by term, apart from the engine's own solver.

`als` solves bias and factors of a row together; the paper updates them in turn, each
from the last value of the other. Both descend to the same minimum, but not by the same
steps, and a reproduction must take the paper's steps. So its updates stand here as they
are printed and share with `als` only what surrounds them: ratings, threads, the item
side that a user is folded into.

The updates [1]_, for users ``u``, items ``i`` and ``n`` the number of their ratings.
Biases alone (equations 1 to 3)::

    b_u <- sum_i (r - b_i) / (n_u + γ),     b_i <- sum_u (r - b_u) / (n_i + γ)

Latent factors (4 to 9), items like users::

    b_u <- sum_i (r - b_i - U_u'V_i) / (n_u + τ)
    U_u <- (τI + sum_i V_i V_i')^-1  sum_i V_i (r - b_u - b_i)

Item features (10), for items only::

    V_i <- (τI + sum_u U_u U_u')^-1 (sum_u U_u (r - b_u - b_i) + β W f_i)

What they minimize. Every line above is the exact minimum of this loss in the variable
on its left, so no update can raise it; `w` is γ without factors and τ with them::

    λ/2 [ sum (r - b_u - b_i - U_u'V_i)^2 + w (sum_u b_u^2 + sum_i b_i^2)
          + τ sum_u |U_u|^2 + sum_i (τ - β) |V_i|^2 + β |V_i - W f_i|^2 + βτ |W|^2 ]

Where λ enters. The paper lists λ, yet no update contains it: it weighs the squared
error, and the other weights are in its unit. As a probability, λ is the precision of a
rating, λγ and λτ those of the priors; it scales the loss and cancels from its minima.
Were γ, τ and β precisions themselves, the updates would divide by ``n + γ/λ``, and
regularize a hundred times as much with the paper's values. The paper does not print
that, but may mean it, since factors then help instead of hurting;
`PaperConfig.as_precisions` gives those weights to the same updates.

How W is learned, which the paper leaves open: by the ridge regression of the item
factors on the features that minimises the loss above, after the items of each sweep::

    W <- (sum_i V_i f_i') (sum_i f_i f_i' + τI)^-1

Why equation 10 and not the introduction, which writes ``μ + b_u + b_i + p_u'q_i +
q_i'W f_i``. As printed there the last term holds no user: it is the same for everybody
and ``b_i`` can take it up. Equation 10 pulls ``V_i`` towards ``W f_i`` instead, a prior
mean. With ``V_i = q_i + W f_i`` the ridge is on ``q_i``, and the score becomes

    U_u'V_i = U_u'q_i + U_u'W f_i,

the introduction's two terms with the user where they need one. For β = τ the pull is
all there is: an item nobody rated has ``V_i = W f_i``, and one with many ratings leaves
it behind. For β < τ a part τ - β of the weight still pulls towards 0; for β > τ the
loss need have no lower bound. No update contains μ. Item biases start at 0, so
the first user biases are the users' means and hold it from then on; with γ = 0.01 the
ridge takes ``0.01 / (n + 0.01)`` of a mean away, which is what leaving μ out costs.

Folding in. A user's two updates are block Gauss-Seidel steps on the system that
`fold_in` solves at once, with weights τ on the factors, `w` on the bias and no
offset. They converge to its solution, since it is positive definite; training therefore
ends with an ordinary `RidgeHead` and with the users of that solution.

References
----------
.. [1] "Recommendation System Using Matrix Factorization and Latent Factor Models on
   MovieLens", equations 1 to 10.
"""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse

from engine.arrays import ExactMatrix, FactorMatrix, FloatVector
from engine.data.features import FeatureMatrix
from engine.data.ratings import Ratings
from engine.errors import DataError
from engine.kernels.exact import Side
from engine.kernels.threads import Workers
from engine.model.heads import Head
from engine.paper.configuration import PaperConfig
from engine.paper.updates import regress, sum_of_squared_errors, update_side
from engine.training.als import (
    Problem,
    exact_half_step,
    residual_variance,
    ridge_head,
)
from engine.training.sweeps import (
    Figures,
    Report,
    TrainingData,
    random_side,
    squared_errors,
)

_INITIAL_SCALE = 0.1  # the paper names none; small, so that biases come first


def train(
    data: TrainingData,
    configuration: PaperConfig,
    *,
    report: Report,
    rng: np.random.Generator,
    workers: Workers,
) -> tuple[Head, Side]:
    """Train one of the paper's models by its own updates, users first.

    The head is served with ridge, and the users that are returned are folded into it;
    the reports are about the users of the paper's updates.

    Parameters and errors as for `engine.training.fit.fit_head`. Item features, ``f_i``,
    are one-hot genres in the paper. They are needed where β > 0; where β = 0 they have
    no effect. User features are not used.
    """
    ratings = data.ratings
    features = _checked_features(ratings, configuration, data.item_features)
    problem = _Problem(ratings, configuration, features)
    state = _start(problem, rng=rng)
    for _ in range(configuration.n_sweeps):
        state = _sweep(problem, state, workers=workers)
        report(_figures(problem, state, data, workers=workers))
    ridge = Problem(ratings, configuration.as_ridge(), mean=0.0)
    users, items = state.users, state.items
    variance = residual_variance(ridge, users, items, workers=workers)
    head = ridge_head(ridge.configuration, items, mean=0.0, variance=variance)
    return head, exact_half_step(ridge, items, role="user", workers=workers)


@dataclass(frozen=True)
class _Problem:
    """The ratings, the weights, and the features."""

    ratings: Ratings
    configuration: PaperConfig
    features: sparse.csr_array


@dataclass(frozen=True)
class _State:
    """The variables that training updates."""

    users: Side
    items: Side
    weights: ExactMatrix


def _start(problem: _Problem, *, rng: np.random.Generator) -> _State:
    """Start from small random item factors; all else is 0."""
    ratings, k = problem.ratings, problem.configuration.n_factors
    return _State(
        users=Side(
            np.zeros((ratings.n_users, k), np.float32),
            np.zeros(ratings.n_users, np.float32),
        ),
        items=random_side(ratings.n_items, k, scale=_INITIAL_SCALE, rng=rng),
        weights=np.zeros((k, problem.features.shape[1])),
    )


def _sweep(problem: _Problem, state: _State, *, workers: Workers) -> _State:
    """Update users, then items, then W."""
    ratings, configuration = problem.ratings, problem.configuration
    update = partial(
        update_side,
        bias_weight=configuration.ridge_of_biases,
        factor_weight=configuration.factor_weight,
        workers=workers,
    )
    nothing = np.zeros(state.users.factors.shape)
    users = update(ratings.by_user, state.users, state.items, prior_terms=nothing)
    prior_terms = configuration.feature_weight * (problem.features @ state.weights.T)
    items = update(ratings.by_item, state.items, users, prior_terms=prior_terms)
    ridge = configuration.factor_weight
    return _State(users, items, regress(items.factors, problem.features, ridge))


def _penalty(problem: _Problem, state: _State) -> float:
    """Sum the terms of the loss other than the squared errors."""
    configuration, (users, items) = problem.configuration, (state.users, state.items)
    tau, beta = configuration.factor_weight, configuration.feature_weight
    biases = _sum_of_squares(users.biases) + _sum_of_squares(items.biases)
    own = tau * _sum_of_squares(users.factors)
    own += (tau - beta) * _sum_of_squares(items.factors)
    pulled = _sum_of_squares(items.factors - problem.features @ state.weights.T)
    ridge = beta * (pulled + tau * _sum_of_squares(state.weights))
    return configuration.ridge_of_biases * biases + own + ridge


def _figures(
    problem: _Problem, state: _State, data: TrainingData, *, workers: Workers
) -> Figures:
    ratings, (users, items) = problem.ratings, (state.users, state.items)
    squares = sum_of_squared_errors(ratings, users, items, workers=workers)
    half, penalty = problem.configuration.error_weight / 2, _penalty(problem, state)
    rmse, loss = math.sqrt(squares / ratings.n_ratings), half * (squares + penalty)
    if data.test is None:
        return Figures(rmse, loss)
    held_out = squared_errors(users, items, data.test, mean=0.0)
    test_loss = half * (float(held_out.sum()) + penalty)
    return Figures(rmse, loss, float(np.sqrt(held_out.mean())), test_loss)


def _checked_features(
    ratings: Ratings,
    configuration: PaperConfig,
    item_features: FeatureMatrix | None,
) -> sparse.csr_array:
    if item_features is None:
        if configuration.feature_weight > 0:
            raise DataError(
                f"feature_weight is {configuration.feature_weight} but there are no "
                "item_features; pass them, or set feature_weight to 0"
            )
        return sparse.csr_array((ratings.n_items, 0), dtype=np.float64)
    features = sparse.csr_array(item_features, dtype=np.float64)
    if features.ndim != 2 or features.shape[0] != ratings.n_items:  # noqa: PLR2004
        raise DataError(
            f"item_features: expected {ratings.n_items} rows, one an item, got shape "
            f"{features.shape}"
        )
    if not np.isfinite(features.data).all():
        raise DataError("item_features: a value is not finite; repair or remove it")
    return features


def _sum_of_squares(array: FactorMatrix | FloatVector | ExactMatrix) -> float:
    return float(np.square(array, dtype=np.float64).sum())
