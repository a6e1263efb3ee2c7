"""``edgetx doctor``: looks at all that a microphone's words pass on their way, and says what would mend it.

`reading` reads the machine, under a root that tests make up; the pure modules judge what was read, one subject each;
`device`, `broker` and `provider` try the real thing; `examination` goes through all of it.
"""
