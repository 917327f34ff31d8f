"""Facts: what happened and when, in PostgreSQL. Everything else is derived and can be derived again."""
