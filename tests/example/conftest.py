"""The project's own agent in an empty stack in memory, and UniTok behind a socket."""

from example_fixtures import aws_clients, pocket, receiver, shared_clients, tables, world

__all__ = ["aws_clients", "pocket", "receiver", "shared_clients", "tables", "world"]
