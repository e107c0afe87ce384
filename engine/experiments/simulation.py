"""Experiments with known truth: how often each estimator errs.

Users differ in how readily they like: each draws a probability from a beta
distribution and votes by it, so their likes are beta-binomial and two votes of one user
correlate. The estimators are those that serve, called on many experiments at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.arrays import BoolVector, ExactMatrix, ExactVector
from engine.checks import check_probability
from engine.errors import DataError
from engine.experiments.contingency import (
    pearson_chi_square,
    rao_scott_chi_square,
    yates_chi_square,
)
from engine.experiments.planning import (
    expected_design_effect,
    power_of,
    share_deviation,
    standard_error,
)
from engine.experiments.sequential import confidence_sequence
from engine.experiments.statistics import (
    Difference,
    Votes,
    apply_cuped,
    difference,
    metric_values,
)
from engine.experiments.verdicts import MIN_USERS

_CHUNK = 200_000  # users drawn at once: arrays that stay in the cache
_RETURN_DAYS = 7  # until the second half of a user's votes

OnStep: TypeAlias = Callable[[int], None]
CountMatrix: TypeAlias = npt.NDArray[np.int64]

PEARSON, YATES = "Pearson's chi-square", "with Yates' correction"
RAO_SCOTT = "Rao-Scott chi-square"
SHARES, CUPED = "difference of shares", "with CUPED"
NET_LIKES = "difference of net likes"
SEQUENCE = "confidence sequence"


@dataclass(frozen=True)
class Trial:
    """A simulated experiment: two variants of equal size.

    Attributes
    ----------
    n_users : int
        In each variant, at least 2.
    like_share : float
        Expected share of likes of the control, between 0 and 1.
    effect : float
        What the treatment adds to it, at least 0; 0 is an A/A test.
    correlation : float
        Of two votes of one user, between 0 and 1.
    votes_per_user : float
        At least 1: one vote and a Poisson number of others.
    alpha : float
        Of every test.

    Raises
    ------
    DataError
        A value lies outside its range.
    """

    n_users: int = 200
    like_share: float = 0.6
    effect: float = 0.0
    correlation: float = 0.1
    votes_per_user: float = 10.0
    alpha: float = 0.05

    def __post_init__(self) -> None:
        """Validate once."""
        if self.n_users < 2:  # noqa: PLR2004 - for a variance
            raise DataError(f"n_users is {self.n_users}; it must be at least 2")
        for name in ("like_share", "correlation", "alpha"):
            check_probability(getattr(self, name), name=name)
        if not 0 <= self.effect < 1 - self.like_share:
            raise DataError("effect must be at least 0 and leave like_share below 1")
        if not 1 <= self.votes_per_user < np.inf:
            raise DataError("votes_per_user must be at least 1")

    @property
    def error(self) -> float:
        """Standard error of the difference of shares that planning expects."""
        effect = expected_design_effect(
            correlation=self.correlation,
            votes_per_user=self.votes_per_user,
            variation=(self.votes_per_user - 1) ** 0.5 / self.votes_per_user,
        )
        control, treatment = (
            share_deviation(
                share, votes_per_user=self.votes_per_user, design_effect=effect
            )
            for share in (self.like_share, self.like_share + self.effect)
        )
        return standard_error((control, treatment), n_users=2 * self.n_users)

    @property
    def power(self) -> float:
        """Chance that planning gives one look to find the effect."""
        return power_of(self.effect, error=self.error, alpha=self.alpha)


@dataclass
class Rate:
    """Rejection rate of an estimator, and coverage of its interval.

    Attributes
    ----------
    name : str
    n_experiments, n_rejected : int
    n_covered : int or None
        None for tests that give no interval.
    """

    name: str
    n_experiments: int = 0
    n_rejected: int = 0
    n_covered: int | None = None

    @property
    def rejected(self) -> float:
        """Share of experiments that found a difference."""
        return self.n_rejected / self.n_experiments

    @property
    def covered(self) -> float | None:
        """Share of intervals that held the true difference."""
        return None if self.n_covered is None else self.n_covered / self.n_experiments


@dataclass
class Rates:
    """Rates by estimator, added to chunk by chunk."""

    by_name: dict[str, Rate] = field(default_factory=dict)

    def add(
        self, name: str, rejected: BoolVector, covered: BoolVector | None = None
    ) -> None:
        """Count the experiments of one chunk."""
        rate = self.by_name.setdefault(name, Rate(name))
        rate.n_experiments += len(rejected)
        rate.n_rejected += int(rejected.sum())
        if covered is not None:
            rate.n_covered = (rate.n_covered or 0) + int(covered.sum())


def fixed_horizon(
    trial: Trial,
    *,
    n_experiments: int,
    rng: np.random.Generator,
    on_step: OnStep | None = None,
) -> tuple[Rate, ...]:
    """Look once, at the end, by every estimator.

    Parameters
    ----------
    trial : Trial
    n_experiments : int
        At least 1.
    rng : numpy.random.Generator
    on_step : callable, optional
        Called with the number of experiments done.

    Raises
    ------
    DataError
        `n_experiments` is below 1, or an experiment came out without any spread.
    """
    rates = Rates()
    for size in _chunks(trial, n_experiments, on_step):
        variants, before = _draw(trial, size, rng)
        for name, p_value in _tests(variants).items():
            rates.add(name, p_value < trial.alpha)
        for name, (found, truth) in _differences(trial, variants, before).items():
            covered = (found.low <= truth) & (truth <= found.high)
            rates.add(name, found.p_value < trial.alpha, covered)
    return tuple(rates.by_name.values())


def daily_looks(
    trial: Trial,
    *,
    n_days: int = 60,
    n_experiments: int,
    rng: np.random.Generator,
    on_step: OnStep | None = None,
) -> tuple[Rate, ...]:
    """Look every day and stop at the first difference found.

    Users arrive evenly over the days, cast half of their votes at once and the rest
    when they come back a week later. Nobody looks before each variant has
    `verdicts.MIN_USERS` users.

    Parameters
    ----------
    trial : Trial
    n_days : int
        At least 1.
    n_experiments, rng, on_step
        As for `fixed_horizon`.

    Returns
    -------
    tuple of Rate
        Covered are experiments whose interval held the truth on every day.

    Raises
    ------
    DataError
        A count is below 1, or an experiment came out without any spread.
    """
    if n_days < 1:
        raise DataError(f"n_days is {n_days}; it must be at least 1")
    if trial.n_users < MIN_USERS:
        raise DataError(f"looks begin at {MIN_USERS} users a variant; simulate more")
    rates = Rates()
    for size in _chunks(trial, n_experiments, on_step):
        drawn = _draw_in_two_visits(trial, size, rng)
        looks = [_look(trial, variants) for variants in _by_day(trial, drawn, n_days)]
        for name in looks[0]:
            rejected = np.any([look[name].rejected for look in looks], axis=0)
            covered = np.all([look[name].covered for look in looks], axis=0)
            rates.add(name, rejected, covered if name != PEARSON else None)
    return tuple(rates.by_name.values())


def _tests(variants: list[Votes]) -> dict[str, ExactVector]:
    """Compute the p-values of the chi-square tests."""
    likes, totals = _table(variants)
    return {
        PEARSON: pearson_chi_square(likes, totals).p_value,
        YATES: yates_chi_square(likes, totals).p_value,
        RAO_SCOTT: rao_scott_chi_square(variants).p_value,
    }


def _table(variants: list[Votes]) -> tuple[ExactMatrix, ExactMatrix]:
    """Stack the likes and votes of both variants."""
    likes = np.stack([votes.likes.sum(axis=-1) for votes in variants], axis=-1)
    dislikes = np.stack([votes.dislikes.sum(axis=-1) for votes in variants], axis=-1)
    return likes, likes + dislikes


def _differences(
    trial: Trial, variants: list[Votes], before: list[Votes]
) -> dict[str, tuple[Difference, float]]:
    """Differences found, each with the true one."""
    shares = [metric_values(votes, "like_share") for votes in variants]
    nets = [metric_values(votes, "net_likes_per_user") for votes in variants]
    earlier = [metric_values(votes, "like_share") for votes in before]
    adjusted = apply_cuped(shares, earlier)
    return {
        SHARES: (difference(*shares, alpha=trial.alpha), trial.effect),
        CUPED: (difference(*adjusted, alpha=trial.alpha), trial.effect),
        NET_LIKES: (
            difference(*nets, alpha=trial.alpha),
            2 * trial.effect * trial.votes_per_user,
        ),
    }


@dataclass(frozen=True)
class _Visits:
    """Votes of the first and the second visit, users in order of arrival."""

    first: Votes
    second: Votes

    def until(self, n_arrived: int, n_returned: int) -> Votes:
        """Votes of those who arrived, with the second visits of those who returned."""

        def added(first: ExactMatrix, second: ExactMatrix) -> ExactMatrix:
            total = first[:, :n_arrived].copy()
            total[:, :n_returned] += second[:, :n_returned]
            return total

        return Votes(
            added(self.first.likes, self.second.likes),
            added(self.first.dislikes, self.second.dislikes),
        )


def _by_day(trial: Trial, drawn: list[_Visits], n_days: int) -> Iterator[list[Votes]]:
    """Votes of each variant on each day on which one may look."""
    n_arrived = [trial.n_users * day // n_days for day in range(1, n_days + 1)]
    for day, arrived in enumerate(n_arrived):
        returned = n_arrived[day - _RETURN_DAYS] if day >= _RETURN_DAYS else 0
        if arrived >= MIN_USERS:
            yield [visits.until(arrived, returned) for visits in drawn]


@dataclass(frozen=True)
class _Look:
    rejected: BoolVector
    covered: BoolVector


def _look(trial: Trial, variants: list[Votes]) -> dict[str, _Look]:
    """Apply the estimators to the state of one day; Pearson's test covers nothing."""
    shares = [metric_values(votes, "like_share") for votes in variants]
    found = difference(*shares, alpha=trial.alpha)
    sequence = confidence_sequence(found, planned_error=trial.error, alpha=trial.alpha)
    pearson = pearson_chi_square(*_table(variants)).p_value < trial.alpha
    looks = {PEARSON: _Look(pearson, np.zeros_like(pearson))}
    for name, interval in ((SHARES, found), (SEQUENCE, sequence)):
        covered = (interval.low <= trial.effect) & (trial.effect <= interval.high)
        looks[name] = _Look(interval.p_value < trial.alpha, covered)
    return looks


