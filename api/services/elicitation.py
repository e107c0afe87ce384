"""Choose the movies to ask a user about next."""

from collections.abc import Sequence

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import movies as movie_queries
from api.queries.movies import Filters
from api.schemas.insights import Elicitation
from api.schemas.movies import MovieOut
from api.services.model_store import ServedModel
from api.services.profiles import RatingHistory, personalization, profile_in
from engine.serving.elicitation import knowledge, questions


async def next_questions(
    session: AsyncSession,
    served: ServedModel | None,
    *,
    history: RatingHistory,
    excluded: Sequence[int],
    limit: int,
) -> Elicitation:
    """Choose the movies whose ratings would tell most about a user.

    Without a model these are the best known ones. A user who has not seen the excluded
    movies gets the questions that come after them.
    """
    await session.commit()  # frees the connection: this takes time
    known, share = None, 0.0
    if served is None:
        seen = [*history.stars, *excluded]
        ids: Sequence[int] = await movie_queries.most_rated(
            session, Filters(), excluded=seen, limit=limit
        )
    else:
        profile = profile_in(served, history)
        known, model, folded_user = profile.known, served.model, profile.rating
        n_asked = limit + len(set(excluded))
        rows = await to_thread.run_sync(questions, model, folded_user, n_asked)
        share = await to_thread.run_sync(knowledge, model, folded_user)
        ids = [i for i in model.item_ids[rows].tolist() if i not in excluded]
    movies = await movie_queries.summaries(session, ids)
    there = [MovieOut.model_validate(movies[i]) for i in ids if i in movies]
    return Elicitation(
        model=served.reference if served else None,
        personalization=personalization(history, known),
        knowledge=share,
        items=there[:limit],
    )
