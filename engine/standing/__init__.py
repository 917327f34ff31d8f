"""Standing: the tags, segments, stage, tier and RFM group that rules give to a customer."""
