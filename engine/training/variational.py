"""The rating head that learns its weights: variational Bayes in the form of ALS.

Factors and biases of a row are a vector ``x = (p, b)`` with the normal prior
``N(m, diag(τ))``, a rating is ``N(μ + b_u + b_i + p_u'q_i, σ²)``. The posterior is
approximated by independent normals of variance ``v``. With the other side held fixed,
the mean of a row solves

    (sum_t ω_t (z_t z_t' + diag(v_t)) + diag(w)) x = sum_t ω_t z_t y_t + diag(w) m,

where ``z_t = (q_t, 1)``, and ``v = σ² / diag(A)`` of that matrix ``A``. That is a
half-step of ALS in which the variance ``v_t`` of the other side takes the place of a
hand-tuned regularization that grows with the number of ratings. The prior variance
``τ`` of each column follows in closed form, and so do ``σ²`` and ``w = σ²/τ``: nothing
is left to tune.

A model of biases alone comes first. The standard deviation that it leaves is the unit
of all that follows, so results do not depend on the scale of the ratings. It also is an
upper bound of the noise: on sparse data variances and ``σ²`` would otherwise drive each
other up.

Where ratings have weights, a rating of weight 2 counts as two: in the sums above, in
``n_u`` and ``σ²``, and in the sets.

The prior mean ``m = W'f`` comes from features and implicit feedback sets
(`engine.training.priors`).

References
----------
.. [1] Lim and Teh (2007), "Variational Bayesian approach to movie rating prediction".
.. [2] Nakajima and Sugiyama (2011), "Theoretical analysis of Bayesian matrix
   factorization", on why the variance regularizes.
"""

import numpy as np

from engine.arrays import read_only
from engine.kernels.exact import Side
from engine.kernels.threads import Workers
from engine.model.configuration import VariationalConfig
from engine.model.heads import Head
from engine.model.levels import Levels
from engine.model.variational_head import (
    UserPrior,
    VariationalHead,
    noise_weights,
)
from engine.training.als import unobserved_of
from engine.training.calibration import USUAL, Learned, calibrate, hold_out
from engine.training.posteriors import VariationalState
from engine.training.sweeps import Report, TrainingData

_LAST_SWEEPS = 10  # on all ratings, after those without the ratings held out
_FIRST_FEATURES, _FIRST_WEIGHTS = 1, 3  # sweeps without: what is not there yet is noise


def train(
    data: TrainingData,
    configuration: VariationalConfig,
    *,
    report: Report,
    rng: np.random.Generator,
    workers: Workers,
) -> tuple[Head, Side]:
    """Train a rating head together with its weights, items first, users last.

    Parameters and errors as for `engine.training.fit.fit_head`.
    """
    trial_rng, rng = rng.spawn(2)
    n_before = configuration.n_sweeps - _LAST_SWEEPS
    split = hold_out(data.ratings, trial_rng) if n_before > _FIRST_WEIGHTS else None
    learned = Learned(USUAL, Levels.of(data.ratings.by_user.values))
    state = VariationalState.start(
        data.ratings if split is None else split.train, configuration,
        item_features=data.item_features, user_features=data.user_features,
        rng=rng, workers=workers,
    )  # fmt: skip
    for sweep in range(configuration.n_sweeps):
        if split is not None and sweep == n_before:
            learned = calibrate(
                _head(state, configuration, learned, workers), split,
                item_squares=state.item_squares(workers),
                user_features=data.user_features, rng=trial_rng,
            )  # fmt: skip
            state.resume(data.ratings, configuration)
        _sweep(state, sweep, workers)
        report(state.learn_noise(workers, data.test))
    state.half_step("user", workers, refinements=1)
    return _head(state, configuration, learned, workers), state.user_side()


def _sweep(state: VariationalState, sweep: int, workers: Workers) -> None:
    """Solve for both sides, and learn their prior means and variances."""
    sides = state.items, state.users
    for side in sides:
        state.half_step(side.role, workers)
        if sweep >= _FIRST_FEATURES:
            side.learn_prior(workers)
        if sweep >= _FIRST_WEIGHTS:
            side.learn_prior_variances()
    state.rotate()
    if sweep >= _FIRST_WEIGHTS:
        for side in sides:
            side.learn_prior_variances()


def _head(
    state: VariationalState,
    configuration: VariationalConfig,
    learned: Learned,
    workers: Workers,
) -> VariationalHead:
    """Freeze the item side and the prior of newcomers, measured in stars.

    Items' factors have no unit, since the users' are in stars.
    """
    users, unit, items = state.users, np.float32(state.unit), state.item_side()
    variances = state.items.variances.copy()
    variances[:, -1] *= unit**2
    n_members = users.features.n_members
    of_items = noise_weights(
        state.items.rows.totals,
        state.item_squares(workers),
        learned.calibration.item_count,
    )
    prior = UserPrior(
        weights=read_only(state.weights_of(users)),
        set_effects=read_only(unit * users.features.set_effects(users.effects)),
        feature_effects=read_only(unit * users.effects[n_members:]),
        item_variances=read_only(variances),
        selection_offsets=read_only(unit * state.selection_offsets(workers)),
        item_noise_weights=read_only(of_items.astype(np.float32)),
        calibration=read_only(np.array(learned.calibration)),
        levels=read_only(np.stack(list(vars(learned.levels).values()))),
    )
    return VariationalHead(
        configuration=configuration,
        global_mean=state.mean,
        item_biases=read_only(items.biases),
        item_factors=read_only(items.factors),
        residual_variance=state.unit**2 * state.variance,
        unobserved=unobserved_of(items),
        prior=prior,
    )
