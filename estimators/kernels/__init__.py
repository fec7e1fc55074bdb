"""What HLS tools make of stages: one file per kind of structure."""
