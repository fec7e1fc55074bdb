"""What may vary: presets, and the YAML reader."""
