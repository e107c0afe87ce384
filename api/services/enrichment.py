"""Descriptions of films from TMDB, each stored as soon as it is there."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from api.clients.tmdb import SOURCE, Description, NoAnswerError, RefusedError, Tmdb
from api.queries import descriptions as queries

BATCH = 100
# So many without an answer in a row are no fault of single movies.
MAX_SILENT = 5

OnProgress = Callable[[int, int], None]


@dataclass
class Enriched:
    """How a run has gone: movies described, unknown to TMDB, and not answered for."""

    n_described: int = 0
    n_unknown: int = 0
    n_failed: int = 0


async def enrich(
    session: AsyncSession, tmdb: Tmdb, *, on_progress: OnProgress
) -> Enriched:
    """Describe every movie that lacks it; what is stored is not asked for again.

    Killed at any moment it goes on from there. Movies without an answer are left for
    the next run. Raises `RefusedError` at a wrong key and when TMDB has gone silent.
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
                    message = "TMDB does not answer; run `cinefold enrich` again later"
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
