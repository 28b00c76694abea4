"""Clips in: what they are, when their frames are shown, and the frames themselves."""
