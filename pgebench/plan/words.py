"""Overrides as the user types them, and as Hydra reads them: every key that the schema calls a text is literal.

Hydra's grammar makes 202611 of ``2026_11``, a number of ``1e5``, nothing of ``null``, and refuses é, brackets and more
than one ``=``. What the schema calls ``str`` is a path, a name or a choice: none of that is ever meant there. So such a
value goes to Hydra between quotes. Of the keys under ``loader`` the schema knows nothing: there the parameters of the
loader's function are the schema.
"""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.utils import get_method

from pgebench.config import Config
from pgebench.core.errors import ConfigError
from pgebench.core.quoting import QUOTED, quoted, unquoted
from pgebench.core.suggest import suggest
from pgebench.core.text import unfolded
from pgebench.core.words import nowhere, one, parts, several, type_several

NULL = "null"

SWEPT = ("backbone", "source", "target", "metric", "truth", "recipe")
"""Roots of the keys that may have several values; the others hold for the whole experiment, and a comma is a comma."""

MAPPINGS = (dict, Mapping)

NEVER_NULL = re.compile(r"(source|target)\.path")
"""Optional in the schema, since a dataset may have no path; where somebody types one, ``null`` is its name."""

MAY_BE_EMPTY = re.compile(r"(source|target)\.path|backbone\.weights_prefix")
"""An empty path has a message of its own; an empty prefix says that there is none."""

LOADER = re.compile(r"(source|target)\.loader\.(\w+)((?:\.\w+)*)")

PAIR = re.compile(rf"\s*([^:,]+?)\s*:\s*({QUOTED.pattern}|[^,]*?)\s*(?:,|\Z)", re.DOTALL)
"""A name and a text in a mapping between braces."""

Loaders = Mapping[str, Mapping[str, Any]]
"""The config under ``loader`` of ``source`` and ``target``, where it is known."""


class Kind(NamedTuple):
    """What a key holds.

    Attributes:
        type: Its type, without None; None if nothing is known of it.
        optional: Whether it may be nothing.
    """

    type: Any
    optional: bool


def kind_of(key: str, loaders: Loaders | None = None) -> Kind:
    """What a key holds, according to the schema or to the function of a loader.

    Args:
        key: As in ``source.path``.
        loaders: Of both roles.

    Returns:
        Its kind.

    Raises:
        ConfigError: The function of a loader takes no such parameter.

    >>> kind_of("reuse"), kind_of("seed").type, kind_of("hydra.launcher.name").type
    (Kind(type=<class 'str'>, optional=True), <class 'int'>, None)
    """
    if found := LOADER.fullmatch(key):
        role, name, rest = found.groups()
        config = (loaders or {}).get(role) or {}
        known = None if name.startswith("_") or "_target_" not in config else _parameters(config["_target_"])
        if known is None:
            return Kind(None, False)
        if name not in known:
            raise ConfigError(f"{key}: {config['_target_']} takes no {name}; {suggest(name, list(known))}")
        return _below(known[name], rest.split(".")[1:])
    return _below(Config, key.split("."))


def literal(argument: str, loaders: Loaders | None = None) -> list[str]:
    """What the user typed, as Hydra reads it.

    Args:
        argument: ``key=value``, or anything else, which is left as it is.
        loaders: Of both roles; without them the keys under ``loader`` are left to Hydra.

    Returns:
        One argument, or two where a dict replaces another one: Hydra would merge them.

    Raises:
        ConfigError: Nothing is given where something must be, or a loader has no such key.

    >>> literal("results=2026_11"), literal("reuse=null"), literal("source.path=a,b(1)"), literal("seed=1")
    (["results='2026_11'"], ['reuse=null'], ["source.path=a,'b(1)'"], ['seed=1'])
    """
    typed, is_said, value = argument.partition("=")
    if not is_said or not re.match(r"\+*\w", typed):
        return [argument]
    key = typed.lstrip("+")
    kind = kind_of(key, loaders)
    # A parameter of a loader need not stand in the YAML of its dataset.
    set_to = f"++{key}" if LOADER.fullmatch(key) and kind.type is not None else key
    if kind.type is str:
        return [f"{set_to}={_text(key, value, kind.optional)}"]
    if set_to != key and get_origin(kind.type) in MAPPINGS and value.lstrip().startswith("{"):
        inner = _mapping(key, value) if get_args(kind.type)[1] is str else value
        return [*([f"{key}={NULL}"] if _stands(key, loaders) else []), f"{set_to}={inner}"]
    return [argument if set_to == key else f"{set_to}={value}"]


def spelled(text: str) -> str:
    r"""A text in Hydra's grammar, between quotes only where they are needed.

    Args:
        text: A path or a name.

    Returns:
        The text as it is, if Hydra reads it so.

    >>> spelled("results/embedded"), spelled("1e5"), spelled("é")
    ('results/embedded', "'1e5'", "'é'")
    """
    return text if _is_plain(text) else quoted(text)


