"""The one error that ends a command: its message says what is wrong and what to do."""


class OperateError(Exception):
    """The command could not do what it was asked."""
