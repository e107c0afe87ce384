"""Intervals that stay valid however often one looks: confidence sequences."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from engine.arrays import ExactVector
from engine.errors import DataError
from engine.experiments.statistics import Difference, check_probability


@dataclass(frozen=True)
class AnytimeInterval:
    """A confidence sequence at one look; it stays valid however often one looks.

    Attributes
    ----------
    low, high : ndarray of float64, shape (...)
        In the unit of the metric.
    p_value : ndarray of float64, shape (...)
        Of no difference, valid at any time.
    """

    low: ExactVector
    high: ExactVector
    p_value: ExactVector


def confidence_sequence(
    found: Difference, *, planned_error: float, alpha: float = 0.05
) -> AnytimeInterval:
    """Compute the interval that remains valid when one looks again and again.

    The Gaussian-mixture asymptotic confidence sequence [1]_, its time counted in
    information, the inverse of the squared standard error ``s``. That fits users who
    come back: their votes add information, not users. With ``x = c (s* / s)^2``, where
    ``s*`` is the planned error, at which the interval is tightest::

        value  ±  s sqrt(2 (x + 1) / x · log(sqrt(x + 1) / alpha))

    Inverted, it gives the p-value ``sqrt(x + 1) exp(-z^2 x / (2 (x + 1)))``, at most 1,
    for ``z = value / s``.

    Parameters
    ----------
    found : Difference
        At this look.
    planned_error : float
        ``s*``, of the moment for which the experiment is planned; chosen before it
        starts, from `planning.anytime_error` for instance.
    alpha : float
        Chance that any of all intervals misses the true difference.

    Returns
    -------
    AnytimeInterval

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
    if not 0 < planned_error < np.inf:
        raise DataError("planned_error must be finite and above 0")
    error = found.standard_error
    x = mixture_scale(alpha) * np.square(planned_error / error)
    half = error * anytime_multiplier(x, alpha)
    exponent = np.square(found.value / error) * x / (2 * (x + 1))
    p_value = np.exp(np.minimum(np.log1p(x) / 2 - exponent, 0))
    return AnytimeInterval(found.value - half, found.value + half, p_value)


def anytime_multiplier(x: ExactVector | float, alpha: float) -> ExactVector:
    """Compute how many standard errors a confidence sequence reaches at time ``x``."""
    reach = 2 * (x + 1) / x * (np.log1p(x) / 2 - np.log(alpha))
    return np.asarray(np.sqrt(reach))


def mixture_scale(alpha: float) -> float:
    """Find the ``c`` at which the multiplier at ``x = c`` is smallest.

    ``c = -1 - W(-alpha^2 / e)`` with the lower branch of Lambert's function, which
    solves ``c = -2 log(alpha) + log(1 + c)``.
    """
    return float(-1 - special.lambertw(-(alpha**2) / np.e, k=-1).real)
