"""The language of rules: located YAML, typed models, and what they compile to."""
