"""Bodies of accounts, sessions and keys."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from api.schemas.base import (
    MAX_KEY_DAYS,
    Body,
    NewUsername,
    Out,
    Password,
    Scope,
    Username,
    clean_text,
)


class Credentials(Body):
    """User name and password; the password is used as it is."""

    username: Username
    password: Password


class NewAccount(Body):
    """The credentials of a new account.

    A name has letters, digits and `. _ -`. It must not look like another one, and the
    password must not be easy to guess.
    """

    username: NewUsername
    password: Password


class PasswordChange(Body):
    """A new password, confirmed by the current one."""

    current_password: Password
    new_password: Password
    revoke_keys: bool = Field(
        default=False, description="also revoke all API keys of the account"
    )


class Me(Out):
    """The signed-in user."""

    id: int
    username: str
    is_admin: bool
    must_change_password: bool
    created_at: datetime
    n_ratings: int


class SessionOut(Out):
    """A signed-in browser; `user_agent` is the name it sends."""

    id: int
    user_agent: str | None
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


class Sessions(Out):
    """All live sessions of the caller, the last used first."""

    items: list[SessionOut]


class AccountDeletion(Body):
    """The password confirms the deletion, which nobody can undo."""

    password: Password


class ApiKeyIn(Body):
    """A key for a program; its owner must have its scopes."""

    name: Annotated[str, Field(max_length=100), AfterValidator(clean_text)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    expires_in_days: Annotated[int, Field(ge=1, le=MAX_KEY_DAYS)] | None = Field(
        None, description="null: the key works until it is revoked"
    )


class ApiKeyOut(Out):
    """A key without its secret; `prefix` is its first characters."""

    id: int
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None


class NewApiKey(ApiKeyOut):
    """The one reply that contains the secret."""

    key: str


class ApiKeys(Out):
    """All keys of the caller."""

    items: list[ApiKeyOut]


class OwnedKey(ApiKeyOut):
    """A key as administrators see it, with the name of its owner."""

    owner: str


class OwnedKeyPage(Out):
    """One page of all keys, newest first."""

    items: list[OwnedKey]
    next_cursor: str | None


class UserIn(Body):
    """A new account; the reply holds its one-time password."""

    username: NewUsername
    is_admin: bool = False


class UserChange(Body):
    """A change of an account; missing fields stay unchanged."""

    is_admin: bool | None = None
    is_disabled: bool | None = None


class UserOut(Out):
    """An account as administrators see it; `last_seen_at` is from its live sessions."""

    id: int
    username: str
    is_admin: bool
    is_disabled: bool
    must_change_password: bool
    created_at: datetime
    last_seen_at: datetime | None
    n_ratings: int


class NewUser(UserOut):
    """The one reply that contains the one-time password."""

    one_time_password: str


class UserPage(Out):
    """One page of accounts, newest first."""

    items: list[UserOut]
    next_cursor: str | None
