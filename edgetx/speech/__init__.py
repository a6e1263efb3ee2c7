"""Stage 2: clean audio in, events out."""
