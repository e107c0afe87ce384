"""Array files of a model: flushed to disk, memory-mapped, never behind a link."""

import io
import math
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def map_array(
    file: BufferedReader, dtype: np.dtype[Any], shape: tuple[int, ...], *, offset: int
) -> npt.NDArray[Any]:
    """Map an open file from `offset` on, not copied and not writable."""
    if math.prod(shape) == 0:  # nothing can be mapped, and there is nothing to read
        return np.zeros(shape, dtype=dtype)
    return np.asarray(
        np.memmap(file, dtype=dtype, mode="r", offset=offset, shape=shape)
    )


def header_of(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Build the only header that a file of this dtype and shape may begin with."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": dtype.str, "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def write_file(path: Path, content: bytes) -> None:
    """Write a new file and flush it to disk; refuse a name that exists."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_file(folder: Path, name: str) -> BufferedReader:
    """Open a regular file of a real folder for reading; links are refused."""
    parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(name, flags, dir_fd=parent)
    finally:
        os.close(parent)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"{name} is not a regular file")
    return os.fdopen(descriptor, "rb")
