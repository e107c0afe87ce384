"""Many rows in one request: newline-delimited JSON in, a report out."""

from typing import Annotated

from fastapi import APIRouter, Body, Request

from api.schemas.base import IdempotencyKey
from api.schemas.bulk import BulkReport
from api.services import bulk, idempotency
from api.services.auth import Principal
from api.web.dependencies import AdminUser, ServingUser, SessionDep
from api.web.strict_route import NdjsonRoute

router = APIRouter(prefix="/bulk", tags=["bulk"], route_class=NdjsonRoute)

NdjsonBody = Annotated[bytes, Body(media_type="application/x-ndjson")]


@router.post("/ratings")
async def post_ratings(
    principal: ServingUser,
    request: Request,
    body: NdjsonBody,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> BulkReport:
    """Store ratings of any users: `{"user_id": 7, "movie_id": 1, "value": 4.5}`."""
    once = repeatable(request, principal, idempotency_key, body)
    return await bulk.upsert_ratings(session, once)


@router.post("/movies")
async def post_movies(
    principal: AdminUser,
    request: Request,
    body: NdjsonBody,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> BulkReport:
    """Store movies: `{"id": 1, "title": "Toy Story", "year": 1995, "genres": []}`."""
    once = repeatable(request, principal, idempotency_key, body)
    return await bulk.upsert_movies(session, once)


@router.post("/users")
async def post_users(
    principal: AdminUser,
    request: Request,
    body: NdjsonBody,
    session: SessionDep,
    idempotency_key: IdempotencyKey = None,
) -> BulkReport:
    """Create users without credentials, as owners of ratings: `{"id": 7}`."""
    once = repeatable(request, principal, idempotency_key, body)
    return await bulk.upsert_users(session, once)


def repeatable(
    request: Request, principal: Principal, key: str | None, body: bytes
) -> idempotency.Request:
    """Identify the request, in case it is repeated."""
    target = f"POST {request.url.path}"
    return idempotency.Request(principal.user_id, key, target, body)
