"""What the handlers share: messages, state, approvals, links, notifications.

Nothing here imports strands, reads the environment or makes an AWS client: handlers do, and pass
clients in.
"""
