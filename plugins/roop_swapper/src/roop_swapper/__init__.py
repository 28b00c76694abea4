"""Processor 'swapper' for roop: the engines 'inswapper_128', a network, and 'mesh', which needs no download."""
