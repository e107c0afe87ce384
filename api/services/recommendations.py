"""Recommendations: fold the current ratings in, rank all movies, give reasons."""

import time
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import movies as movie_queries
from api.queries import recommendations as queries
from api.schemas.movies import MovieOut
from api.schemas.recommendations import Recommendation, Recommendations
from api.services import experiments
from api.services.experiments import Assigned
from api.services.model_store import ModelStore, ServedModel
from api.services.profiles import (
    ListRequest,
    RatingHistory,
    Shares,
    StarsByMovie,
    history_in,
    personalization,
    rank,
)
from api.services.signing import SignedList
from api.storage.database import AnyRow
from api.telemetry.observability import stage
from api.web.problems import NotFound

MAX_REPLIES = 1000  # a reply takes some 15 kB
REPLY_SECONDS = 3600  # the id that a list carries lives for thirty days

MovieRows = Mapping[int, AnyRow]


@dataclass(frozen=True)
class CachedReply:
    """The JSON of a list, and the row that it was made from.

    The row also describes the movies that the previous list showed, so the third of
    three equal requests is the first that gets the cached reply.
    """

    reader: AnyRow
    movie_ids: str  # everything that the list shows, as an array literal
    document: bytes
    made_at: float = field(default_factory=time.monotonic)

    def is_valid_for(self, reader: AnyRow) -> bool:
        """Whether a new list would differ only in the time of its id."""
        is_recent = time.monotonic() - self.made_at < REPLY_SECONDS
        return is_recent and reader == self.reader


async def for_user(
    session: AsyncSession,
    store: ModelStore,
    *,
    user_id: int,
    vote_weight: float,
    request: ListRequest,
    secret: bytes,
) -> bytes:
    """Recommend to a user by the ratings the database holds now, as JSON.

    A running experiment decides model, head, diversity and exploration, and records
    the exposure before the reply; a reader who chooses diversity or exploration takes
    no part in it. The list carries an id signed with `secret`, by which its movies can
    be voted on.
    """
    served = store.current
    key = user_id, vote_weight, request
    last: CachedReply | None = served.replies.get(key) if served else None
    with stage("read"):
        reader = await queries.reader(
            session, user_id, shown=last.movie_ids if last else "{}"
        )
    if reader is None:
        raise NotFound
    if served and last is not None and last.is_valid_for(reader):
        served.replies.move_to_end(key)
        return last.document
    is_tested = reader.has_experiment and not request.is_own_choice
    found = None
    if is_tested:
        found = await experiments.assigned(session, store, user_id=user_id)
    if found is not None:
        await experiments.expose(session, found, user_id=user_id)
    history = history_in(reader, vote_weight=vote_weight)
    made, second_team = await _decided(session, served, found, history, request)
    made = _signed(
        made, reader, found, user_id=user_id, secret=secret, team=second_team
    )
    document = made.model_dump_json().encode()
    # Through a filter, or into a list that is not full, another movie may come while
    # nothing that the list shows has changed.
    is_full = not request.filters.are_set and len(made.items) == request.limit
    if served and is_full and not is_tested:
        keep(served.replies, key, CachedReply(reader, _shown_in(made), document))
    return document


def keep(
    replies: OrderedDict[Hashable, CachedReply], key: Hashable, reply: CachedReply
) -> None:
    """Keep a reply; the one used longest ago makes room."""
    replies[key] = reply
    replies.move_to_end(key)
    if len(replies) > MAX_REPLIES:
        replies.popitem(last=False)


async def _decided(
    session: AsyncSession,
    served: ServedModel | None,
    found: Assigned | None,
    history: RatingHistory,
    request: ListRequest,
) -> tuple[Recommendations, frozenset[int]]:
    """Make the list that an experiment decides, if one does.

    Also return the movies that the second of two variants contributed.
    """
    if found is None:
        made = await recommend(session, served, history=history, request=request)
        return made, frozenset()
    lists = [
        await recommend(
            session,
            found.served,
            history=history,
            request=replace(
                request,
                head=variant.head,
                diversity=variant.diversity,
                exploration=variant.exploration,
            ),
        )
        for variant in found.variants
    ]
    return experiments.merge(found, lists, limit=request.limit)


