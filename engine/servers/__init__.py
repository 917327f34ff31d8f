"""Servers of a project: embedded PostgreSQL and Temporal, and the process that owns them.

Commands ask for what they need with `need`; everything else in here serves that call. Nothing here is a part of the
engine's meaning: with `REGULARS_DATABASE_URL` and Temporal's own environment configuration set, nothing is started.
"""
