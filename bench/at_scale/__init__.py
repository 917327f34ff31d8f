"""Benches of many customers, with a shop made by sets in PostgreSQL."""
