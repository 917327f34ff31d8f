"""What somebody would write by hand in place of the rules: the measure that the compiled rules are held against."""
