"""Recommendation ids: a list and its user, signed.

A vote names its list, and nobody may invent lists. The id holds the list itself under
an HMAC, so the database stores nothing until somebody votes.
"""

import hashlib
import hmac
import struct
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import feedback as queries

_HEADER = struct.Struct(">BIIII")  # version, user, model, variant, seconds since 1970
_VERSION = 1
_SIGNATURE_BYTES = 16  # of HMAC-SHA-256: 128 bits
_MOVIE_BYTES = 4
_SECOND_TEAM = 1 << 31  # the highest bit, which movie ids do not use


class ForgedError(Exception):
    """The id was not made by this service."""


@dataclass(frozen=True)
class SignedList:
    """The content of a recommendation id.

    `model_id` is 0 for a list by popularity. `variant_id` is 0 outside of experiments;
    for an interleaved list it is the control, and the other variant contributed the
    movies of `second_team`. `issued_at` is in seconds since 1970.
    """

    user_id: int
    model_id: int
    variant_id: int
    issued_at: int
    movie_ids: Sequence[int]
    second_team: frozenset[int] = frozenset()

    def signed(self, secret: bytes) -> str:
        """Write the id."""
        header = _HEADER.pack(
            _VERSION, self.user_id, self.model_id, self.variant_id, self.issued_at
        )
        marked = [
            movie_id | (_SECOND_TEAM if movie_id in self.second_team else 0)
            for movie_id in self.movie_ids
        ]
        payload = header + struct.pack(f">{len(marked)}I", *marked)
        return urlsafe_b64encode(_signature(secret, payload) + payload).decode()

    @classmethod
    def read(cls, text: str, secret: bytes) -> Self:
        """Read an id; raise `ForgedError` unless it was made with this secret."""
        try:
            data = b64decode(text, altchars="-_", validate=True)
        except ValueError as error:  # base64 raises a subclass
            raise ForgedError from error
        signature, payload = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _signature(secret, payload)):
            raise ForgedError
        _, user_id, model_id, variant_id, issued_at = _HEADER.unpack_from(payload)
        n_movies = (len(payload) - _HEADER.size) // _MOVIE_BYTES
        marked = struct.unpack_from(f">{n_movies}I", payload, _HEADER.size)
        return cls(
            user_id,
            model_id,
            variant_id,
            issued_at,
            movie_ids=[movie_id & ~_SECOND_TEAM for movie_id in marked],
            second_team=frozenset(
                m & ~_SECOND_TEAM for m in marked if m >= _SECOND_TEAM
            ),
        )


class Signer:
    """The signing secret of the database, read once."""

    def __init__(self) -> None:
        self._secret: bytes | None = None

    async def secret(self, session: AsyncSession) -> bytes:
        """Return the secret."""
        if self._secret is None:
            self._secret = await queries.signing_secret(session)
        return self._secret


def _signature(secret: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, payload, hashlib.sha256)[:_SIGNATURE_BYTES]
