"""Import of a shop's files: CSV by a mapping in YAML, into facts, so that the same file again changes nothing.

`engine.facts.importing.run.run` does it; `docs/import.md` describes the mapping.
"""
