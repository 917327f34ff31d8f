"""Activities and message providers, one a file."""
