"""Import ratings from files, and export them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.fault_points import fault_point
from api.formats import rating_exports, rating_files
from api.formats.rating_files import (
    FaultyFileError,
    FormatName,
    RatedTitle,
    RatingFile,
)
from api.queries import imports as import_queries
from api.queries import matching
from api.queries import ratings as queries
from api.queries.matching import Candidate, MovieReference
from api.schemas.ratings import ImportedRow, ImportOut, ImportPage, ImportReport
from api.services.idempotency import Request, act_once
from api.web import cursors
from api.web.problems import InvalidRequest, MalformedRequest, NotFound, field_error

WRITTEN = frozenset({"added", "replaced"})


@dataclass(frozen=True)
class Import:
    """The options of an import."""

    user_id: int
    scale: int | None
    is_dry_run: bool


async def import_ratings(
    session: AsyncSession, request: Request, wanted: Import
) -> ImportReport:
    """Store the ratings of a file and report on each row.

    A file with a fault is refused as a whole. A row whose movie is unknown or ambiguous
    is reported and left out.
    """
    file = await to_thread.run_sync(_read, request.body, wanted.scale)

    async def act() -> ImportReport:
        return await _import(session, file, wanted)

    if wanted.is_dry_run:
        return await act()
    return await act_once(session, request, act, ImportReport)


def _read(body: bytes, scale: int | None) -> RatingFile:
    try:
        return rating_files.parse(body.decode("utf-8-sig"), scale=scale)
    except UnicodeDecodeError:
        raise MalformedRequest("The file is not UTF-8; save it as UTF-8") from None
    except FaultyFileError as error:
        raise InvalidRequest(
            "The file has faults; nothing is stored",
            errors=[
                field_error(
                    "body", f.line, f.column or "line", code=f.code, message=f.message
                )
                for f in error.faults
            ],
        ) from None


async def _import(
    session: AsyncSession, file: RatingFile, wanted: Import
) -> ImportReport:
    user_id = wanted.user_id
    if not await queries.lock_users(session, [user_id]):
        raise NotFound
    matches = await match(session, file)
    fault_point("import matched")
    movie_ids = [match.movie_id for match in matches.values() if match is not None]
    before = await queries.values_of(session, user_id, movie_ids)
    report = await to_thread.run_sync(_report, file, wanted, matches, before)
    if not wanted.is_dry_run:
        times = {row.line: row.rated_at for row in file.rows}
        await queries.upsert_many(
            session,
            [
                (user_id, row.movie_id, row.value, times[row.line])
                for row in report.rows
                if row.status in WRITTEN and row.movie_id and row.value
            ],
        )
        counts = report.model_dump(exclude={"is_dry_run", "rows"})
        await import_queries.add(session, {"user_id": user_id, **counts})
        fault_point("import stored")
    return report


Matches = Mapping[int, Candidate | None]
"""The movie of each line; `None` if several movies are equally likely."""


async def match(session: AsyncSession, file: RatingFile) -> Matches:
    """Find the movie of each row, by its ids or else by title and year."""
    rows = [row for row in file.rows if row.written]
    found = _closest(await matching.by_ids(session, [_wanted(row) for row in rows]))
    # MovieLens's ids are ours: an unknown id is an unknown movie.
    titled = [
        _wanted(row)
        for row in rows
        if row.line not in found
        and row.title
        and row.is_movie
        and not (file.format == "movielens" and row.movie_id)
    ]
    found |= _closest(await matching.by_titles(session, titled))
    return found | dict.fromkeys(_outdone(found))


def _wanted(row: RatedTitle) -> MovieReference:
    return MovieReference(
        row.line, row.movie_id, row.imdb_id, row.tmdb_id, row.title, row.year
    )


def _closest(candidates: Iterable[Candidate]) -> dict[int, Candidate | None]:
    """Choose the likeliest movie of each line; `None` if two are equally likely."""
    by_line: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_line[candidate.line].append(candidate)
    chosen: dict[int, Candidate | None] = {}
    for line, likely in by_line.items():
        best = min(likely, key=lambda candidate: candidate.distance)
        rivals = {c.movie_id for c in likely if c.distance == best.distance}
        chosen[line] = best if len(rivals) == 1 else None
    return chosen


def _outdone(found: Matches) -> list[int]:
    """List the lines whose movie fits another line at least as well."""
    by_movie: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in found.values():
        if candidate is not None:
            by_movie[candidate.movie_id].append(candidate)
    outdone = []
    for rivals in by_movie.values():
        best = min(rival.distance for rival in rivals)
        n_best = sum(rival.distance == best for rival in rivals)
        outdone += [r.line for r in rivals if r.distance > best or n_best > 1]
    return outdone


def _report(
    file: RatingFile, wanted: Import, matches: Matches, before: Mapping[int, float]
) -> ImportReport:
    rows = [_fate(row, matches, before) for row in file.rows]
    counts = Counter(row.status for row in rows)
    n_done = counts["added"] + counts["replaced"] + counts["unchanged"]
    return ImportReport.model_validate(
        {
            "format": file.format,
            "scale": file.scale,
            "is_dry_run": wanted.is_dry_run,
            "n_added": counts["added"],
            "n_replaced": counts["replaced"],
            "n_unchanged": counts["unchanged"],
            "n_skipped": len(rows) - n_done,
            "rows": rows,
        }
    )


def _fate(
    row: RatedTitle, matches: Matches, before: Mapping[int, float]
) -> ImportedRow:
    movie = matches.get(row.line)
    previous = before.get(movie.movie_id) if movie else None
    if not row.written:
        status = "unrated"
    elif movie is not None:
        status = _change(previous, row.value)
    elif row.line in matches:
        status = "ambiguous"
    else:
        status = "unmatched" if row.is_movie else "not_a_movie"
    return ImportedRow.model_validate(
        {
            "line": row.line,
            "status": status,
            "title": row.title,
            "year": row.year,
            "rating": row.written,
            "value": row.value if row.written else None,
            "is_rounded": row.is_rounded,
            "movie_id": movie.movie_id if movie else None,
            "movie_title": movie.title if movie else None,
            "previous": previous,
        }
    )


def _change(previous: float | None, value: float) -> str:
    if previous is None:
        return "added"
    return "unchanged" if previous == value else "replaced"


async def list_imports(
    session: AsyncSession, *, user_id: int | None, limit: int, cursor: str | None
) -> ImportPage:
    """Read one page of a user's imports, or of everybody's, newest first."""
    read = partial(import_queries.page, session, user_id=user_id)
    rows, next_cursor = await cursors.page_by_id(read, limit=limit, cursor=cursor)
    if not rows and user_id and not await queries.user_exists(session, user_id):
        raise NotFound
    items = [ImportOut.model_validate(row) for row in rows]
    return ImportPage(items=items, next_cursor=next_cursor)


async def export_ratings(
    session: AsyncSession, *, user_id: int, name: FormatName
) -> str:
    """Write all of a user's ratings as a file, newest first."""
    rows = await queries.with_movies(session, user_id)
    if not rows and not await queries.user_exists(session, user_id):
        raise NotFound

    def write() -> str:
        return rating_exports.write(rows, name, user_id=user_id)

    return await to_thread.run_sync(write)
