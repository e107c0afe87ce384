"""Checks of single values: what passes, and what an error message names."""

import pytest

from engine.checks import check_positive, check_probability, check_weights
from engine.errors import DataError


def test_weights_written_in_decimals_may_be_off_by_rounding():
    check_weights((0.1, 0.2, 0.7))
    check_weights([1 / 3] * 3)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((1.0,), "two variants"),
        ((0.0, 1.0), "above 0"),
        ((float("nan"), 1.0), "above 0"),
        ((0.5, 0.4), "sum to 0.9"),
    ],
)
def test_weights_that_cannot_divide_users_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        check_weights(weights)


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_a_value_that_is_not_positive_and_finite_is_named(value):
    with pytest.raises(DataError, match=f"x is {value}"):
        check_positive(value, name="x")


@pytest.mark.parametrize("value", [0, 1, float("nan")])
def test_a_value_that_is_no_probability_is_named(value):
    with pytest.raises(DataError, match=f"x is {value}"):
        check_probability(value, name="x")
