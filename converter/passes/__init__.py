"""Rewrites of the model graph, one file each."""
