"""The version of pgebench, where every floor can read it: the front door above it knows all of them."""

__version__ = "0.1.0"
