"""Content Credentials, a visible label, and ``roop verify``."""