def typed(arguments: Sequence[str]) -> list[str]:
    """Overrides as one types them: the other way round, for messages and for commands to be copied.

    Args:
        arguments: What ``literal`` gave.

    Returns:
        What may be typed to get the same, without the quotes that are Hydra's alone.

    >>> typed(["results='2026_11'", "target.loader.parts=null", "++target.loader.parts={all: train}", "seed=1"])
    ['results=2026_11', 'target.loader.parts={all: train}', 'seed=1']
    """
    found: list[str] = []
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key.startswith("++") and LOADER.fullmatch(key[2:]):
            key = key[2:]
            if value.startswith("{") and found[-1:] == [f"{key}={NULL}"]:
                found.pop()
            found.append(f"{key}={value}")
            continue
        words = [unquoted(part) if QUOTED.fullmatch(part) else part for part in parts(value)]
        plain = (f"{key}={','.join(words)}", f"{key}={type_several(words)}")
        found.append(next((one for one in plain if _same(one, argument)), argument))
    return found


def unreadable(argument: str) -> str | None:
    """Why Hydra cannot read an override, and how it is quoted.

    Args:
        argument: ``key=value``, as Hydra is to read it.

    Returns:
        One line, or None if it can be read.
    """
    try:
        OverridesParser.create().parse_override(argument)
    except HydraException as error:
        reason = [line for line in str(error).splitlines() if line.strip() and not line.startswith(("See ", "Error "))]
        key, is_said, value = argument.partition("=")
        if not is_said:
            return f"{argument}: write key=value, as in results=DIR"
        return unfolded(
            f"{argument}: Hydra cannot read the value ({' '.join(reason[:1])}); a text is quoted twice, for it and for "
            f"the shell: {shlex.quote(f'{key}={quoted(value)}')}"
        )
    return None


def _text(key: str, value: str, optional: bool) -> str:
    if optional and (
        (value == NULL and not NEVER_NULL.fullmatch(key)) or (value == "" and not MAY_BE_EMPTY.fullmatch(key))
    ):
        return NULL
    words = several(value) if key.split(".")[0] in SWEPT else [one(value)]
    if not any(words) and not optional:
        raise ConfigError(f"{key}= is empty: give a value, or leave it out")
    if not _is_utf8(value):
        raise ConfigError(f"{key}={value}: the name is no UTF-8, and tables cannot hold it; rename it, or give a link")
    return ",".join(map(spelled, words or [""]))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _mapping(key: str, value: str) -> str:
    """A mapping of texts between braces, its texts literal; several with commas between them are Hydra's."""
    found = re.fullmatch(r"\s*\{([^{}]*)\}\s*", value)
    if found is None:
        return value
    inner, pairs, position = found[1].strip(), [], 0
    while position < len(inner):
        if (pair := PAIR.match(inner, position)) is None:
            raise ConfigError(f"{key}={value}: write {{name: value, name: value}}")
        pairs.append(": ".join(spelled(one(word, nowhere)) for word in pair.groups()))
        position = pair.end()
    return f"{{{', '.join(pairs)}}}"


def _stands(key: str, loaders: Loaders | None) -> bool:
    """Whether the YAML of the dataset has a mapping to replace."""
    role, _, *names = key.split(".")
    node: Any = (loaders or {}).get(role)
    for name in names:
        if not isinstance(node, Mapping) or name not in node:
            return False
        node = node[name]
    return True


def _same(plain: str, argument: str) -> bool:
    try:
        return literal(plain) == [argument]
    except ConfigError:
        return False


@cache
def _is_plain(text: str) -> bool:
    """Whether Hydra reads a text as itself; the shortest way to know is to ask it."""
    # A backslash at the end is itself alone, and takes the comma after it for its own in a list.
    if "${" in text or text.endswith("\\") or not re.fullmatch(r"\S(.*\S)?", text):
        return False
    try:
        override = OverridesParser.create().parse_override(f"key={text}")
        return not override.is_sweep_override() and override.value() == text and isinstance(override.value(), str)
    except HydraException:
        return False


def _below(kind: Any, names: Sequence[str]) -> Kind:
    """The type that some names lead to, from a type on."""
    optional = False
    if get_origin(kind) in (Union, UnionType):
        choices = [choice for choice in get_args(kind) if choice is not NoneType]
        optional = len(choices) < len(get_args(kind))
        kind = choices[0] if len(choices) == 1 else None
    if not names:
        return Kind(kind, optional)
    if isinstance(kind, type) and is_dataclass(kind):
        return _below(_hints(kind).get(names[0]), names[1:])
    if get_origin(kind) in MAPPINGS:
        return _below(get_args(kind)[1], names[1:])
    return Kind(None, False)


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _parameters(target: str) -> dict[str, Any] | None:
    """The parameters of a loader's function but for the path, with their types; None if it takes any, or is unknown."""
    try:
        function: Callable[..., Any] = get_method(target)
        found = inspect.signature(function).parameters
        types = get_type_hints(function)
    except Exception:  # whatever is wrong with a function of the user is told where it is called
        return None
    if any(each.kind is each.VAR_KEYWORD for each in found.values()):
        return None
    return {name: types.get(name) for name in found if name != "path"}
