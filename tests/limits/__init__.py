"""KSeF's rate limits, kept by many processes at a time."""
