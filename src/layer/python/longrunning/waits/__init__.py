"""The records of what waits: items, answers, claims, and when something is due."""
