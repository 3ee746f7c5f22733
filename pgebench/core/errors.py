"""Errors that a user can act on: the message names the config key and the remedy."""


class PgebenchError(Exception):
    """Base of all errors whose message is meant for the user; no traceback is needed to understand it."""


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
