"""Evaluation of everyone's standing: all customers at once, and those whose flip is due."""
