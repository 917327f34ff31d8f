"""Everybody at once: attributes and conditions compiled to SQL over columnar rows."""
