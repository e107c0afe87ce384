"""What an experiment says, in plain words, and when it says nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from engine.arrays import ExactVector
from engine.errors import DataError
from engine.experiments.assignment import check_weights
from engine.experiments.planning import anytime_error, required_users
from engine.experiments.sequential import AnytimeInterval, confidence_sequence
from engine.experiments.statistics import (
    Difference,
    Metric,
    Votes,
    check_probability,
    difference,
    has_spread,
    holm,
    metric_values,
    sample_ratio_p_value,
    without_covariate,
)

FEWEST_USERS = 50  # of a variant; below, a normal approximation is none
UNHEALTHY_BELOW = 0.001  # p-value of the sample ratio

Kind: TypeAlias = Literal[
    "unhealthy", "too_early", "better", "worse", "undecided", "no_difference"
]
_UNITS: dict[Metric, str] = {
    "like_share": "likes in 100 votes",
    "likes_per_user": "likes in 100 users",
    "net_likes_per_user": "net likes in 100 users",
}


@dataclass(frozen=True)
class Design:
    """What is fixed before an experiment starts.

    Attributes
    ----------
    names : sequence of str
        Of the variants, the control first.
    weights : sequence of float
        Share of users of each, summing to 1.
    metric : {"like_share", "likes_per_user", "net_likes_per_user"}
        The one that decides.
    minimum_effect : float
        The smallest difference worth finding, above 0, in the unit of the metric.
    alpha, power : float
        Chance of any false alarm, and of finding an effect of that size.

    Raises
    ------
    DataError
        A value lies outside its range.
    """

    names: Sequence[str]
    weights: Sequence[float]
    metric: Metric
    minimum_effect: float
    alpha: float = 0.05
    power: float = 0.8

    def __post_init__(self) -> None:
        """Validate once."""
        check_weights(self.weights)
        if len(set(self.names)) != len(self.weights):
            raise DataError("each variant needs a weight and a name of its own")
        check_probability(self.alpha, name="alpha")
        check_probability(self.power, name="power")
        if not 0 < self.minimum_effect < math.inf:
            raise DataError("minimum_effect must be finite and above 0")

    @property
    def planned_error(self) -> float:
        """Standard error at which each comparison is planned to end.

        With several treatments, alpha is divided among them, which is where the
        correction of `holm` starts.
        """
        alpha = self.alpha / (len(self.weights) - 1)
        return anytime_error(self.minimum_effect, alpha=alpha, power=self.power)


@dataclass(frozen=True)
class Comparison:
    """One treatment beside the control.

    Attributes
    ----------
    name : str
        Of the treatment.
    fixed : Difference
        For one look at a moment fixed beforehand.
    anytime : AnytimeInterval
        For looking at any time: what the verdict rests on.
    p_value : float
        Of `anytime`, adjusted for the number of treatments.
    more_users : int
        How many more, in all variants, the planned power would need; 0 if enough.
    """

    name: str
    fixed: Difference
    anytime: AnytimeInterval
    p_value: float
    more_users: int


@dataclass(frozen=True)
class Verdict:
    """The outcome in one word and in plain words."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Analysis:
    """Everything an experiment says at one look.

    Attributes
    ----------
    sample_ratio_p_value : float or None
        None before anybody was exposed.
    comparisons : tuple of Comparison
        One a treatment; empty while it is too early.
    verdict : Verdict
    is_adjusted : bool
        Whether what was known of the users before was taken out of the comparisons.
    """

    sample_ratio_p_value: float | None
    comparisons: tuple[Comparison, ...]
    verdict: Verdict
    is_adjusted: bool = False


def analyse(
    design: Design,
    variants: Sequence[Votes],
    *,
    before: Sequence[Votes] | None = None,
) -> Analysis:
    """Compare each treatment with the control and say what follows.

    Parameters
    ----------
    design : Design
    variants : sequence of Votes
        Of all users exposed so far, variants in the order of the design.
    before : sequence of Votes, optional
        Of the same users before they were exposed; takes out what was known of them,
        unless nobody had voted or nothing would be left to estimate an error from.

    Returns
    -------
    Analysis

    Raises
    ------
    DataError
        The number of variants differs, or `before` has other users.
    """
    if len(variants) != len(design.names):
        raise DataError(f"expected the votes of {len(design.names)} variants")
    n_users = [votes.n_users for votes in variants]
    if sum(n_users) == 0:
        return Analysis(None, (), Verdict("too_early", "nobody has been exposed yet"))
    ratio = float(sample_ratio_p_value(np.array(n_users), design.weights))
    reason = _too_early(design, variants)
    if reason is not None:
        verdict = Verdict("too_early", f"too early: {reason}")
        if ratio < UNHEALTHY_BELOW:
            verdict = _unhealthy(design, n_users, ratio)
        return Analysis(ratio, (), verdict)
    values = [metric_values(votes, design.metric) for votes in variants]
    adjusted = _adjusted(design, values, before)
    comparisons = compare(design, adjusted or values)
    verdict = judge(design, comparisons)
    if ratio < UNHEALTHY_BELOW:
        verdict = _unhealthy(design, n_users, ratio)
    return Analysis(ratio, comparisons, verdict, is_adjusted=adjusted is not None)


