"""Backbones and their training; no unit is known here."""
