"""The rules in Spark, over the mirror's tables as files."""
