"""Confidence sequences: the boundary itself, its inverse, and its tightest point."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from engine.errors import DataError
from engine.experiments.sequential import (
    anytime_multiplier,
    confidence_sequence,
    mixture_scale,
)
from engine.experiments.statistics import Difference

alphas = st.floats(0.001, 0.5)


def looked(value, error):
    value, error = np.asarray(value, float), np.asarray(error, float)
    return Difference(value, error, value - error, value + error, np.ones_like(value))


def test_the_interval_is_the_one_of_the_paper():
    """Theorem 2.2 as printed, for a mean of t observations with deviation sd."""
    t, sd, alpha, t_planned = 400.0, 3.0, 0.05, 1000.0
    rho = (mixture_scale(alpha) / t_planned) ** 0.5

    found = confidence_sequence(
        looked(0.5, sd / t**0.5), planned_error=sd / t_planned**0.5, alpha=alpha
    )

    tr2 = t * rho**2
    half = sd * np.sqrt(
        2 * (tr2 + 1) / (t**2 * rho**2) * np.log(np.sqrt(tr2 + 1) / alpha)
    )
    assert found.high - 0.5 == pytest.approx(half, rel=1e-12)
    assert 0.5 - found.low == pytest.approx(half, rel=1e-12)


@given(alphas)
def test_it_is_tightest_where_it_is_planned(alpha):
    scale = mixture_scale(alpha)

    # The multiplier, as seen in standard errors, has its minimum there.
    lowest = optimize.minimize_scalar(
        lambda log_x: float(anytime_multiplier(np.exp(log_x), alpha)),
        bounds=(-5, 10),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert np.log(scale) == pytest.approx(lowest.x, abs=1e-3)
    assert scale == pytest.approx(-2 * np.log(alpha) + np.log1p(scale), rel=1e-9)


@given(st.floats(-30, 30), st.floats(0.1, 10), alphas)
def test_the_p_value_is_below_alpha_where_the_interval_leaves_0_out(z, error, alpha):
    """The p-value is tuned at its own alpha, so both are of one mixture."""
    found = confidence_sequence(
        looked(z * error, error), planned_error=1.0, alpha=alpha
    )

    leaves_out = found.low > 0 or found.high < 0
    assert bool(found.p_value < alpha) == leaves_out
    assert 0 < found.p_value <= 1


def test_it_is_wider_than_the_interval_for_one_look():
    errors = np.geomspace(0.01, 100, 50)

    found = confidence_sequence(looked(np.zeros(50), errors), planned_error=1.0)

    assert ((found.high - found.low) / 2 > 3 * errors).all()


@pytest.mark.parametrize("planned", [0, -1, float("inf"), float("nan")])
def test_a_planned_error_must_be_above_0(planned):
    with pytest.raises(DataError, match="planned_error"):
        confidence_sequence(looked(0, 1), planned_error=planned)


def test_alpha_must_be_a_probability():
    with pytest.raises(DataError, match="alpha is 2"):
        confidence_sequence(looked(0, 1), planned_error=1, alpha=2)
