"""A privacy mosaic for roop."""
