"""Many rows in one request: store the valid ones, report on each."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from anyio import to_thread
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from api.formats.strict_json import parse_json
from api.queries import bulk as queries
from api.queries import ratings as rating_queries
from api.schemas.base import MAX_BULK_ROWS, Body, FieldErrorOut
from api.schemas.bulk import BulkMovie, BulkRating, BulkReport, BulkRow, BulkUser
from api.services.idempotency import Request, act_once
from api.tables import FIRST_REGISTERED_USER_ID
from api.web.problems import (
    field_error,
    invalid,
)

MAX_ERRORS_OF_ROW = 5
WRITTEN = ("added", "replaced")
Item = TypeVar("Item", bound=Body)
Fate = str | FieldErrorOut
"""`added`, `replaced` or `unchanged`, or why the row is refused."""


@dataclass(frozen=True)
class Lines(Generic[Item]):
    """A body split into rows: the valid ones, and the errors of the others."""

    items: Mapping[int, Item]
    refused: Mapping[int, list[FieldErrorOut]]


async def upsert_ratings(session: AsyncSession, request: Request) -> BulkReport:
    """Store ratings of any users, replacing earlier ones."""
    lines = await _read(request, BulkRating, lambda row: (row.user_id, row.movie_id))

    async def act() -> BulkReport:
        rows = lines.items.values()
        users = await rating_queries.lock_users(session, [r.user_id for r in rows])
        movies = await rating_queries.lock_movies(session, [r.movie_id for r in rows])
        stored = await queries.ratings(session, [(r.user_id, r.movie_id) for r in rows])

        def fate(row: BulkRating) -> Fate:
            if row.user_id not in users:
                return _unknown("user_id")
            if row.movie_id not in movies:
                return _unknown("movie_id")
            before = stored.get((row.user_id, row.movie_id))
            now = row.value, row.rated_at or (before[1] if before else None)
            return _change(before, now)

        fates = {line: fate(row) for line, row in lines.items.items()}
        await rating_queries.upsert_many(
            session,
            [
                (row.user_id, row.movie_id, row.value, row.rated_at)
                for row in _written(lines, fates)
            ],
        )
        return _report(lines, fates)

    return await act_once(session, request, act, BulkReport)


async def upsert_movies(session: AsyncSession, request: Request) -> BulkReport:
    """Store movies, replacing all fields of earlier ones."""
    lines = await _read(request, BulkMovie, lambda row: row.id)

    async def act() -> BulkReport:
        stored = await queries.movies(session, [r.id for r in lines.items.values()])
        fates: dict[int, Fate] = {
            line: _change(stored.get(row.id), row.model_dump())
            for line, row in lines.items.items()
        }
        written = [row.model_dump() for row in _written(lines, fates)]
        await queries.upsert_movies(session, written)
        return _report(lines, fates)

    return await act_once(session, request, act, BulkReport)


async def upsert_users(session: AsyncSession, request: Request) -> BulkReport:
    """Create users without credentials, as owners of ratings."""
    lines = await _read(request, BulkUser, lambda row: row.id)

    async def act() -> BulkReport:
        ids = [row.id for row in lines.items.values()]
        stored = await rating_queries.lock_users(session, ids)

        def fate(row: BulkUser) -> Fate:
            if row.id in stored:
                return "unchanged"
            if row.id >= FIRST_REGISTERED_USER_ID:
                message = "Ids from here on belong to registered users"
                return _error("id", code="range", message=message)
            return "added"

        fates = {line: fate(row) for line, row in lines.items.items()}
        added = [row.id for row in _written(lines, fates)]
        await queries.add_users(session, added)
        return _report(lines, fates)

    return await act_once(session, request, act, BulkReport)


async def _read(
    request: Request, schema: type[Item], key: Callable[[Item], Hashable]
) -> Lines[Item]:
    return await to_thread.run_sync(_parse, request.body, schema, key)


def _parse(
    body: bytes, schema: type[Item], key: Callable[[Item], Hashable]
) -> Lines[Item]:
    """Parse one JSON document per line; skip blank lines."""
    texts = [(n, t) for n, t in enumerate(body.split(b"\n"), start=1) if t.strip()]
    if len(texts) > MAX_BULK_ROWS:
        message = f"A request has at most {MAX_BULK_ROWS} rows; send several requests"
        raise invalid("body", code="too_many", message=message)
    items: dict[int, Item] = {}
    refused: dict[int, list[FieldErrorOut]] = {}
    lines_by_key: dict[Hashable, int] = {}
    for line, text in texts:
        try:
            parse_json(text)  # refuses repeated names and NaN; pydantic does not
            item = schema.model_validate_json(text)
        except ValidationError as error:
            refused[line] = _errors(error)
        except ValueError:
            message = "The line is not one valid JSON document"
            refused[line] = [_error(code="malformed", message=message)]
        else:
            first = lines_by_key.setdefault(key(item), line)
            if first == line:
                items[line] = item
            else:
                message = f"Line {first} is about the same and is stored; keep one line"
                refused[line] = [_error(code="repeated", message=message)]
    return Lines(items, refused)


def _errors(error: ValidationError) -> list[FieldErrorOut]:
    return [
        _error(*e["loc"], code=e["type"], message=e["msg"])
        for e in error.errors(include_input=False)[:MAX_ERRORS_OF_ROW]
    ]


def _error(*field: str | int, code: str, message: str) -> FieldErrorOut:
    document = field_error(*field, code=code, message=message)
    return FieldErrorOut.model_validate(document)


def _unknown(field: str) -> FieldErrorOut:
    return _error(field, code="unknown", message="Nothing has this id")


def _change(before: object, now: object) -> str:
    if before is None:
        return "added"
    return "unchanged" if before == now else "replaced"


def _written(lines: Lines[Item], fates: Mapping[int, Fate]) -> Sequence[Item]:
    """List the rows that change something."""
    return [row for n, row in lines.items.items() if fates[n] in WRITTEN]


def _report(lines: Lines[Item], fates: Mapping[int, Fate]) -> BulkReport:
    refused = dict(lines.refused)
    refused |= {n: [f] for n, f in fates.items() if isinstance(f, FieldErrorOut)}
    rows = [
        BulkRow.model_validate(
            {
                "line": line,
                "status": "refused" if line in refused else fates[line],
                "errors": refused.get(line, []),
            }
        )
        for line in sorted(lines.items.keys() | refused)
    ]
    counts = Counter(row.status for row in rows)
    return BulkReport(
        n_added=counts["added"],
        n_replaced=counts["replaced"],
        n_unchanged=counts["unchanged"],
        n_refused=counts["refused"],
        rows=rows,
    )
