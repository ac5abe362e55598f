"""Checkpoints in a run's folder, in both backends: whether a training can resume from them, and the best weights.

Damaged ones are set aside.

Both backends write checkpoints as zip archives, whose checksums show damage that loading alone would not notice.
"""

import errno
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import UserError
from harness.notices import notify

SET_ASIDE = "set-aside-"
"""The prefix of the name of a checkpoint that was set aside."""
NOT_THE_FILES = (errno.EACCES, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EPERM, errno.ESTALE)
"""Errors of the system while it reads a file that may be whole."""


def resumable(last: Path, best: Path, load: Callable[[Path], object]) -> bool:
    """Whether there is a last checkpoint to resume from; ``load`` reads a checkpoint, and raises if it cannot.

    A damaged checkpoint, such as after a power failure, is renamed and named on standard error. The training then
    starts from its first epoch, because the last epoch is of no use without the best one, nor the reverse. So the
    other checkpoint is renamed too: no later command may resume from it.
    """
    for path in (last, best):
        for unfinished in path.parent.glob(f".{path.name}.*"):  # a killed process was writing it
            unfinished.unlink(missing_ok=True)
    present = [path for path in (last, best) if path.exists()]
    damaged = [path for path in present if not _is_whole(path, load)]
    for path in present if damaged else []:
        aside = _set_aside(path)
        if aside and path in damaged:
            notify(f"{path} is damaged: it is kept as {aside.name}, and the training starts again from its first epoch")
    return last in present and not damaged


@contextmanager
def read_weights(file: Path) -> Iterator[None]:
    """Read the weights of a finished run in the block.

    Raises:
        UserError: there are none, or the block failed, because they are damaged or those of another model.
    """
    if not file.is_file():
        raise UserError(
            f"{file.parent} has no {file.name}, the weights of its best epoch; run its command again with rerun=true"
        )
    try:
        yield
    except (MemoryError, UserError):
        raise
    except Exception as error:  # damaged bytes raise errors of many types
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(
            f"the weights in {file} cannot be used ({why}); run its command again with rerun=true"
        ) from None


def _is_whole(path: Path, load: Callable[[Path], object]) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                return False
        load(path)
    except MemoryError:
        raise
    except OSError as error:
        if error.errno in NOT_THE_FILES:
            raise
        return False
    except Exception:  # damaged bytes raise errors of many types
        return False
    return True


def _set_aside(path: Path) -> Path | None:
    """Rename a checkpoint to a name that is free; None if another process that shares the training renamed it."""
    number = 1
    while (aside := path.with_name(f"{SET_ASIDE}{number}-{path.name}")).exists():
        number += 1
    try:
        return path.rename(aside)
    except FileNotFoundError:
        return None
