"""Datasets that are not in the package: listed by a loader, decoded once, kept under the store by their content.

A loader is a function ``listing(path, ...)`` that returns a ``Listing``: which images there are, with their labels and,
if the data have any, their splits. The rest is the same for every kind: sizes are checked before anything is decoded,
worker processes decode ahead, and the decoded form is put into place whole or not at all.
"""
