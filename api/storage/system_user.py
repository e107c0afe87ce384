"""The system user that PostgreSQL runs as, and its way to the files it needs.

PostgreSQL refuses to run as root. Started by root, it runs as a system user of its own,
who is let through closed folders by an access list for that user alone: modes and the
rights of everybody else stay as they are. The server lists what it may enter, no more.
"""

import errno
import os
import pwd
import stat
import struct
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from api.settings import OperatorError

NAME = "pgserver"

_ACCESS = "system.posix_acl_access"
_VERSION, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_USER, _NAMED_USER, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NOBODY = 0xFFFFFFFF
_PASS = 0o1


@dataclass(frozen=True)
class SystemUser:
    """Who runs the server; `identity` is None where that is ourselves."""

    name: str
    identity: tuple[int, int] | None

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Find the user of a database folder, which may not exist yet.

        That is ourselves or, for root, the folder's owner, or else a system user, which
        is made if there is none.
        """
        if os.geteuid() != 0:
            return cls(name_of(os.geteuid()), None)
        with suppress(FileNotFoundError):
            found = folder.stat()
            if found.st_uid != 0:
                return cls(name_of(found.st_uid), (found.st_uid, found.st_gid))
        try:
            entry = pwd.getpwnam(NAME)
        except KeyError:
            entry = _create()
        return cls(NAME, (entry.pw_uid, entry.pw_gid))

    @property
    def options(self) -> dict[str, object]:
        """Options of `subprocess` that run a program as this user."""
        if self.identity is None:
            return {}
        user, group = self.identity
        return {"user": user, "group": group, "extra_groups": []}

    @property
    def uid(self) -> int:
        """The number of the user."""
        return os.geteuid() if self.identity is None else self.identity[0]

    def make(self, folder: Path) -> None:
        """Make a folder of this user, closed to all others, unless there is one."""
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            self.own(folder)

    def own(self, path: Path) -> None:
        """Give a file or folder that we made to this user."""
        if self.identity is not None:
            os.chown(path, *self.identity)

    def admit(self, path: Path) -> None:
        """Let this user pass all folders above a path; nobody else gains anything.

        Raises
        ------
        OperatorError
            A folder is closed, and its file system has no access lists.
        """
        if self.identity is None:
            return
        for folder in path.resolve().parents:
            if not folder.stat().st_mode & stat.S_IXOTH:
                self._admit_to(folder)

    def _admit_to(self, folder: Path) -> None:
        assert self.identity is not None  # noqa: S101 - asked of root alone
        entries = _entries(folder)
        user = _NAMED_USER, self.identity[0]
        if entries.get(user, 0) & entries.get((_MASK, _NOBODY), _PASS) & _PASS:
            return
        entries[user] = _PASS
        # Without a mask, the group's own rights are what the mask must let through.
        masked = entries.get((_MASK, _NOBODY), entries[_GROUP, _NOBODY])
        entries[_MASK, _NOBODY] = masked | _PASS
        packed = (
            _ENTRY.pack(tag, rights, who)
            for (tag, who), rights in sorted(entries.items())
        )
        try:
            os.setxattr(folder, _ACCESS, _VERSION.pack(2) + b"".join(packed))
        except OSError as error:
            raise OperatorError(
                f"{self.name}, the system user of the embedded PostgreSQL, cannot pass "
                f"{folder} ({error.strerror}). Start Cinefold as an ordinary user, or "
                f"put it and DATA_DIR where other users may pass: chmod o+x {folder}"
            ) from error


def name_of(uid: int) -> str:
    """Return the name of a user, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _entries(folder: Path) -> dict[tuple[int, int], int]:
    """Read the rights of a folder by tag and user."""
    try:
        packed = os.getxattr(folder, _ACCESS)[_VERSION.size :]
    except OSError as error:
        if error.errno not in {errno.ENODATA, errno.ENOTSUP}:
            raise
        mode = folder.stat().st_mode
        shifts = {_USER: 6, _GROUP: 3, _OTHER: 0}
        return {(tag, _NOBODY): mode >> shift & 7 for tag, shift in shifts.items()}
    return {(tag, who): rights for tag, rights, who in _ENTRY.iter_unpack(packed)}


def _create() -> pwd.struct_passwd:
    try:
        subprocess.run(  # noqa: S603 - constants
            ["useradd", "--system", "--user-group", NAME],  # noqa: S607 - on root's path
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise OperatorError(
            f"PostgreSQL does not run as root, and there is no system user {NAME} nor "
            f"a way to make one ({error}). Start Cinefold as an ordinary user."
        ) from error
    return pwd.getpwnam(NAME)
