"""A command on a terminal: its options read, its errors in one line, its output cut short without a word."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO, TypeVar, cast

from pgebench.core.errors import PgebenchError
from pgebench.core.options import help_text, read

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
    with terminal():
        if any(argument in HELP for argument in arguments):
            columns = shutil.get_terminal_size().columns
            print(help_text(kind, name, max(NARROWEST, min(WIDEST, columns))))
            return
        try:
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
        raise SystemExit(f"{name}: error: {error}") from error


@contextmanager
def terminal() -> Iterator[None]:
    """Standard output and error that take every character, and end the process quietly when their reader has gone.

    ``command | head -3`` closes the pipe while there is more to print. That must not look like a failure, and Python
    must not complain about it when it flushes at its end. A signal handler would do the same for every socket of the
    process, which W&B and joblib need.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _lenient(before[0]), _lenient(before[1])
    try:
        yield
    finally:
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
        finally:
            sys.stdout, sys.stderr = before


def _lenient(stream: TextIO) -> TextIO:
    """A stream in the place of another one; None, where a process has none, stays."""
    if stream is None:
        return stream
    if isinstance(stream, io.TextIOWrapper):
        # A file's name may hold what the terminal's encoding lacks.
        stream.reconfigure(errors="backslashreplace")
    return cast(TextIO, _Lenient(stream))


class _Lenient:
    """A text stream whose reader may go away."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._leave()

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._leave()

    def _leave(self) -> NoReturn:
        """End the process; what is still in the stream's buffer goes nowhere, in place of an error at its end."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        # An exit is no error that somebody could catch and report: Hydra lets it pass.
        raise SystemExit(CLOSED_PIPE)
