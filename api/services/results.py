"""The results of experiments, and the export of their counts."""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import experiments as queries
from api.schemas.experiments import LookOut, Results
from api.storage.database import AnyRow
from api.tables import Experiment, Variant
from api.web.problems import NotFound, WrongState
from engine.experiments import DESIGNS
from engine.experiments.planning import Plan
from engine.experiments.replay import Days, History, Look
from engine.experiments.statistics import Votes

COLUMNS = ("user_id", "variant", "exposed_at", "likes", "dislikes")
FORMULA_STARTS = ("=", "+", "-", "@")


async def read(session: AsyncSession, *, experiment_id: int) -> Results:
    """Analyse an experiment that has been started."""
    experiment, variants = await _started(session, experiment_id)
    exposures = await queries.exposures(session, experiment_id)
    daily = await queries.votes_by_day(session, experiment_id)
    earlier = await queries.votes_before(session, experiment_id)
    timeline = await queries.days(session, experiment_id)
    # Off the event loop: thousands of users are more than a millisecond of work.
    return await to_thread.run_sync(
        _results, experiment, variants, exposures, daily, earlier, timeline
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
    exposures: Sequence[AnyRow],
    daily: Sequence[AnyRow],
    earlier: Sequence[AnyRow],
    timeline: Sequence[AnyRow],
) -> Results:
    plan = Plan(
        names=[variant.name for variant in variants],
        weights=[variant.weight for variant in variants],
        metric=experiment.metric,  # type: ignore[arg-type] # checked on its way in
        minimum_effect=experiment.minimum_effect,
        alpha=experiment.alpha,
        power=experiment.power,
    )
    past = {row.user_id: (row.likes, row.dislikes) for row in earlier}
    histories = [
        _history(
            [row for row in exposures if row.variant_id == variant.id],
            [row for row in daily if row.variant_id == variant.id],
            past,
        )
        for variant in variants
    ]
    found = DESIGNS[experiment.kind].evaluate(plan, histories)
    return Results.model_validate(
        {
            "experiment_id": experiment.id,
            "kind": experiment.kind,
            "state": experiment.state,
            "metric": plan.metric,
            "alpha": experiment.alpha,
            "sample_ratio_p_value": found.analysis.sample_ratio_p_value,
            "is_adjusted_for_past": found.analysis.is_adjusted,
            "variants": found.totals,
            "chi_square": found.chi_squares,
            "comparisons": found.analysis.comparisons,
            "preference": found.analysis.preference,
            "verdict": found.analysis.verdict,
            "timeline": timeline,
            "looks": _looks(found.looks),
        }
    )


def _history(
    exposures: Sequence[AnyRow],
    daily: Sequence[AnyRow],
    past: Mapping[int, tuple[int, int]],
) -> History:
    place = {row.user_id: index for index, row in enumerate(exposures)}
    counted = [row for row in daily if row.user_id in place]
    before = [past.get(user_id, (0, 0)) for user_id in place]
    return History(
        exposed_on=_days([row.exposed_on for row in exposures]),
        users=np.array([place[row.user_id] for row in counted], dtype=np.int64),
        voted_on=_days([row.voted_on for row in counted]),
        likes=np.array([row.likes for row in counted], dtype=np.float64),
        dislikes=np.array([row.dislikes for row in counted], dtype=np.float64),
        before=Votes(*np.array(before, dtype=np.float64).reshape(-1, 2).T),
    )


def _days(dates: Sequence[date]) -> Days:
    return np.array([day.toordinal() for day in dates], dtype=np.int64)


def _looks(looks: Sequence[Look]) -> list[LookOut]:
    return [
        LookOut(
            day=date.fromordinal(look.day),
            variant=found.variant,
            value=float(found.fixed.value),
            low=float(found.anytime.low),
            high=float(found.anytime.high),
        )
        for look in looks
        for found in look.comparisons
    ]


# Export of counts.


async def names_of(session: AsyncSession, *, experiment_id: int) -> dict[int, str]:
    """Map the variants of a started experiment to their names."""
    _, variants = await _started(session, experiment_id)
    return {variant.id: variant.name for variant in variants}


async def ndjson(
    session: AsyncSession, names: dict[int, str], *, experiment_id: int
) -> AsyncIterator[str]:
    """Write each exposed user as a line of JSON."""
    async for row in queries.stream_votes(session, experiment_id):
        yield json.dumps(dict(zip(COLUMNS, _exported(row, names), strict=True))) + "\n"


async def comma_separated(
    session: AsyncSession, names: dict[int, str], *, experiment_id: int
) -> AsyncIterator[str]:
    """Write each exposed user as a line of CSV; no cell starts a formula."""
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
