"""The verdict on an experiment, in one word and in plain English."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.arrays import ExactVector
from engine.experiments.planning import Plan
from engine.experiments.sequential import AnytimeInterval
from engine.experiments.statistics import Difference, Metric

MIN_USERS = 50  # fewer do not justify a normal approximation
MISMATCH_BELOW = 0.001  # p-value of the sample ratio (Fabijan et al. 2019)

Kind: TypeAlias = Literal[
    "unhealthy", "too_early", "better", "worse", "undecided", "no_difference"
]
_UNITS: dict[Metric, str] = {
    "like_share": "likes in 100 votes",
    "likes_per_user": "likes in 100 users",
    "net_likes_per_user": "net likes in 100 users",
}


@dataclass(frozen=True)
class Comparison:
    """One treatment compared with the control at one look.

    Attributes
    ----------
    variant : str
        Name of the treatment.
    fixed : Difference
        Valid for one look at a time fixed in advance.
    anytime : AnytimeInterval
        Valid at every look; the verdict rests on it.
    p_value : float
        Anytime p-value, adjusted for the number of treatments.
    more_users : int
        Further users, in all variants, that the planned power needs; 0 if none.
    """

    variant: str
    fixed: Difference
    anytime: AnytimeInterval
    p_value: float
    more_users: int


@dataclass(frozen=True)
class Verdict:
    """The outcome in one word and in a sentence."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Preference:
    """Number of users who gave one of two interleaved variants more credit.

    Attributes
    ----------
    n_wins, n_losses : int
        Users who gave the treatment more credit, or the control.
    n_ties : int
        All other exposed users, including those who never voted.
    """

    n_wins: int
    n_losses: int
    n_ties: int


@dataclass(frozen=True)
class Analysis:
    """The result of one look.

    Attributes
    ----------
    sample_ratio_p_value : float or None
        None before the first exposure, and where every user sees every variant.
    comparisons : tuple of Comparison
        One per treatment; empty while it is too early.
    verdict : Verdict
    is_adjusted : bool
        Whether the CUPED adjustment for earlier votes was applied.
    preference : Preference or None
        None unless variants are interleaved.
    """

    sample_ratio_p_value: float | None
    comparisons: tuple[Comparison, ...]
    verdict: Verdict
    is_adjusted: bool = False
    preference: Preference | None = None


def verdict_on(
    plan: Plan,
    comparisons: Sequence[Comparison],
    *,
    better: str = "is better",
    worse: str = "is worse",
) -> Verdict:
    """Derive the verdict from the comparisons of all treatments with the control.

    The best treatment wins if its adjusted p-value is below alpha; otherwise the
    verdict names the treatments that are worse, or the further users needed. The
    interval is the treatment's own, without adjustment.

    Parameters
    ----------
    plan : Plan
    comparisons : sequence of Comparison
        At least one.
    better, worse : str
        What to say of a treatment that is above or below the control.
    """
    unit = _UNITS[plan.metric]
    significant = [c for c in comparisons if c.p_value < plan.alpha]
    above = [c for c in significant if c.fixed.value > 0]
    if above:
        best = max(above, key=lambda c: float(c.fixed.value))
        size = _range(best.anytime.low, best.anytime.high)
        return Verdict("better", f"{best.variant} {better} by {size} {unit}")
    if significant:
        sizes = [
            f"{c.variant} {worse} by {_range(-c.anytime.high, -c.anytime.low)} {unit}"
            for c in significant
        ]
        return Verdict("worse", "; ".join(sizes))
    more_users = max(c.more_users for c in comparisons)
    if more_users > 0:
        about = _rounded_up(more_users)
        return Verdict(
            "undecided",
            f"no detectable difference yet, about {about} more users needed",
        )
    effect = _in_100(plan.minimum_effect)
    return Verdict(
        "no_difference",
        f"no detectable difference; {effect} {unit} would probably have shown",
    )


def sample_ratio_mismatch(
    plan: Plan, n_users: Sequence[int], p_value: float
) -> Verdict | None:
    """Return the verdict "unhealthy" if users arrived in other shares than planned.

    Parameters
    ----------
    plan : Plan
    n_users : sequence of int
        Exposed users of each variant.
    p_value : float
        From `statistics.sample_ratio_p_value`.

    Returns
    -------
    Verdict or None
        None unless `p_value` is below `MISMATCH_BELOW`.
    """
    if p_value >= MISMATCH_BELOW:
        return None
    total = sum(n_users)
    expected = [f"{total * weight:,.0f}" for weight in plan.weights]
    counts = [f"{count:,}" for count in n_users]
    return Verdict(
        "unhealthy",
        f"unhealthy: {' / '.join(counts)} users where {' / '.join(expected)} were "
        f"expected (p = {p_value:.1g}); find the cause before you trust any result",
    )


def _range(low: ExactVector, high: ExactVector) -> str:
    return f"{_in_100(float(low))} to {_in_100(float(high))}"


def _in_100(value: float) -> str:
    """Write a value per user as a value per 100 users, with two significant digits."""
    hundred = 100 * value
    return f"{hundred:,.0f}" if abs(hundred) >= 10 else f"{hundred:.2g}"  # noqa: PLR2004


def _rounded_up(count: int) -> str:
    """Round to two digits, upwards: too few users would be the worse advice."""
    step = 10 ** max(len(str(count)) - 2, 0)
    return f"{-(-count // step) * step:,}"
