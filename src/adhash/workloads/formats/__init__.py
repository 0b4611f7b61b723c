"""Foreign trace formats: one small reader a file, behind one protocol.

`trace_format.TraceFormat` is the protocol, `registry` knows the formats, `content` is what readers
read from and `events` what they yield. `fill` and `values` make operations of a map of it.
"""
