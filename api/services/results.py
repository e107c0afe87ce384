"""What experiments have found, and their raw counts."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import experiments as queries
from api.schemas.experiments import (
    AnytimeOut,
    ChiSquareOut,
    ChiSquares,
    ComparisonOut,
    DayOut,
    FixedOut,
    LookOut,
    PreferenceOut,
    Results,
    VariantResult,
    VerdictOut,
)
from api.storage.database import AnyRow
from api.tables import Experiment, Variant
from api.web.problems import NotFound, WrongState
from engine.errors import DataError
from engine.experiments.contingency import (
    ChiSquare,
    design_effect,
    pearson_chi_square,
    rao_scott_chi_square,
    yates_chi_square,
)
from engine.experiments.interleaving import analyse_pairs, tally
from engine.experiments.replay import Days, History, Look, replay
from engine.experiments.statistics import Votes
from engine.experiments.verdicts import Analysis, Comparison, Design, analyse

COLUMNS = ("user_id", "variant", "exposed_at", "likes", "dislikes")
FORMULA_STARTS = ("=", "+", "-", "@")
NO_VOTES = SimpleNamespace(likes=0, dislikes=0)
NO_TESTS = ChiSquares(pearson=None, yates=None, rao_scott=None)

T = TypeVar("T")


async def read(session: AsyncSession, *, experiment_id: int) -> Results:
    """Analyse an experiment that has been started."""
    experiment, variants = await _started(session, experiment_id)
    rows = await queries.votes(session, experiment_id)
    earlier = await queries.votes_before(session, experiment_id)
    daily = await queries.votes_by_day(session, experiment_id)
    timeline = await queries.days(session, experiment_id)
    # Off the event loop: thousands of users are more than a millisecond of work.
    return await to_thread.run_sync(
        _results, experiment, variants, rows, earlier, daily, timeline
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
    daily: Sequence[AnyRow],
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
    votes = [votes_of(group) for group in groups]
    past = {row.user_id: row for row in earlier}
    before = [votes_of([past.get(r.user_id, NO_VOTES) for r in g]) for g in groups]

    is_interleaved = experiment.kind == "interleaved"

    def analysed(votes: Sequence[Votes], before: Sequence[Votes]) -> Analysis:
        if is_interleaved:
            return analyse_pairs(design, *votes)
        return analyse(design, votes, before=before)

    found = analysed(votes, before)
    histories = [
        _history(group, [r for r in daily if r.variant_id == variant.id], of)
        for variant, group, of in zip(variants, groups, before, strict=True)
    ]
    return Results(
        experiment_id=experiment.id,
        kind=experiment.kind,
        state=experiment.state,
        metric=design.metric,
        alpha=experiment.alpha,
        sample_ratio_p_value=found.sample_ratio_p_value,
        is_adjusted_for_past=found.is_adjusted,
        variants=[_variant(v.name, of) for v, of in zip(variants, votes, strict=True)],
        chi_square=NO_TESTS if is_interleaved else _chi_squares(votes),
        comparisons=_comparisons(found),
        preference=_preference(design, votes) if is_interleaved else None,
        verdict=VerdictOut.model_validate(found.verdict),
        timeline=[DayOut.model_validate(row) for row in timeline],
        looks=_looks(replay(histories, analysed)),
    )


def _preference(design: Design, votes: Sequence[Votes]) -> PreferenceOut:
    return PreferenceOut.model_validate(tally(design.metric, *votes))


def _history(
    exposed: Sequence[AnyRow], cast: Sequence[AnyRow], before: Votes
) -> History:
    place = {row.user_id: index for index, row in enumerate(exposed)}
    counted = [row for row in cast if row.user_id in place]
    votes = votes_of(counted)
    return History(
        exposed_on=_days([row.exposed_on for row in exposed]),
        users=np.array([place[row.user_id] for row in counted], dtype=np.int64),
        voted_on=_days([row.voted_on for row in counted]),
        likes=votes.likes,
        dislikes=votes.dislikes,
        before=before,
    )


def _days(dates: Sequence[date]) -> Days:
    return np.array([day.toordinal() for day in dates], dtype=np.int64)


def _looks(looks: Sequence[Look]) -> list[LookOut]:
    return [
        LookOut(
            day=date.fromordinal(look.day),
            variant=found.name,
            value=float(found.fixed.value),
            low=float(found.anytime.low),
            high=float(found.anytime.high),
        )
        for look in looks
        for found in look.comparisons
    ]


def votes_of(rows: Sequence[Any]) -> Votes:
    """Read the likes and dislikes of rows, a user each."""
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
