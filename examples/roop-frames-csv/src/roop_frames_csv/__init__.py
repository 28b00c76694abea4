"""Faces and times of every frame as CSV, for roop."""
