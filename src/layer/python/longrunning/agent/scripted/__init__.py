"""A model that needs no key: it plays any tools from their schemas, or from a script."""
