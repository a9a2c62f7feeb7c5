"""What `make demo STORY=people` lays over the example: another agent, and the people it asks."""
