"""Errors that a user can act on: the message names the config key and the remedy, in one line."""

from __future__ import annotations

from pgebench.core.text import one_line


class PgebenchError(Exception):
    r"""Base of all errors whose message is meant for the user; no traceback is needed to understand it.

    >>> print(DataError("no array a\nb"))
    no array a\nb
    """

    def __str__(self) -> str:
        """The message in one line, whatever the names in it hold."""
        return one_line(super().__str__())


class ConfigError(PgebenchError):
    """A value in the config is wrong, unknown or impossible."""


class DataError(PgebenchError):
    """A dataset cannot give what was asked of it."""


class StoreError(PgebenchError):
    """The store cannot be read or written."""


class CorruptArtifact(StoreError):
    """A stored file does not have the content that its record promises."""


class UpstreamError(PgebenchError):
    """A unit that this one reads has failed."""


class NonFinite(PgebenchError):
    """A network or a metric gave NaN or infinity."""
