"""Sizes and shared data of the engine's tests, compiled or not."""

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numba import config as numba_config

from engine.data.features import one_hot
from engine.data.synthetic import make_ratings
from engine.model.configuration import N_GRADIENT_STEPS, RidgeConfig, VariationalConfig
from engine.training.fit import fit, fit_head

SOLVERS = ("cholesky", "conjugate_gradient")
IS_COMPILED = not vars(numba_config)["DISABLE_JIT"]

settings.register_profile(
    "engine",
    max_examples=50 if IS_COMPILED else 20,
    deadline=None,  # the first example compiles
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@contextmanager
def solved_by(solver, n_steps=N_GRADIENT_STEPS):
    """Let heads of any number of factors be trained by one of the solvers."""
    least = 0 if solver == "conjugate_gradient" else 10**6
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.model.configuration._GRADIENT_FROM", least)
        patch.setattr("engine.training.als.N_GRADIENT_STEPS", n_steps)
        yield


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "compiled: too slow where NUMBA_DISABLE_JIT is set"
    )
    settings.load_profile("engine")


def pytest_collection_modifyitems(items):
    for item in items:
        if not IS_COMPILED and item.get_closest_marker("compiled"):
            item.add_marker(pytest.mark.skip(reason="kernels run uncompiled"))


@pytest.fixture(scope="session")
def ratings():
    """A small set with long tails."""
    return make_ratings(
        n_users=40, n_items=30, n_ratings=300, n_factors=2, rng=np.random.default_rng(3)
    ).ratings


@pytest.fixture(scope="session")
def configuration():
    return RidgeConfig(
        n_factors=3,
        n_sweeps=3,
        user_weight=0.5,
        item_weight=0.7,
        user_bias_weight=1.5,
        item_bias_weight=2.0,
        exponent=0.5,
        prior_count=2.0,
    )


@pytest.fixture(scope="session")
def ranking_configuration():
    return RidgeConfig(
        n_factors=3,
        n_sweeps=3,
        user_weight=0.5,
        item_weight=0.7,
        user_bias_weight=1.5,
        item_bias_weight=2.0,
        prior_count=2.0,
        unobserved_weight=0.2,
        unobserved_target=1.5,
        centring=0.8,
    )


@pytest.fixture(scope="session")
def features(ratings):
    """Features of items and users, sparse and dense."""
    rng = np.random.default_rng(5)
    words = [rng.choice(list("abc"), 2).tolist() for _ in range(ratings.n_items)]
    return {
        "item_features": one_hot(words),
        "user_features": rng.standard_normal((ratings.n_users, 2)),
    }


@pytest.fixture(scope="session")
def learned(ratings, features):
    """A rating head with learned weights, sets and features on both sides."""
    configuration = VariationalConfig(n_factors=3, n_sweeps=6)
    rng = np.random.default_rng(6)
    return fit_head(ratings, configuration, rng=rng, **features)


@pytest.fixture(scope="session")
def heads(model, learned):
    """One head of each kind."""
    return {
        "rating": model.rating, "ranking": model.ranking, "learned": learned.head,
    }  # fmt: skip


@pytest.fixture(scope="session")
def model(ratings, configuration, ranking_configuration):
    return fit(
        ratings,
        rating=configuration,
        ranking=ranking_configuration,
        rng=np.random.default_rng(4),
    )
