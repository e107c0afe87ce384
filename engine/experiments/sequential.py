"""Confidence sequences: intervals that stay valid at every look at the data."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from engine.arrays import ExactVector
from engine.checks import check_positive, check_probability
from engine.experiments.statistics import Difference


@dataclass(frozen=True)
class AnytimeInterval:
    """A confidence sequence at one look, valid together with all other looks.

    Attributes
    ----------
    low, high : ndarray of float64, shape (...)
        In the unit of the metric.
    p_value : ndarray of float64, shape (...)
        Two-sided p-value, valid at any time.
    """

    low: ExactVector
    high: ExactVector
    p_value: ExactVector


def confidence_sequence(
    found: Difference, *, planned_error: float, alpha: float = 0.05
) -> AnytimeInterval:
    """Compute a confidence sequence of a difference: valid at every look.

    The Gaussian-mixture asymptotic confidence sequence [1]_. Its time is information,
    the inverse of the squared standard error ``s``, because users who return add votes
    but no users. With ``x = c (s* / s)^2`` and ``c`` from `mixture_scale`, the interval
    is tightest at the planned standard error ``s*``::

        value  ±  s sqrt(2 (x + 1) / x · log(sqrt(x + 1) / alpha))

    Inverted, it gives the p-value ``sqrt(x + 1) exp(-z^2 x / (2 (x + 1)))``, at most 1,
    for ``z = value / s``.

    Parameters
    ----------
    found : Difference
        The difference at this look.
    planned_error : float
        ``s*``, above 0, fixed before the start, such as `planning.Plan.planned_error`.
    alpha : float
        Probability that the interval misses the true difference at any look.

    Raises
    ------
    DataError
        `alpha` is not between 0 and 1, or `planned_error` not above 0.

    References
    ----------
    .. [1] Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Time-uniform central
       limit theory and asymptotic confidence sequences, theorem 2.2.
       arXiv:2103.06476
    """
    check_probability(alpha, name="alpha")
    check_positive(planned_error, name="planned_error")
    error = found.standard_error
    x = mixture_scale(alpha) * np.square(planned_error / error)
    half = error * anytime_multiplier(x, alpha)
    exponent = np.square(found.value / error) * x / (2 * (x + 1))
    p_value = np.exp(np.minimum(np.log1p(x) / 2 - exponent, 0))
    return AnytimeInterval(found.value - half, found.value + half, p_value)


def anytime_error(effect: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Compute the standard error at which a confidence sequence detects an effect.

    As `planning.fixed_error`, with the multiplier of the sequence where it is tightest.
    The power is that of the last look alone; earlier looks add to it.

    Parameters
    ----------
    effect : float
        The minimum detectable effect, above 0, in the unit of the metric.
    alpha, power : float
        Between 0 and 1.

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_positive(effect, name="effect")
    check_probability(alpha, name="alpha")
    check_probability(power, name="power")
    tightest = float(anytime_multiplier(mixture_scale(alpha), alpha))
    return effect / (tightest + float(special.ndtri(power)))


def anytime_multiplier(x: ExactVector | float, alpha: float) -> ExactVector:
    """Compute the half-width of a confidence sequence in standard errors.

    ``sqrt(2 (x + 1) / x · log(sqrt(x + 1) / alpha))`` at time ``x > 0``; arrays of any
    shape.
    """
    reach = 2 * (x + 1) / x * (np.log1p(x) / 2 - np.log(alpha))
    return np.asarray(np.sqrt(reach))


def mixture_scale(alpha: float) -> float:
    """Find the time ``x = c`` at which the multiplier is smallest.

    ``c = -2 log(alpha) + log(1 + c)``, hence ``c = -1 - W(-alpha^2 / e)`` with the
    lower branch of Lambert's function.
    """
    return float(-1 - special.lambertw(-(alpha**2) / np.e, k=-1).real)
