"""A user's list: their history, the experiment that decides it, the cached reply.

`services.recommendations` makes it; here it gets its id and the votes of its reader,
and is sent again while nothing of what it was made of has changed.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import feedback as feedback_queries
from api.queries import recommendations as queries
from api.schemas.recommendations import Recommendation, Recommendations
from api.services import experiments
from api.services.experiments import Assigned
from api.services.model_store import ModelStore, ServedModel
from api.services.profiles import RatingHistory, history_in
from api.services.recommendations import ListRequest, recommend
from api.services.signing import SignedList
from api.storage.database import AnyRow
from api.telemetry.observability import stage
from api.web.problems import NotFound

RESEND_SECONDS = 3600  # the id that a list carries lives for thirty days


@dataclass(frozen=True)
class CachedReply:
    """A list as it was sent, and the row that it was made by.

    The row is also of the movies that the list before this one showed: a list is sent
    again from the third time on. Which movies pass a filter is not in it.
    """

    movies: str  # their ids, as an array literal
    reader: AnyRow
    document: bytes
    made_at: float

    def is_still(self, reader: AnyRow) -> bool:
        """Whether a list made now would be this one, its id a little younger."""
        is_recent = time.monotonic() - self.made_at < RESEND_SECONDS
        return is_recent and reader == self.reader


async def for_user(
    session: AsyncSession,
    store: ModelStore,
    *,
    user_id: int,
    vote_weight: float,
    wanted: ListRequest,
    secret: bytes,
) -> bytes:
    """Recommend to a user by the ratings the database holds now, without hidden movies.

    A running experiment decides model, head, diversity and exploration, and knows so
    before the reply; unless the reader chooses the latter, whose list is then no part
    of it. The list carries an id signed with `secret`, by which its movies can be voted
    on. It is returned as the JSON it is sent as: while nothing of what it was made of
    has changed, the same one again.
    """
    question = user_id, wanted, vote_weight, secret
    served = store.current
    last: CachedReply | None = served.kept(question) if served else None
    with stage("read"):
        reader = await queries.reader(
            session, user_id, shown=last.movies if last else "{}"
        )
    if reader is None:
        raise NotFound
    if last is not None and last.is_still(reader):
        return last.document
    is_tested = reader.has_experiment and not wanted.is_own_choice
    found = None
    if is_tested:
        found = await experiments.assigned(session, store, user_id=user_id)
    if found is not None:
        await experiments.expose(session, found, user_id=user_id)
    history = history_in(reader, vote_weight=vote_weight)
    visible = replace(wanted, excluded=(*wanted.excluded, *reader.hidden))
    made, second_team = await _decided(session, served, found, history, visible)
    made = await _signed(
        session, made, reader, found, user_id=user_id, secret=secret, team=second_team
    )
    document = made.model_dump_json().encode()
    if served and not is_tested and _depends_on_what_it_shows(made, wanted):
        served.keep(
            question, CachedReply(_shown_in(made), reader, document, time.monotonic())
        )
    return document


async def _signed(
    session: AsyncSession,
    made: Recommendations,
    reader: AnyRow,
    found: Assigned | None,
    *,
    user_id: int,
    secret: bytes,
    team: frozenset[int],
) -> Recommendations:
    """Give a list its id, and show the votes of its reader on it."""
    signed_list = SignedList(
        user_id=user_id,
        model_id=made.model.id if made.model else 0,
        variant_id=found.variant_id if found else 0,
        issued_at=int(time.time()),
        movie_ids=[item.movie.id for item in made.items],
        second_team=team,
    )
    votes = dict(zip(reader.voted, reader.are_likes, strict=True))
    if found is not None:
        votes = await feedback_queries.votes_of(
            session, user_id, variant_id=found.variant_id
        )
    return made.model_copy(
        update={
            "recommendation_id": signed_list.signed(secret),
            "experiment": found.reference if found else None,
            "items": [_with_vote(item, votes) for item in made.items],
        }
    )


def _depends_on_what_it_shows(made: Recommendations, wanted: ListRequest) -> bool:
    """Whether no other movie can get into the list while nothing it shows changes.

    One could that passes a filter from now on, and one that had gone and is back.
    """
    return not wanted.filters.are_set and len(made.items) == wanted.limit


def _shown_in(made: Recommendations) -> str:
    """List the movies that a list says something of, as an array literal.

    PostgreSQL reads that faster than the driver writes it.
    """
    items = made.items
    reasons = {reason.movie_id for item in items for reason in item.reasons}
    ids = sorted({item.movie.id for item in items} | reasons)
    return f"{{{','.join(map(str, ids))}}}"


async def _decided(
    session: AsyncSession,
    served: ServedModel | None,
    found: Assigned | None,
    history: RatingHistory,
    wanted: ListRequest,
) -> tuple[Recommendations, frozenset[int]]:
    """Make the list that an experiment decides, if one does.

    With it the movies that the second variant contributed to an interleaved one.
    """
    if found is None:
        made = await recommend(session, served, history=history, wanted=wanted)
        return made, frozenset()
    lists = [
        await recommend(
            session,
            found.served,
            history=history,
            wanted=replace(
                wanted,
                head=variant.head,
                diversity=variant.diversity,
                exploration=variant.exploration,
            ),
        )
        for variant in found.variants
    ]
    if not found.is_interleaved:
        return lists[0], frozenset()
    return experiments.interleave(found, *lists, limit=wanted.limit)


def _with_vote(item: Recommendation, votes: Mapping[int, bool]) -> Recommendation:
    is_like = votes.get(item.movie.id)
    if is_like is None:
        return item
    return item.model_copy(update={"vote": "like" if is_like else "dislike"})
