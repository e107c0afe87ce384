"""Where the socket of the embedded PostgreSQL lies, closed to everybody else."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from api.settings import OperatorError
from api.storage.system_user import SystemUser

_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET = 100  # bytes; the kernels allow 104 to 108


def socket_folder(folder: Path, user: SystemUser) -> Path:
    """Return where the socket lies: the database's folder, or a private one.

    A socket's path has to be short, and libpq takes a comma for a list of hosts.
    """
    name = f"cinefold-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    temporary = (tempfile.gettempdir(), "/tmp")  # noqa: S108 - the owner is checked
    candidates = (folder, *(Path(each) / name for each in temporary))
    private = next(path for path in candidates if _is_socket_path(path / _SOCKET))
    if private == folder:
        return folder
    user.make(private)
    found = private.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.uid:
        raise OperatorError(
            f"{private} belongs to somebody else. Remove it, or set DATA_DIR to a "
            "shorter path, so that the database's socket can lie there."
        )
    private.chmod(0o700)
    return private


def _is_socket_path(path: Path) -> bool:
    return len(os.fsencode(path)) <= _LONGEST_SOCKET and "," not in str(path)
