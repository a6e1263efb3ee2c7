"""Breaking things around the real daemon, and judging by what the far ends recorded whether anything was lost."""
