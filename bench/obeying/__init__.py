"""A shop that sends as fast as it can, and a judge that has never seen the code of reserve."""
