"""A command on a terminal: its options read, its errors in one line, its output cut short without a word."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO, TypeVar, cast

from pgebench.core.errors import PgebenchError
from pgebench.core.options import help_text, read
from pgebench.core.say import say, write
from pgebench.core.text import one_line

T = TypeVar("T")

HELP = ("-h", "--help")
NARROWEST, WIDEST = 60, 100
"""Columns that lines of help take at least, however narrow the terminal is, and at most."""

CLOSED_PIPE = 128 + getattr(signal, "SIGPIPE", 13)
"""The exit code of a command whose reader has gone, as a shell reports it for programs that the signal ends."""


def command(name: str, kind: type[T], work: Callable[[T], None], arguments: Sequence[str]) -> None:
    """Do what a command line asks for, or print the help.

    Args:
        name: What the user typed before the options.
        kind: The dataclass of its options, as for ``pgebench.core.options.read``.
        work: What the command does.
        arguments: What the user typed after its name.

    Raises:
        SystemExit: With one line that says what is wrong.
    """
    with terminal(name):
        try:
            if any(argument in HELP for argument in arguments):
                columns = shutil.get_terminal_size().columns
                say(*help_text(kind, name, max(NARROWEST, min(WIDEST, columns))).split("\n"))
                return
            options = read(kind, name, arguments)
        except PgebenchError as error:
            raise SystemExit(str(error)) from error
        with one_line_errors(name):
            work(options)


@contextmanager
def one_line_errors(name: str) -> Iterator[None]:
    """An error that a user can act on ends the command with one line instead of a traceback.

    Args:
        name: Of the command.

    Raises:
        SystemExit: With the message.
    """
    try:
        yield
    except (OSError, ValueError, PgebenchError) as error:
        raise SystemExit(one_line(f"{name}: error: {error}")) from error


@contextmanager
def terminal(name: str = "pgebench") -> Iterator[None]:
    """A command: what it prints survives any terminal, and its exit code says what of that was lost.

    ``command | head -3`` closes the pipe while there is more to print. What the command was asked to do is done all the
    same, and must not look like a failure of its own: it ends without a word and with the code that a shell reports
    for programs that the signal ends. A signal handler would do the same for every socket of the process, which W&B and
    joblib need.

    Args:
        name: Of the command.

    Raises:
        SystemExit: Standard output could not be written, and nothing else went wrong.
    """
    with patient_streams() as output:
        try:
            yield
        except SystemExit as stop:
            if stop.code:
                raise
        output.flush()
    if isinstance(output.lost, BrokenPipeError):
        raise SystemExit(CLOSED_PIPE)
    if output.lost is not None:
        reason = getattr(output.lost, "strerror", None) or output.lost
        raise SystemExit(f"{name}: error: standard output cannot be written ({reason}); all the rest is done and kept")


@contextmanager
def patient_streams() -> Iterator[PatientStream]:
    """Standard output and error that take every character and never raise, as others who print expect them.

    Yields:
        Standard output, which knows what it lost.
    """
    _occupy_standard_numbers()
    before = sys.stdout, sys.stderr
    output, error = PatientStream(before[0]), PatientStream(before[1])
    sys.stdout, sys.stderr = cast(TextIO, output), cast(TextIO, error)
    try:
        yield output
    finally:
        output.flush()
        error.flush()
        sys.stdout, sys.stderr = before


def _occupy_standard_numbers() -> None:
    """Open what was closed (``command >&-``), or the next file gets the number, and what others print goes into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


class PatientStream:
    """A text stream in the place of another one, whose reader may go away. One that is not there takes everything.

    Args:
        stream: The other one.
    """

    def __init__(self, stream: TextIO | None) -> None:
        there_is_one = stream is not None and not getattr(stream, "closed", False)
        self._stream = cast(TextIO, stream if there_is_one else _Nowhere())
        self.lost: OSError | ValueError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write what the stream takes; a letter that it lacks by its number."""
        if self.lost is None:
            self._note(write(self._stream, text, flush=False))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Write what waits in a buffer."""
        if self.lost is None:
            self._note(write(self._stream, ""))

    def _note(self, lost: OSError | ValueError | None) -> None:
        """What is still in the stream's buffer goes nowhere, in place of an error when Python flushes at its end."""
        self.lost = lost
        if lost is not None:
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


class _Nowhere(io.TextIOBase):
    """What has no place to go to."""

    def write(self, text: str) -> int:
        return len(text)
