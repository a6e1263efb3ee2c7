"""Stage 1: microphones in, one clean channel out."""
