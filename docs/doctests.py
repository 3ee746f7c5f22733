"""An extension of griffe: a doctest in a docstring is shown as code, where Markdown would make a quotation of it."""

import re
from typing import Any

import griffe

DOCTEST = re.compile(r"^([ \t]*)>>> .*(?:\n[ \t]*\S.*)*", re.MULTILINE)


class Doctests(griffe.Extension):
    """Puts each doctest, up to the next empty line, between fences."""

    def on_object(self, *, obj: griffe.Object, **others: Any) -> None:
        """Change the docstring of an object when it was loaded."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **others: Any) -> None:
        """Change the docstring of a package that is no part of another."""
        if pkg.docstring:
            pkg.docstring.value = fenced(pkg.docstring.value)


def fenced(text: str) -> str:
    """A docstring with its doctests between fences; one that has fences is as it shall be."""
    return (
        text
        if "```pycon" in text
        else DOCTEST.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", text)
    )
