"""Processor 'swapper' for roop: the engine 'mesh' needs no download."""
