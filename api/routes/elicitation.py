"""Movies to ask a user about next."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.schemas.base import MAX_ID, MAX_QUESTIONS, MAX_UNASKED, PlainInteger
from api.schemas.insights import Elicitation
from api.schemas.recommendations import InlineQuestions
from api.services import elicitation
from api.services.profiles import inline_history, read_history
from api.web.dependencies import (
    Costly,
    ModelDep,
    Public,
    SessionDep,
    Subject,
    VoteWeight,
)
from api.web.strict_route import StrictRoute

router = APIRouter(
    prefix="/elicitation", tags=["recommendations"], route_class=StrictRoute
)

NotSeen = Annotated[
    list[Annotated[int, Query(ge=1, le=MAX_ID), PlainInteger]],
    Query(max_length=MAX_UNASKED, description="movie ids not to ask about, repeatable"),
]
NQuestions = Annotated[int, Query(ge=1, le=MAX_QUESTIONS), PlainInteger]


@router.get("/{user_id}")
async def get_questions(
    user_id: Subject,
    session: SessionDep,
    model: ModelDep,
    vote_weight: VoteWeight,
    limit: NQuestions = 5,
    exclude: NotSeen = [],  # noqa: B006 - FastAPI copies defaults
) -> Elicitation:
    """Choose the movies whose ratings would tell most about a user."""
    history = await read_history(session, user_id, vote_weight=vote_weight)
    return await elicitation.next_questions(
        session, model, history=history, excluded=exclude, limit=limit
    )


@router.post("", dependencies=[Public, Costly])
async def post_questions(
    body: InlineQuestions, session: SessionDep, model: ModelDep
) -> Elicitation:
    """Choose questions by the ratings in the request; they are not stored."""
    history = inline_history(body.ratings)
    return await elicitation.next_questions(
        session, model, history=history, excluded=body.exclude, limit=body.limit
    )
