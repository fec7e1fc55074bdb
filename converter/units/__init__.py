"""Hardware building blocks, one file each."""
