"""When something is due: the clock, the queue of jobs, and the loop that takes them."""
