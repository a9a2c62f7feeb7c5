"""The library: an agent that can wait, the records of what waits, and how people are asked.

Nothing here imports strands, reads the environment or makes an AWS client: handlers do, and pass
clients in.
"""
