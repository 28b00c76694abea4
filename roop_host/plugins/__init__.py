"""Plugins: which are installed, what they declare, and what is wrong with them."""
