"""The tests of edgetx; their folders mirror its own."""