def compare(design: Design, values: Sequence[ExactVector]) -> tuple[Comparison, ...]:
    """Compare each treatment with the control.

    Parameters
    ----------
    design : Design
    values : sequence of ndarray of float64, shapes (n_users,)
        Of the users of each variant, as `metric_values` gives them.

    Returns
    -------
    tuple of Comparison

    Raises
    ------
    DataError
        There is no spread to estimate an error from.
    """
    fixed = [
        difference(values[0], treatment, alpha=design.alpha) for treatment in values[1:]
    ]
    anytime = [
        confidence_sequence(
            found, planned_error=design.planned_error, alpha=design.alpha
        )
        for found in fixed
    ]
    adjusted = holm([float(interval.p_value) for interval in anytime])
    n_users = sum(len(of_variant) for of_variant in values)
    return tuple(
        Comparison(
            name=design.names[index],
            fixed=fixed[index - 1],
            anytime=anytime[index - 1],
            p_value=adjusted[index - 1],
            more_users=max(_needed(design, values, index) - n_users, 0),
        )
        for index in range(1, len(values))
    )


def _adjusted(
    design: Design, values: list[ExactVector], before: Sequence[Votes] | None
) -> list[ExactVector] | None:
    """Take out what was known before; None where that is nothing, or everything."""
    if before is None or not all(votes.votes.any() for votes in before):
        return None
    earlier = [metric_values(votes, design.metric) for votes in before]
    adjusted = without_covariate(values, earlier)
    return adjusted if all(map(has_spread, adjusted)) else None


def judge(
    design: Design,
    comparisons: Sequence[Comparison],
    *,
    better: str = "is better",
    worse: str = "is worse",
) -> Verdict:
    """Turn comparisons into a verdict, in these words.

    The treatment that is better than the control by most, if any is; else those that
    are worse; else how many more users the planned power needs. The interval named is
    the treatment's own: with several treatments `holm` decides which are reported.
    """
    unit = _UNITS[design.metric]
    found = [c for c in comparisons if c.p_value < design.alpha]
    above = [c for c in found if c.fixed.value > 0]
    if above:
        best = max(above, key=lambda c: float(c.fixed.value))
        size = _range(best.anytime.low, best.anytime.high)
        return Verdict("better", f"{best.name} {better} by {size} {unit}")
    if found:
        sizes = [
            f"{c.name} {worse} by {_range(-c.anytime.high, -c.anytime.low)} {unit}"
            for c in found
        ]
        return Verdict("worse", "; ".join(sizes))
    more_users = max(c.more_users for c in comparisons)
    if more_users > 0:
        about = _two_digits(more_users)
        return Verdict(
            "undecided",
            f"no detectable difference yet, about {about} more users needed",
        )
    effect = _in_100(design.minimum_effect)
    return Verdict(
        "no_difference",
        f"no detectable difference; {effect} {unit} would probably have shown",
    )


def _too_early(design: Design, variants: Sequence[Votes]) -> str | None:
    """Say why nothing can be estimated yet, if nothing can."""
    for name, votes in zip(design.names, variants, strict=True):
        if votes.n_users < FEWEST_USERS:
            have, need = votes.n_users, FEWEST_USERS
            return f"{name} has {have} users, each variant needs {need}"
        if not (votes.likes > 0).any() or not (votes.dislikes > 0).any():
            return f"{name} needs likes as well as dislikes"
        if not has_spread(metric_values(votes, design.metric)):
            return f"all users of {name} voted alike"
    return None


def _unhealthy(design: Design, n_users: Sequence[int], p_value: float) -> Verdict:
    total = sum(n_users)
    expected = [f"{total * weight:,.0f}" for weight in design.weights]
    counts = [f"{count:,}" for count in n_users]
    return Verdict(
        "unhealthy",
        f"unhealthy: {' / '.join(counts)} users where {' / '.join(expected)} were "
        f"expected (p = {p_value:.1g}); find the cause before you trust any result",
    )


def _needed(design: Design, values: Sequence[ExactVector], index: int) -> int:
    """Count the users at which the standard error would be the planned one."""
    control, treatment = values[0], values[index]
    return required_users(
        (float(control.std(ddof=1)), float(treatment.std(ddof=1))),
        error=design.planned_error,
        weights=(design.weights[0], design.weights[index]),
    )


def _range(low: ExactVector, high: ExactVector) -> str:
    return f"{_in_100(float(low))} to {_in_100(float(high))}"


def _in_100(value: float) -> str:
    """Write a value a user as a number in 100, with two digits that matter."""
    hundred = 100 * value
    return f"{hundred:,.0f}" if abs(hundred) >= 10 else f"{hundred:.2g}"  # noqa: PLR2004


def _two_digits(count: int) -> str:
    """Round up: too few users would be the worse advice."""
    step = 10 ** max(len(str(count)) - 2, 0)
    return f"{-(-count // step) * step:,}"
