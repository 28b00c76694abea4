"""Threads, queues, windows and segments. Knows objects, never the names of plugins."""
