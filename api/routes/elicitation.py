"""Which movies to ask somebody about next."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import ModelDep, SessionDep, Subject
from api.schemas.base import MAX_ID, PlainInteger
from api.schemas.insights import Elicitation
from api.services import elicitation
from api.strict_route import StrictRoute

router = APIRouter(
    prefix="/elicitation", tags=["recommendations"], route_class=StrictRoute
)

NotSeen = Annotated[
    list[Annotated[int, Query(ge=1, le=MAX_ID), PlainInteger]],
    Query(max_length=50, description="movie ids not to ask about, repeatable"),
]
NQuestions = Annotated[int, Query(ge=1, le=20), PlainInteger]


@router.get("/{user_id}")
async def get_questions(
    user_id: Subject,
    session: SessionDep,
    model: ModelDep,
    limit: NQuestions = 5,
    exclude: NotSeen = [],  # noqa: B006 - FastAPI copies defaults
) -> Elicitation:
    """Choose the movies whose ratings would tell most about a user."""
    return await elicitation.next_questions(
        session, model, user_id=user_id, excluded=exclude, limit=limit
    )
