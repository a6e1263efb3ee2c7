"""Real parts for tests: microphones, brokers, providers."""
