"""The columnar mirror: relations as the fold reads them, in Parquet files that DuckDB scans.

`open.py` opens it, `refresh.py` brings it up to date, `manifest.py` says which files count. What PostgreSQL tells of
changes is in `changes.py`.
"""
