"""Who looks at a page: a person by name, or whoever has the link."""

from collections.abc import Mapping
from typing import NamedTuple

from longrunning.people.directory import Person


class Viewer(NamedTuple):
    """Who looks, and the names of all others."""

    id: str | None = None
    """Of the person whose link it is; None: whoever has it."""
    people: Mapping[str, Person] = {}

    def name_of(self, id_: str) -> str:
        """Returns a person's name; of one who has left the id."""
        return self.people[id_].name if id_ in self.people else id_
