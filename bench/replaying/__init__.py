"""What the replay's bench measures: the product's replay, and one that somebody wrote by hand."""
