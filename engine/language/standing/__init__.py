"""Everyone's standing as written: tags, segments, lifecycle, tiers, RFM and word lists."""
