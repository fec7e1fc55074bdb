"""Readers of the files that AMD's tools write, one file per kind of report."""
