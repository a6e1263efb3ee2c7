"""Stage 3: events in, topics out."""
