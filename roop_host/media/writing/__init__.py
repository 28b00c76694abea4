"""Clips out: encoders, the tracks beside the video, the join, and the last look."""