def _signed(
    made: Recommendations,
    reader: AnyRow,
    found: Assigned | None,
    *,
    user_id: int,
    secret: bytes,
    team: frozenset[int],
) -> Recommendations:
    """Give a list its id, and show the votes of its reader on it."""
    variant_ids = [each.variant_id for each in found.variants] if found else [None]
    signed_list = SignedList(
        user_id=user_id,
        model_id=made.model.id if made.model else 0,
        variant_id=variant_ids[0] or 0,
        issued_at=int(time.time()),
        movie_ids=[item.movie.id for item in made.items],
        second_team=team,
    )
    votes = {
        movie_id: "like" if is_like else "dislike"
        for movie_id, is_like, voted_in in zip(
            reader.voted, reader.are_likes, reader.voted_in, strict=True
        )
        if voted_in in variant_ids
    }
    return made.model_copy(
        update={
            "recommendation_id": signed_list.signed(secret),
            "experiment": found.reference if found else None,
            "items": [
                item.model_copy(update={"vote": votes.get(item.movie.id, "none")})
                for item in made.items
            ],
        }
    )


def _shown_in(made: Recommendations) -> str:
    """List the movies that a list says something about, as an array literal.

    PostgreSQL reads that faster than the driver writes it.
    """
    reasons = {reason.movie_id for item in made.items for reason in item.reasons}
    ids = sorted({item.movie.id for item in made.items} | reasons)
    return f"{{{','.join(map(str, ids))}}}"


async def recommend(
    session: AsyncSession,
    served: ServedModel | None,
    *,
    history: RatingHistory,
    request: ListRequest,
) -> Recommendations:
    """Make one list, with the model or, while there is none, by popularity."""
    excluded = *history.stars, *history.hidden, *request.excluded
    request = replace(request, excluded=excluded)
    if served is None:
        return await _by_popularity(session, history=history, request=request)
    passing = None
    if request.filters.are_set:
        passing = await movie_queries.ids(session, request.filters)
    profile, ranked = rank(served, history, request, passing)
    with stage("describe"):
        shown = {movie.id for movie in ranked}.union(
            movie_id for movie in ranked for movie_id, _ in movie.shares
        )
        movies = await movie_queries.summaries(session, list(shown))
        there = [movie for movie in ranked if movie.id in movies]  # some may have gone
        # Validated all at once, which takes two thirds of the time of one by one.
        return Recommendations.model_validate(
            {
                "recommendation_id": None,
                "model": served.reference,
                "experiment": None,
                "personalization": personalization(history, profile.known),
                "items": [
                    {
                        "movie": movies[movie.id],
                        "rank": position,
                        "score": movie.score,
                        "predicted_rating": round(movie.predicted, 2),
                        "uncertainty": round(movie.deviation, 2),
                        "reasons": reasons_by(history.stars, movies, movie.shares),
                    }
                    for position, movie in enumerate(there, start=1)
                ],
            }
        )


def reasons_by(
    stars: StarsByMovie, movies: MovieRows, shares: Shares
) -> list[dict[str, Any]]:
    """Write the fields of `Reason` for each share."""
    return [
        {
            "movie_id": movie_id,
            "title": movies[movie_id].title,
            "year": movies[movie_id].year,
            "value": stars[movie_id],
            "share": share,
        }
        for movie_id, share in shares
        if movie_id in movies
    ]


async def _by_popularity(
    session: AsyncSession, *, history: RatingHistory, request: ListRequest
) -> Recommendations:
    movie_ids = await movie_queries.most_rated(
        session, request.filters, excluded=request.excluded, limit=request.limit
    )
    movies = await movie_queries.summaries(session, movie_ids)
    items = [
        Recommendation(
            movie=MovieOut.model_validate(movies[movie_id]),
            rank=rank,
            score=None,
            predicted_rating=None,
            uncertainty=None,
            reasons=[],
        )
        for rank, movie_id in enumerate(movie_ids, start=1)
    ]
    return Recommendations(
        recommendation_id=None,
        model=None,
        experiment=None,
        personalization=personalization(history),
        items=items,
    )
