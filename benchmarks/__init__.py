"""`make bench`: what a pause costs, how fast a function starts, and what else one could use."""
