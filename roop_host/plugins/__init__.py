"""Plugins: which are installed, what they declare, and their options."""
