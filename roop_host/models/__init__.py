"""Models: verified files and the sessions that run them."""
