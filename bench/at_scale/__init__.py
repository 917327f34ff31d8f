"""Everybody at once: a million customers, by compiled rules and by what a good developer writes by hand."""
