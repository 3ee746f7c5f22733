"""Options of a command: a frozen dataclass, read from ``key=value`` and explained by its own docstring.

The first paragraphs of the docstring say what the command is for, ``Attributes:`` what each option means and
``Examples:`` what one may type, so that everything about an option stands once.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from pgebench.core.errors import ConfigError, PgebenchError
from pgebench.core.suggest import nearest
from pgebench.core.words import one, several, type_one, type_several

T = TypeVar("T")

NUMBERS: dict[Any, str] = {int: "a number (whole numbers only)", float: "a number"}
BOOLEANS = {"true": True, "false": False}
LEFT = 24
"""Columns of an option and its default in the help; a longer one has a line of its own."""


class UsageError(ConfigError):
    """An option that must be given is missing; the message is the usage."""


@dataclass(frozen=True)
class Explanation:
    """What a docstring says of a command.

    Attributes:
        purpose: What the command is for; paragraphs are separated by empty lines.
        meanings: Name of an option -> what it means.
        examples: Lines that one may type.
    """

    purpose: str
    meanings: Mapping[str, str]
    examples: tuple[str, ...]


def read(kind: type[T], command: str, arguments: Sequence[str]) -> T:
    """The options that a command line gives, over their defaults.

    An option is ``key=value``; ``--key=value`` and ``--key value`` say the same, and a bare ``key`` is true. The types
    are ``str``, ``Path``, ``int``, ``float``, ``bool`` and ``tuple[str, ...]`` (values with commas between them), or
    one of them and None, which an empty value and ``null`` stand for. Paths and names are read as
    ``pgebench.core.words`` says.

    Args:
        kind: A frozen dataclass. A field without default must be given; ``shown`` in its metadata is the word that
            stands for its value, and ``key`` is what is typed where that is no name in Python (``tracking.project``).
        command: Its name, for messages.
        arguments: What was typed after the name.

    Returns:
        An instance of ``kind``.

    Raises:
        UsageError: An option that must be given is missing.
        ConfigError: An option is unknown, has a value of another type, or one that ``kind`` refuses.

    >>> from dataclasses import dataclass, field
    >>> @dataclass(frozen=True)
    ... class Wanted:
    ...     results: str = field(metadata={"shown": "DIR"})
    ...     workers: int = 1
    >>> read(Wanted, "pgebench-x", ["results=here", "workers=2"]).workers
    2
    >>> read(Wanted, "pgebench-x", [])
    Traceback (most recent call last):
    ...
    pgebench.core.options.UsageError: usage: pgebench-x results=DIR [option=value ...]; pgebench-x --help says more
    """
    types = get_type_hints(kind)
    known = _fields(kind)
    given = _given(arguments, types)
    if unknown := sorted(set(given) - set(known)):
        close = nearest(unknown, list(known))
        every = " ".join(f"{name}={_value(each)}" for name, each in known.items())
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise ConfigError(f"{command}: error: no option {', '.join(unknown)}; with their defaults: {every}{hint}")
    if any(not given.get(name) for name, each in known.items() if _required(each)):
        examples = [f"; for example {line}" for line in explanation(kind).examples[:1]]
        raise UsageError("".join([usage(kind, command), *examples, f"; {command} --help says more"]))
    values = {known[key].name: _typed(command, known[key], types[known[key].name], text) for key, text in given.items()}
    try:
        return kind(**values)
    except UsageError as error:
        raise UsageError(f"{usage(kind, command)}: {error}") from error
    except PgebenchError as error:
        raise ConfigError(f"{command}: error: {error}") from error


def help_text(kind: type[Any], command: str, width: int = 80) -> str:
    """What ``--help`` prints: the purpose, each option with its default and meaning, and examples.

    Args:
        kind: A dataclass as for ``read``.
        command: Its name.
        width: Columns of the terminal.

    Returns:
        Lines of at most ``width`` columns, but for examples and defaults that are longer.
    """
    said = explanation(kind)
    lines = [usage(kind, command), ""]
    for paragraph in said.purpose.split("\n\n"):
        lines += [*textwrap.wrap(paragraph, width), ""]
    rows = [
        (f"{key}={_value(each)}", said.meanings.get(each.name, "") + (" Must be given." if _required(each) else ""))
        for key, each in _fields(kind).items()
    ]
    lines += ["options, with their defaults:", columns(rows, width), ""]
    lines += ["examples:" if len(said.examples) > 1 else "example:", *(f"  {line}" for line in said.examples)]
    return "\n".join(lines)


def columns(rows: Iterable[tuple[str, str]], width: int) -> str:
    """Two columns of text, the right one wrapped.

    Args:
        rows: What stands left and right; a left one that is too long has a line of its own.
        width: Columns of the terminal.

    Returns:
        Lines with ends of line between them.

    >>> print(columns([("workers=1", "Processes."), ("results=results/embedded", "Folder.")], 40))
      workers=1               Processes.
      results=results/embedded
                              Folder.
    """
    lines = []
    for left, right in rows:
        indent, start = " " * (LEFT + 2), f"  {left}"
        if len(start) > LEFT:
            lines.append(start)
            start = indent
        lines += textwrap.wrap(right, width, initial_indent=start.ljust(len(indent)), subsequent_indent=indent)
    return "\n".join(lines)


def usage(kind: type[Any], command: str) -> str:
    """The options that must be given.

    Args:
        kind: A dataclass as for ``read``.
        command: Its name.

    Returns:
        One line.
    """
    every = _fields(kind)
    wanted = [f"{name}={_value(each)}" for name, each in every.items() if _required(each)]
    others = ["[option=value ...]"] if len(wanted) < len(every) else []
    return " ".join(["usage:", command, *wanted, *others])


def explanation(kind: type[Any]) -> Explanation:
    """What the docstring of a dataclass says, without the marks of code in it.

    Args:
        kind: With a docstring in Google's style.

    Returns:
        Its parts; empty where Python runs without docstrings.
    """
    text = (inspect.getdoc(kind) or "").replace("``", "")
    purpose, *sections = re.split(r"(?m)^(Attributes|Examples|Raises):\n", text)
    parts = dict(zip(sections[::2], map(textwrap.dedent, sections[1::2]), strict=True))
    entries = re.findall(r"(?m)^(\w+): (.*(?:\n[ \t]+.*)*)", parts.get("Attributes", ""))
    meanings = {name: " ".join(meaning.split()) for name, meaning in entries}
    examples = tuple(line.strip() for line in parts.get("Examples", "").splitlines() if line.strip())
    return Explanation(purpose.strip(), meanings, examples)


def _fields(kind: Any) -> dict[str, Field[Any]]:
    return {typed_key(each): each for each in fields(kind)}


def typed_key(each: Field[Any]) -> str:
    """What stands before ``=`` for a field.

    Args:
        each: Of a dataclass as for ``read``.

    Returns:
        Its key, or its name if it has none.
    """
    key: str = each.metadata.get("key", each.name)
    return key


def _required(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _given(arguments: Sequence[str], types: Mapping[str, Any]) -> dict[str, str]:
    """Key and text of each argument; the last one of a key counts."""
    found: dict[str, str] = {}
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        key, is_said, value = argument.removeprefix("--").partition("=")
        if not is_said and types.get(key) is bool:
            value = "true"
        elif not is_said and argument.startswith("--") and waiting:
            value = waiting.pop(0)
        found[key] = value
    return found


def _typed(command: str, each: Field[Any], kind: Any, text: str) -> Any:
    """The value that a text stands for."""
    choices = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    if NoneType in choices and text in ("", "null"):
        return None
    kind = next(choice for choice in choices if choice is not NoneType)
    if get_origin(kind) is tuple:
        return tuple(map(get_args(kind)[0], several(text)))
    if kind is Path and not text:
        raise ConfigError(f"{command}: error: {typed_key(each)}= is empty: give a path, or leave it out")
    if kind in (str, Path):
        return kind(one(text))
    try:
        return BOOLEANS[text] if kind is bool else kind(text)
    except (ValueError, KeyError):
        wanted = NUMBERS.get(kind, "true or false")
        raise ConfigError(
            f"{command}: error: {typed_key(each)}={text}: give {wanted}, as in {typed_key(each)}={_value(each)}"
        ) from None


def _value(each: Field[Any]) -> str:
    """A default as it is typed; where there is none, the word that stands for the value."""
    if _required(each):
        word: str = each.metadata.get("shown", "VALUE")
        return word
    value = each.default_factory() if each.default_factory is not MISSING else each.default
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return typed_value(value)


def typed_value(value: Any) -> str:
    """What to type after ``key=`` for a value.

    Args:
        value: A path, a name, a number, or several in a tuple.

    Returns:
        Text that ``read`` takes for the same.

    >>> typed_value(("emoji", "my,own")), typed_value(2.0)
    ("emoji,'my,own'", '2.0')
    """
    return type_several(list(map(str, value))) if isinstance(value, tuple) else type_one(str(value))
