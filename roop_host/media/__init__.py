"""Files in and out: probe, read, encode, join, mark, publish."""
