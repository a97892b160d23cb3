"""Everything that performs: effects and their two drivers, loops, threads, outgoing HTTP. No header, no op, no JSON."""
