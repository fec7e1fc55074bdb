"""Tool families, one folder each."""
