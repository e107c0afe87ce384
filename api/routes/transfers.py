"""Imports and exports of files of ratings."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Body, Query, Request, Response

from api.formats.rating_files import FormatName
from api.schemas.base import Cursor, IdempotencyKey, Limit
from api.schemas.ratings import ImportOptions, ImportPage, ImportReport
from api.services import idempotency, transfers
from api.web.dependencies import CurrentUser, SessionDep, Subject
from api.web.strict_route import RatingsRoute, StrictRoute

router = APIRouter(prefix="/ratings", tags=["ratings"], route_class=StrictRoute)

CsvBody = Annotated[
    bytes,
    Body(
        media_type="text/csv",
        description="MovieLens, Letterboxd, IMDb, Trakt, or any CSV whose first line "
        "names `rating` and one of `movie_id`, `imdb_id`, `tmdb_id`, `title`; also "
        "the zip of Letterboxd or Trakt, or Trakt's JSON, sent as `application/zip` "
        "or `application/json`",
    ),
]
Format = Annotated[FormatName, Query(alias="format")]


class CsvResponse(Response):
    """A file of ratings."""

    media_type = "text/csv"


async def post_import(
    user_id: Subject,
    principal: CurrentUser,
    request: Request,
    body: CsvBody,
    session: SessionDep,
    options: Annotated[ImportOptions, Query()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Import a file of ratings; a row that cannot be read stops no other."""
    target = f"POST {request.url.path}?{request.url.query}"
    once = idempotency.Request(principal.user_id, idempotency_key, target, body)
    scale = int(options.scale) if options.scale else None
    wanted = transfers.Import(user_id, scale, options.dry_run, options.strict)
    report = await transfers.import_ratings(session, once, wanted)
    # Writing 10,000 rows would block the event loop.
    document = await to_thread.run_sync(report.model_dump_json)
    return Response(document, media_type="application/json")


router.add_api_route(
    "/{user_id}/import",
    post_import,
    methods=["POST"],
    response_model=ImportReport,
    route_class_override=RatingsRoute,
)


@router.get("/{user_id}/imports")
async def get_imports(
    user_id: Subject, session: SessionDep, limit: Limit = 20, cursor: Cursor = None
) -> ImportPage:
    """List the imported files of a user, the last one first."""
    return await transfers.list_imports(
        session, user_id=user_id, limit=limit, cursor=cursor
    )


@router.get("/{user_id}/export", response_class=CsvResponse)
async def get_export(
    user_id: Subject, session: SessionDep, name: Format = "csv"
) -> Response:
    """Export all ratings of a user as a file."""
    text = await transfers.export_ratings(session, user_id=user_id, name=name)
    disposition = f'attachment; filename="ratings-{name}.csv"'
    return CsvResponse(text, headers={"Content-Disposition": disposition})
