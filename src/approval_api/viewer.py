"""Who looks at a page: a person by name, or whoever has the link."""

from collections.abc import Mapping
from typing import NamedTuple

from longrunning.people.directory import Person
from longrunning.people.words import ENGLISH, Words


class Viewer(NamedTuple):
    """Who looks, and the names of all others."""

    id: str | None = None
    """Of the person whose link it is; None: whoever has it."""
    people: Mapping[str, Person] = {}
    is_signed_in: bool = False
    """Whether it is the inbox that shows the page."""

    @property
    def words(self) -> Words:
        """What the page says to them, in their language, with times in their zone."""
        person = self.people.get(self.id) if self.id else None
        return person.words if person else ENGLISH

    def name_of(self, id_: str) -> str:
        """Returns a person's name; of one who has left the id."""
        return self.people[id_].name if id_ in self.people else id_
