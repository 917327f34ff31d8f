"""Regulars: customer lifecycles in commerce as code."""

__version__ = "0.1.0"
