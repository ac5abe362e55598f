"""The machines (nodes) that share one training: when one fails, the others end soon, and say which one and why.

Each node has a file in the output folder, which all share. It touches the file every few seconds, and writes into it
why it failed. The others look at it while they train. Frameworks alone may wait half an hour for a node that is gone.
"""

import json
import os
import platform
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType

from harness.backends.distributed import node_rank
from harness.errors import UserError
from harness.records import store
from harness.runner.messages import Outcome
from harness.runner.run_lock import Held
from harness.runner.stopping import Stopped

TOUCHED_EVERY, SILENT_AFTER = 5.0, 30.0
"""Seconds between two touches of a node's file, and without one after which the node is taken for dead."""
OWN_WORD_WITHIN = 15.0
"""Seconds that a node has, once another one failed, to fail by itself and say why."""
LOOKS_EVERY = 1.0


@dataclass(frozen=True)
class Word:
    """What a node says of itself. ``token`` tells its attempts apart; ``failed`` is why it failed.

    ``follows``: it ended because another node had failed. ``skips``: it found the run ended, and trains nothing.
    """

    host: str
    token: str
    failed: str | None = None
    follows: bool = False
    skips: bool = False


class Nodes:
    """This node and the others of a run, as a context manager; with one node, it does nothing.

    An exception that leaves the block is why this node failed.
    """

    def __init__(self, output_dir: Path, nodes: int) -> None:
        self.own = node_rank(nodes)
        self.others = [number for number in range(nodes) if number != self.own]
        if self.others:
            meeting = f"{os.environ['MASTER_ADDR']}-{os.environ['MASTER_PORT']}"
            self.folder = output_dir / "locks" / f"nodes-{store.file_name(meeting)}"
        self._word = Word(platform.node(), secrets.token_hex(8))
        self._left = threading.Event()
        self._before: dict[int, tuple[Word | None, float]] = {}
        self._seen: dict[int, tuple[float, float]] = {}  # the time of a file, and since when on the clock of this node
        self._trouble_since: float | None = None

    def __enter__(self) -> "Nodes":
        if self.others:
            # words of an earlier attempt, whose files nobody touches, count for nothing
            self._before = {number: self._read(number) for number in self.others}
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._write(self._word)
            except OSError as error:
                why = f"({error.strerror}); set output_dir to a folder that all nodes share"
                raise UserError(f"{self.folder} cannot be written to {why}") from None
            threading.Thread(target=self._keep_touching, daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, _trace: TracebackType | None) -> None:
        self._left.set()
        if not self.others:
            return
        # a node whose run another process holds waits for it, and then begins again
        if error is not None and not isinstance(error, Held) and self._word.failed is None:
            self._fail(_reason(error))
        with suppress(OSError):
            if self._word.failed is None:
                self._file(self.own).unlink()
            elif self.own == 0 and error is None:  # it has waited for the others
                for file in self.folder.iterdir():
                    file.unlink()
            self.folder.rmdir()

    def trouble(self) -> str | None:
        """Which other node failed and why, some seconds after that was seen; None where all is well."""
        failures = self._failures()
        if not failures:
            return None
        if self._trouble_since is None:
            self._trouble_since = time.monotonic()
        return None if time.monotonic() - self._trouble_since < OWN_WORD_WITHIN else failures[0]

    @property
    def skipped(self) -> bool:
        """Whether another node found the run ended, so that this one has nothing to train."""
        said = {number: self._read(number) for number in self.others}
        return any(word is not None and word.skips for number, (word, _) in said.items()
                   if said[number] != self._before[number])  # fmt: skip

    def skip(self) -> None:
        """Tell the other nodes that there is nothing to train, and wait until those that are there have left.

        They may wait already to train with this node. One that is there touches its file in time.
        """
        if not any(self._read(number)[0] for number in self.others):
            return
        self._word = replace(self._word, skips=True)
        with suppress(OSError):
            self._write(self._word)
        deadline = time.monotonic() + 2 * TOUCHED_EVERY
        while any(self._lives(one) or (self._read(one)[0] and time.monotonic() < deadline) for one in self.others):
            time.sleep(LOOKS_EVERY)

    def agree(self, outcome: Outcome, stopped: bool) -> Outcome:
        """This node's outcome, which tells the others; a failure has the reasons of all nodes, the first one first.

        ``stopped``: it was ended because of the others. It waits until each of these has ended too, or is silent.
        """
        if not self.others or outcome.status == "finished":
            return outcome
        self._fail(str(outcome.reason), stopped)
        while any(self._lives(number) for number in self.others):
            time.sleep(LOOKS_EVERY)
        first = self._failures()
        if stopped or not first:
            return outcome
        mine = f"node {self.own} on {self._word.host} failed: {outcome.reason}"
        theirs_first = self._failed_at(self.own) > min(self._failed_at(number) for number in self.others)
        reasons = [*first, mine] if theirs_first else [mine, *first]
        return replace(outcome, reason="; ".join(reasons))

    def _failures(self) -> list[str]:
        """What is wrong with the other nodes, the first failure first; without those that only followed it."""
        found = []
        for number in self.others:
            word, changed = self._read(number)
            if word is None or (word, changed) == self._before[number]:
                continue
            if word.skips:
                found.append((changed, f"node {number} on {word.host} found the run ended, and trains nothing"))
            elif word.failed is not None and not word.follows:
                found.append((changed, f"node {number} on {word.host} failed: {word.failed}"))
            elif word.failed is None and self._is_silent(number, changed):
                silent = f"has given no sign of life for {SILENT_AFTER:.0f} s: it or its command was ended"
                found.append((changed, f"node {number} on {word.host} {silent}"))
        return [sentence for _, sentence in sorted(found)]

    def _lives(self, number: int) -> bool:
        """Whether another node is still at work."""
        word, changed = self._read(number)
        stale = word is None or (word, changed) == self._before[number]
        return not stale and word.failed is None and not self._is_silent(number, changed)  # type: ignore[union-attr]

    def _is_silent(self, number: int, changed: float) -> bool:
        """Whether a node's file was not touched for long, on the clock of this node: clocks of machines differ."""
        before, since = self._seen.get(number, (None, 0.0))
        if changed != before:
            self._seen[number] = changed, time.monotonic()
            return False
        return time.monotonic() - since > SILENT_AFTER

    def _failed_at(self, number: int) -> float:
        """When a node wrote its word last, on the clock of the file system."""
        return self._read(number)[1]

    def _fail(self, reason: str, follows: bool = False) -> None:
        self._word = replace(self._word, failed=reason, follows=follows)
        with suppress(OSError):
            self._write(self._word)

    def _file(self, number: int) -> Path:
        return self.folder / f"{number}.json"

    def _write(self, word: Word) -> None:
        store.write_json(self._file(self.own), asdict(word))

    def _read(self, number: int) -> tuple[Word | None, float]:
        """A node's word and when its file changed; no word where there is none."""
        try:
            with open(self._file(number), encoding="utf8") as file:  # a network file system then asks its server
                return Word(**json.load(file)), os.fstat(file.fileno()).st_mtime
        except (OSError, ValueError, TypeError):
            return None, float("inf")

    def _keep_touching(self) -> None:
        while not self._left.wait(TOUCHED_EVERY):
            if self._word.failed is None:
                with suppress(OSError):
                    os.utime(self._file(self.own))


def _reason(error: BaseException) -> str:
    """Why a node failed whose command an exception ends."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted by Ctrl-C"
    return str(error) if isinstance(error, UserError | Stopped) else f"{type(error).__name__}: {error}"
