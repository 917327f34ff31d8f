"""Sense: what can be proven of conditions before any customer is asked.

Nothing is claimed that is not so: where the reasoning does not reach, or takes too long, it says nothing.
"""
