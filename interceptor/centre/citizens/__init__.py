"""Reports, look-ups, appeals, own-number protection, advice."""
