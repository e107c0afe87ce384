"""Fetch descriptions of movies from TMDB; store each as soon as it arrives."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from api.clients.tmdb import SOURCE, Description, NoAnswerError, RefusedError, Tmdb
from api.queries import descriptions as queries

BATCH = 100
# Single movies may lack an answer; this many in a row mean that TMDB is away.
MAX_SILENT = 5

OnProgress = Callable[[int, int], None]


@dataclass
class Enriched:
    """The counts of a run: movies described, unknown to TMDB, without an answer."""

    n_described: int = 0
    n_unknown: int = 0
    n_failed: int = 0


async def enrich(
    session: AsyncSession, tmdb: Tmdb, *, on_progress: OnProgress
) -> Enriched:
    """Describe every movie that has no description yet.

    A killed run loses at most one movie, and the next run continues. Movies without an
    answer wait for the next run. Raises `RefusedError` if TMDB refuses the key or has
    stopped answering.
    """
    total = await queries.count_due(session)
    done = Enriched()
    failed: list[int] = []
    n_silent = 0
    while rows := await queries.due(session, left_out=failed, limit=BATCH):
        await session.commit()  # no transaction stays open while TMDB is asked
        for row in rows:
            found = await _ask(tmdb, row.tmdb_id)
            if found is None:
                failed.append(row.id)
                done.n_failed += 1
                n_silent += 1
                if n_silent == MAX_SILENT:
                    message = "TMDB does not reply; run `cinefold enrich` again later"
                    raise RefusedError(message)
            else:
                n_silent = 0
                await _store(session, row.id, found)
                done.n_described += found != Description()
                done.n_unknown += found == Description()
            n_done = done.n_described + done.n_unknown + done.n_failed
            on_progress(n_done, total)
    return done


async def _ask(tmdb: Tmdb, tmdb_id: int) -> Description | None:
    try:
        return await tmdb.describe(tmdb_id)
    except NoAnswerError:
        return None


async def _store(
    session: AsyncSession, movie_id: int, description: Description
) -> None:
    await queries.describe(
        session,
        movie_id,
        synopsis=description.synopsis,
        poster=description.poster,
        source=SOURCE,
    )
    await session.commit()
