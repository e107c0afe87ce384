"""The Movie Database: what a film is about and its poster, at the pace it allows.

What it answers is documented at https://developer.themoviedb.org: a movie's details,
the configuration that says where images are, and errors. It allows some forty requests
a second; who is answered 429 waits.
"""

import asyncio
import logging
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Annotated, TypeVar
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError

T = TypeVar("T")
logger = logging.getLogger(__name__)

SOURCE = "TMDB"
KEY_ADVICE = (
    "set TMDB_API_KEY to a key of The Movie Database; one is free for non-commercial "
    "use at https://www.themoviedb.org/settings/api"
)
POSTER_SIZE = "w342"  # pixels across: sharp at the width that the app shows
JPEG = b"\xff\xd8\xff"

SECONDS_BETWEEN = 1 / 30
TIMEOUT_SECONDS = 10.0
N_ATTEMPTS = 4
LONGEST_WAIT = 120.0
LARGEST_REPLY = 1 << 20  # bytes
RETRY_AFTER = re.compile(r"[0-9]{1,5}")


class RefusedError(Exception):
    """TMDB will answer nothing: the key is wrong, or it asks us to stay away."""


class NoAnswerError(Exception):
    """There was no usable answer, however often it was asked for."""


class Details(BaseModel):
    """The part of a movie's details that is used."""

    id: int
    overview: Annotated[str, Field(max_length=10_000)] | None = None
    poster_path: (
        Annotated[str, Field(pattern=r"^/[A-Za-z0-9_-]{1,100}\.jpg$")] | None
    ) = None


class Images(BaseModel):
    """Where images are."""

    secure_base_url: Annotated[str, Field(pattern=r"^https?://\S+/$", max_length=200)]


class Configuration(BaseModel):
    """The part of TMDB's configuration that is used."""

    images: Images


@dataclass(frozen=True)
class Description:
    """What TMDB knows of a movie; of one it does not have, nothing."""

    synopsis: str | None = None
    poster: bytes | None = None


@dataclass(frozen=True)
class Reply:
    """A reply, read to its end."""

    status: int
    content: bytes
    retry_after: str = ""


NO_REPLY = Reply(0, b"")


class Tmdb:
    """Asks for one thing at a time, over connections that are kept."""

    def __init__(self, url: str, key: SecretStr, *, first_pause: float = 1.0) -> None:
        self.url = url
        self.key = key.get_secret_value()
        self.first_pause = first_pause
        self.connections: dict[tuple[str, str], HTTPConnection] = {}
        self.next_turn = 0.0
        self.images: str | None = None

    async def describe(self, tmdb_id: int) -> Description:
        """Ask for a movie and its poster; go on asking while there is hope."""
        details = await self._fetch(f"{self.url}/movie/{tmdb_id}", _read_details)
        if details is None:
            return Description()
        if details.id != tmdb_id:
            raise NoAnswerError
        poster = None
        if details.poster_path is not None:
            if self.images is None:
                self.images = await self._fetch(
                    f"{self.url}/configuration", _read_configuration
                )
            url = f"{self.images}{POSTER_SIZE}{details.poster_path}"
            poster = await self._fetch(url, _read_poster)
        return Description(_plain(details.overview), poster)

    def close(self) -> None:
        """Close all connections."""
        for connection in self.connections.values():
            connection.close()

    async def _fetch(self, url: str, read: Callable[[Reply], T]) -> T:
        pause = self.first_pause
        for attempt in range(N_ATTEMPTS):
            await self._turn()
            reply = await asyncio.to_thread(self._get, url)
            if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
                self._hold(_seconds_asked_for(reply, default=pause))
            else:
                try:
                    return read(reply)
                except (ValidationError, NoAnswerError) as error:
                    logger.info("%s: %d %s", url, reply.status, type(error).__name__)
                if attempt < N_ATTEMPTS - 1:
                    await asyncio.sleep(pause)
            pause *= 2
        raise NoAnswerError

    async def _turn(self) -> None:
        """Wait until the next request may be sent."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self.next_turn)
        self.next_turn = turn + SECONDS_BETWEEN
        await asyncio.sleep(turn - now)

    def _hold(self, seconds: float) -> None:
        """Send nothing more for so long."""
        if seconds > LONGEST_WAIT:
            raise RefusedError(f"TMDB asks to wait {seconds:.0f} s; come back then")
        until = asyncio.get_running_loop().time() + seconds
        self.next_turn = max(self.next_turn, until)

    def _get(self, url: str) -> Reply:
        """Send one request; redirects are not followed."""
        parts = urlsplit(url)
        connection = self._connection(parts.scheme, parts.netloc)
        target, headers = parts.path, {"User-Agent": "Cinefold"}
        if url.startswith(f"{self.url}/"):  # no other site is shown the key
            target, headers = self._signed(target, headers)
        try:
            connection.request("GET", target, headers=headers)
            reply = _whole(connection.getresponse())
        except (OSError, HTTPException) as error:
            logger.info("%s: %s", url, type(error).__name__)
            reply = NO_REPLY
        if reply is NO_REPLY:
            connection.close()  # the next request opens it anew
        return reply

    def _signed(
        self, target: str, headers: dict[str, str]
    ) -> tuple[str, dict[str, str]]:
        """Add a read access token as a header, the older key as TMDB wants it."""
        if "." in self.key:
            return target, headers | {"Authorization": f"Bearer {self.key}"}
        return f"{target}?{urlencode({'api_key': self.key})}", headers

    def _connection(self, scheme: str, site: str) -> HTTPConnection:
        kind = HTTPSConnection if scheme == "https" else HTTPConnection
        if (scheme, site) not in self.connections:
            self.connections[scheme, site] = kind(site, timeout=TIMEOUT_SECONDS)
        return self.connections[scheme, site]


def _whole(response: HTTPResponse) -> Reply:
    """Read a reply to its end, unless that is too far away."""
    content = response.read(LARGEST_REPLY + 1)
    if len(content) > LARGEST_REPLY:
        return NO_REPLY
    retry_after = response.getheader("Retry-After", "")
    return Reply(response.status, content, retry_after)


def _read_details(reply: Reply) -> Details | None:
    """Tell a description from a movie that TMDB does not have."""
    if reply.status == HTTPStatus.NOT_FOUND:
        return None
    return Details.model_validate_json(_content(reply))


def _read_configuration(reply: Reply) -> str:
    """Find where images are."""
    return Configuration.model_validate_json(_content(reply)).images.secure_base_url


def _read_poster(reply: Reply) -> bytes | None:
    """Believe that it is a picture only by its first bytes."""
    if reply.status == HTTPStatus.NOT_FOUND:
        return None
    content = _content(reply)
    if not content.startswith(JPEG):
        raise NoAnswerError
    return content


def _content(reply: Reply) -> bytes:
    """Tell an answer from a wrong key and a broken reply."""
    if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise RefusedError(f"TMDB refuses the key; {KEY_ADVICE}")
    if reply.status != HTTPStatus.OK:
        raise NoAnswerError
    return reply.content


def _plain(overview: str | None) -> str | None:
    """Normalise a text; PostgreSQL and readers have no use for control characters."""
    spaced = "".join(
        " " if unicodedata.category(c) == "Cc" else c for c in overview or ""
    )
    return unicodedata.normalize("NFC", " ".join(spaced.split())) or None


def _seconds_asked_for(reply: Reply, *, default: float) -> float:
    """Read `Retry-After`; TMDB sends seconds."""
    is_number = RETRY_AFTER.fullmatch(reply.retry_after)
    return float(reply.retry_after) if is_number else default
