"""The walk of an agent that can wait: the part of the library that knows Strands.

Only this package imports strands. It is handed the adopter's agents and imports nothing of theirs.
"""
