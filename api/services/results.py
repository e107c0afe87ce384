"""What experiments have found, what they would need, and their raw counts."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
from anyio import CapacityLimiter, to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.database import AnyRow
from api.problems import InvalidRequest, NotFound, WrongState, field_error
from api.queries import experiments as queries
from api.schemas.experiments import (
    AnytimeOut,
    ChiSquareOut,
    ChiSquares,
    ComparisonOut,
    DayOut,
    FixedOut,
    PowerIn,
    PowerOut,
    RateOut,
    Results,
    SimulationIn,
    SimulationOut,
    VariantResult,
    VerdictOut,
)
from api.tables import Experiment, Variant
from engine.contingency import (
    ChiSquare,
    design_effect,
    pearson_chi_square,
    rao_scott_chi_square,
    yates_chi_square,
)
from engine.errors import DataError
from engine.experiments import Votes, metric_values
from engine.planning import (
    anytime_error,
    fixed_error,
    required_users,
    share_deviation,
)
from engine.simulation import Trial, daily_looks, fixed_horizon
from engine.verdicts import Analysis, Comparison, Design, analyse

COLUMNS = ("user_id", "variant", "exposed_at", "likes", "dislikes")
FORMULA_STARTS = ("=", "+", "-", "@")
NO_VOTES = SimpleNamespace(likes=0, dislikes=0)
# One at a time: it is all arithmetic, and others want the processor as well.
_simulating = CapacityLimiter(1)

T = TypeVar("T")


async def read(session: AsyncSession, *, experiment_id: int) -> Results:
    """Analyse an experiment that has been started."""
    experiment, variants = await _started(session, experiment_id)
    rows = await queries.votes(session, experiment_id)
    earlier = await queries.votes_before(session, experiment_id)
    timeline = await queries.days(session, experiment_id)
    # Off the event loop: thousands of users are more than a millisecond of work.
    return await to_thread.run_sync(
        _results, experiment, variants, rows, earlier, timeline
    )


async def _started(
    session: AsyncSession, experiment_id: int
) -> tuple[Experiment, Sequence[Variant]]:
    experiment = await queries.get(session, experiment_id)
    if experiment is None:
        raise NotFound
    if experiment.state == "draft":
        raise WrongState("a draft has no results; start it first")
    return experiment, await queries.variants_of(session, [experiment_id])


def _results(
    experiment: Experiment,
    variants: Sequence[Variant],
    rows: Sequence[AnyRow],
    earlier: Sequence[AnyRow],
    timeline: Sequence[AnyRow],
) -> Results:
    design = Design(
        names=[variant.name for variant in variants],
        weights=[variant.weight for variant in variants],
        metric=experiment.metric,  # type: ignore[arg-type] # checked on its way in
        minimum_effect=experiment.minimum_effect,
        alpha=experiment.alpha,
        power=experiment.power,
    )
    groups = [[r for r in rows if r.variant_id == v.id] for v in variants]
    votes = [_votes_of(group) for group in groups]
    past = {row.user_id: row for row in earlier}
    before = [_votes_of([past.get(r.user_id, NO_VOTES) for r in g]) for g in groups]
    found = analyse(design, votes, before=before)
    return Results(
        experiment_id=experiment.id,
        state=experiment.state,
        metric=design.metric,
        alpha=experiment.alpha,
        sample_ratio_p_value=found.sample_ratio_p_value,
        is_adjusted_for_past=found.is_adjusted,
        variants=[_variant(v.name, of) for v, of in zip(variants, votes, strict=True)],
        chi_square=_chi_squares(votes),
        comparisons=_comparisons(found),
        verdict=VerdictOut.model_validate(found.verdict),
        timeline=[DayOut.model_validate(row) for row in timeline],
    )


def _votes_of(rows: Sequence[Any]) -> Votes:
    return Votes(
        np.array([row.likes for row in rows], dtype=np.float64),
        np.array([row.dislikes for row in rows], dtype=np.float64),
    )


def _variant(name: str, votes: Votes) -> VariantResult:
    n_likes, n_dislikes = int(votes.likes.sum()), int(votes.dislikes.sum())
    n_votes = n_likes + n_dislikes
    net = (n_likes - n_dislikes) / votes.n_users if votes.n_users else None
    return VariantResult(
        name=name,
        n_users=votes.n_users,
        n_likes=n_likes,
        n_dislikes=n_dislikes,
        like_share=n_likes / n_votes if n_votes else None,
        net_likes_per_user=net,
        design_effect=_or_none(lambda: float(design_effect(votes))),
    )


def _chi_squares(votes: Sequence[Votes]) -> ChiSquares:
    likes = np.array([of.likes.sum() for of in votes])
    totals = np.array([of.votes.sum() for of in votes])
    return ChiSquares(
        pearson=_test(lambda: pearson_chi_square(likes, totals)),
        yates=_test(lambda: yates_chi_square(likes, totals)),
        rao_scott=_test(lambda: rao_scott_chi_square(votes)),
    )


def _test(compute: Callable[[], ChiSquare]) -> ChiSquareOut | None:
    found = _or_none(compute)
    if found is None:
        return None
    return ChiSquareOut(
        statistic=float(found.statistic),
        degrees_of_freedom=found.degrees_of_freedom,
        p_value=float(found.p_value),
    )


def _or_none(compute: Callable[[], T]) -> T | None:
    """Say null where the data allow no answer, never an ordinary-looking one."""
    try:
        return compute()
    except DataError:
        return None


def _comparisons(found: Analysis) -> list[ComparisonOut]:
    return [_comparison(comparison) for comparison in found.comparisons]


def _comparison(found: Comparison) -> ComparisonOut:
    return ComparisonOut(
        variant=found.name,
        fixed=FixedOut(
            value=float(found.fixed.value),
            standard_error=float(found.fixed.standard_error),
            low=float(found.fixed.low),
            high=float(found.fixed.high),
            p_value=float(found.fixed.p_value),
        ),
        anytime=AnytimeOut(
            low=float(found.anytime.low),
            high=float(found.anytime.high),
            p_value=float(found.anytime.p_value),
        ),
        p_value=found.p_value,
        more_users=found.more_users,
    )


async def plan(session: AsyncSession, *, body: PowerIn) -> PowerOut:
    """Say how many users a plan needs, by the votes cast so far or by assumption."""
    weights = body.control_weight, body.treatment_weight
    if sum(weights) > 1:
        raise _refused("treatment_weight", "weights", "Weights must not exceed 1")
    if body.assumed is not None and body.metric != "like_share":
        raise _refused("assumed", "metric", "Assume votes for like_share only")
    rows = [] if body.assumed else await queries.votes_of_all(session)
    observed = _observed(body) if body.assumed else _learned(rows, body)
    deviation = observed.pop("deviation")
    errors = [
        planned(body.minimum_effect, alpha=body.alpha, power=body.power)
        for planned in (fixed_error, anytime_error)
    ]
    once, always = (
        required_users((deviation, deviation), error=error, weights=weights)
        for error in errors
    )
    return PowerOut(
        n_users_one_look=once,
        n_users_any_time=always,
        deviation=deviation,
        n_users_observed=len(rows),
        **observed,
    )


def _observed(body: PowerIn) -> dict[str, float]:
    assert body.assumed is not None  # noqa: S101 - the caller's case
    assumed = body.assumed.model_dump()
    deviation = share_deviation(
        assumed["like_share"],
        votes_per_user=assumed["votes_per_user"],
        design_effect=assumed["design_effect"],
    )
    return assumed | {"deviation": deviation}


def _learned(rows: Sequence[AnyRow], body: PowerIn) -> dict[str, float]:
    """Learn from all votes how users vote."""
    votes = _votes_of(rows)
    try:
        effect = float(design_effect(votes))
    except DataError as error:
        raise _refused("assumed", "no_votes", f"Say it: {error}") from None
    return {
        "deviation": float(metric_values(votes, body.metric).std(ddof=1)),
        "like_share": float(votes.likes.sum() / votes.votes.sum()),
        "votes_per_user": float(votes.votes.mean()),
        "design_effect": effect,
    }


def _refused(field: str, code: str, message: str) -> InvalidRequest:
    return InvalidRequest(
        errors=[field_error("body", field, code=code, message=message)]
    )


async def simulate(body: SimulationIn) -> SimulationOut:
    """Measure every estimator on experiments with known truth."""
    try:
        trial = Trial(
            n_users=body.n_users,
            like_share=body.like_share,
            effect=body.effect,
            correlation=body.correlation,
            votes_per_user=body.votes_per_user,
            alpha=body.alpha,
        )
    except DataError as error:
        raise _refused("effect", "too_large", str(error)) from None
    try:
        return await to_thread.run_sync(_simulated, trial, body, limiter=_simulating)
    except DataError as error:  # an experiment without a single like, or dislike
        raise _refused("like_share", "too_extreme", str(error)) from None


def _simulated(trial: Trial, body: SimulationIn) -> SimulationOut:
    once = fixed_horizon(
        trial,
        n_experiments=body.n_experiments,
        rng=np.random.default_rng(body.seed),
    )
    daily = daily_looks(
        trial,
        n_days=body.n_days,
        n_experiments=body.n_experiments,
        rng=np.random.default_rng(body.seed),
    )
    return SimulationOut(
        power=trial.power,
        one_look=[RateOut.model_validate(rate) for rate in once],
        daily_looks=[RateOut.model_validate(rate) for rate in daily],
    )


# Raw counts.


async def names_of(session: AsyncSession, *, experiment_id: int) -> dict[int, str]:
    """Name the variants of an experiment that has been started."""
    _, variants = await _started(session, experiment_id)
    return {variant.id: variant.name for variant in variants}


async def ndjson(
    session: AsyncSession, names: dict[int, str], *, experiment_id: int
) -> AsyncIterator[str]:
    """Write every user exposed as a line of JSON."""
    async for row in queries.stream_votes(session, experiment_id):
        yield json.dumps(dict(zip(COLUMNS, _exported(row, names), strict=True))) + "\n"


async def comma_separated(
    session: AsyncSession, names: dict[int, str], *, experiment_id: int
) -> AsyncIterator[str]:
    """Write every user exposed as a line of CSV; no cell starts a formula."""
    yield _csv_line(COLUMNS)
    async for row in queries.stream_votes(session, experiment_id):
        user_id, name, *rest = _exported(row, names)
        safe = f"'{name}" if name.startswith(FORMULA_STARTS) else name
        yield _csv_line((user_id, safe, *rest))


def _exported(row: AnyRow, names: dict[int, str]) -> tuple[Any, ...]:
    exposed_at = row.exposed_at.isoformat().replace("+00:00", "Z")
    return row.user_id, names[row.variant_id], exposed_at, row.likes, row.dislikes


def _csv_line(cells: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
