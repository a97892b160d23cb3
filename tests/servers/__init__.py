"""Real servers in processes of their own, each with an app as users write it: the same suite for all of them."""
