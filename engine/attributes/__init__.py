"""Attributes: typed values of one customer as of an instant, declared as data and computed by the fold."""
