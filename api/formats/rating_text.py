"""From the bytes of an upload to the records of its ratings.

An upload is a table with separators of any usual kind, Trakt's JSON, or a zip archive
of Letterboxd or Trakt that holds such a file.
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

MAX_ROWS = 10_000
MAX_LINE = 65_536
MAX_EXPANDED = 16 * 1024 * 1024
SEPARATORS = ",;\t|"

_RATINGS = re.compile(r"(^|/)ratings([-_]movies)?\.(csv|json)$")
_SEP_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_TRAKT = ("rated_at", "type", "title", "year", "imdb_id", "tmdb_id", "rating")


class UnreadableError(Exception):
    """The file cannot be read from this line on."""

    def __init__(self, line: int, code: str, message: str) -> None:
        super().__init__(message)
        self.line, self.code, self.message = line, code, message


def text_of(body: bytes) -> str:
    """Decode an upload; take its ratings out of an archive or of JSON."""
    if body.startswith(b"PK"):
        body = _member(body)
    text = _decoded(body)
    return _from_json(text) if text.lstrip()[:1] in {"[", "{"} else text


def records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Split into records with the number of their first line; skip blank lines."""
    separator, n_skipped = _separator(text)
    lines = _lines(text)
    for _ in range(n_skipped):
        next(lines)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    first, n_records = 1 + n_skipped, 0
    try:
        for fields in reader:
            if fields:
                yield first, fields
                n_records += 1
            if n_records > MAX_ROWS + 1:
                message = f"At most {MAX_ROWS} ratings in a file"
                raise UnreadableError(first, "too_many", message)
            first = reader.line_num + 1 + n_skipped
    except csv.Error as error:
        message = "A quote is not closed, or stands within a field"
        raise UnreadableError(first, "quoting", message) from error


def _lines(text: str) -> Iterator[str]:
    """Split at LF, CRLF or CR; refuse a line that is too long before it is parsed."""
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        if len(line) > MAX_LINE:
            message = f"A line has at most {MAX_LINE} characters"
            raise UnreadableError(number, "too_long", message)
        yield line


def _separator(text: str) -> tuple[str, int]:
    """Find the separator, and how many lines only name it, as Excel's `sep=;`."""
    first = text.split("\n", 1)[0].strip()
    named = _SEP_LINE.fullmatch(first)
    if named is not None:
        return named[1], 1
    plain = re.sub('"[^"]*"', "", first)
    return max(SEPARATORS, key=plain.count), 0


def _decoded(body: bytes) -> str:
    """Read UTF-8, UTF-16 or, as every sequence of bytes is valid, Windows' Latin-1."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", errors="replace")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace")


def _member(archive: bytes) -> bytes:
    """Take the ratings out of an archive, without unpacking anything else."""
    names = "ratings.csv, ratings.json or ratings-movies.json"
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            found = [i for i in opened.infolist() if _RATINGS.search(i.filename)]
            if not found:
                raise UnreadableError(1, "archive", f"The archive holds no {names}")
            if found[0].file_size > MAX_EXPANDED:
                message = f"The ratings expand to more than {MAX_EXPANDED} bytes"
                raise UnreadableError(1, "archive", message)
            with opened.open(found[0]) as file:
                return file.read(MAX_EXPANDED)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        message = "The archive is damaged, or has a password"
        raise UnreadableError(1, "archive", message) from error


def _from_json(text: str) -> str:
    """Write Trakt's JSON as the table that Trakt exports, for one kind of reader."""
    try:
        rows = [_of_trakt(entry) for entry in list(json.loads(text))[: MAX_ROWS + 2]]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        message = "The JSON is no list of ratings as Trakt exports it"
        raise UnreadableError(1, "json", message) from error
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_TRAKT)
    writer.writerows(rows)
    return file.getvalue()


def _of_trakt(entry: dict[str, Any]) -> Sequence[object]:
    kind = entry.get("type", "movie")
    item = entry.get(kind) or {}
    ids = item.get("ids") or {}
    cells = (
        entry.get("rated_at"), kind, item.get("title"), item.get("year"),
        ids.get("imdb"), ids.get("tmdb"), entry.get("rating"),
    )  # fmt: skip
    return ["" if cell is None else str(cell) for cell in cells]