def _chunks(trial: Trial, n_experiments: int, on_step: OnStep | None) -> Iterator[int]:
    if n_experiments < 1:
        raise DataError(f"n_experiments is {n_experiments}; it must be at least 1")
    largest = max(_CHUNK // (2 * trial.n_users), 1)
    done = 0
    while done < n_experiments:
        size = min(largest, n_experiments - done)
        yield size
        done += size
        if on_step is not None:
            on_step(done)


def _draw(
    trial: Trial, size: int, rng: np.random.Generator
) -> tuple[list[Votes], list[Votes]]:
    """Draw the votes of both variants, and those of the same users before."""
    variants: list[Votes] = []
    before: list[Votes] = []
    for share in (trial.like_share, trial.like_share + trial.effect):
        chances = _chances(trial, share, size, rng)
        earlier = chances * (trial.like_share / share)
        for votes, chance in ((variants, chances), (before, earlier)):
            votes.append(_cast(_vote_counts(trial, size, rng), chance, rng))
    return variants, before


def _draw_in_two_visits(
    trial: Trial, size: int, rng: np.random.Generator
) -> list[_Visits]:
    drawn = []
    for share in (trial.like_share, trial.like_share + trial.effect):
        chances = _chances(trial, share, size, rng)
        counts = _vote_counts(trial, size, rng)
        visits = [
            _cast(half, chances, rng) for half in ((counts + 1) // 2, counts // 2)
        ]
        drawn.append(_Visits(*visits))
    return drawn


def _chances(
    trial: Trial, share: float, size: int, rng: np.random.Generator
) -> ExactMatrix:
    """Chance of a like for each user: beta, as wide as the correlation demands."""
    total = 1 / trial.correlation - 1
    return rng.beta(share * total, (1 - share) * total, (size, trial.n_users))


def _vote_counts(trial: Trial, size: int, rng: np.random.Generator) -> CountMatrix:
    return 1 + rng.poisson(trial.votes_per_user - 1, (size, trial.n_users))


def _cast(counts: CountMatrix, chances: ExactMatrix, rng: np.random.Generator) -> Votes:
    likes = rng.binomial(counts, chances)
    return Votes(likes.astype(np.float64), (counts - likes).astype(np.float64))
