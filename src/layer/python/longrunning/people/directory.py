"""Who there is: the people of `people.toml`, which stands beside this library in the layer.

    [ann]
    name = "Ann Kovač"
    email = "ann@example.com"
    language = "de"                       optional: of that person's e-mails and pages; English
    time_zone = "Europe/Zagreb"           optional: of the times in them; UTC
    iam = "assumed-role/Approvers/ann"    optional: who signs with that ARN is ann
    oidc = "6ec0bd7f-11c0-43da"           optional: the claim `sub` of who signs in as ann, exactly;
                                          without it, who has proved that address to the issuer

The file is reviewed like code, and git is its history. Without it nobody has a name.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from longrunning.people.words import Words

FILE = Path(__file__).parents[2] / "people.toml"

ID_PATTERN = re.compile(r"[a-z][a-z0-9-]{0,31}")
EMAIL_PATTERN = re.compile(r"[^@\s]+@[^@\s]+")
RESERVED = ("link", "rule", "sweeper", "parent", "operator")
"""Who else decides, in the records."""
MAX_PEOPLE = 500
MAX_TEXT_CHARS = 200


class PeopleError(ValueError):
    """`people.toml` is not as it must be; the text says what to change."""


class Person(NamedTuple):
    """Somebody who may be asked."""

    id: str
    name: str
    email: str
    iam: str | None = None
    """The end of the ARN of who signs as this person, after the account: `user/ann`."""
    language: str = "en"
    time_zone: str = "UTC"
    oidc: str | None = None
    """The claim `sub` of who signs in as this person. With it no e-mail address does."""

    @property
    def words(self) -> "Words":
        """What e-mails and pages say to this person."""
        from longrunning.people.words import Words  # Operators' routes say nothing to a person.

        return Words(self.language, self.time_zone)

    def is_called(self, name: str) -> bool:
        """Tells whether a name is this person's id or e-mail address, in letters of any case."""
        return name.strip().lower() in (self.id, self.email.lower())


People = Mapping[str, Person]


def read_people(file: Path = FILE) -> People:
    """Reads who there is, by id; nobody where there is no file.

    Raises:
        PeopleError: The file is not as it must be.
    """
    if not file.exists():
        return {}
    import tomllib  # Most have no such file.

    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PeopleError(f"{file.name}: expected TOML in UTF-8: {error}") from error
    people = {id_: _person(id_, given, file.name) for id_, given in document.items()}
    if not 0 < len(people) <= MAX_PEOPLE:
        raise PeopleError(f"{file.name}: expected 1 to {MAX_PEOPLE} people, got {len(people)}")
    for name in ("email", "iam", "oidc"):
        values = [v.lower() for person in people.values() if (v := getattr(person, name))]
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise PeopleError(f"{file.name}: two people have the {name} {', '.join(twice)}")
    return people


def _person(id_: str, given: Any, file_name: str) -> Person:
    where = f"{file_name}: [{id_}]"
    if not ID_PATTERN.fullmatch(id_) or id_ in RESERVED:
        raise PeopleError(
            f"{where}: expected an id of 1 to 32 of a-z, 0-9, -, such as [ann], and none "
            f"of {', '.join(RESERVED)}"
        )
    if not isinstance(given, dict):
        raise PeopleError(f"{where}: expected a table with name and email")
    known = {*Person._fields} - {"id"}
    if unknown := sorted(given.keys() - known):
        raise PeopleError(f"{where}: {', '.join(unknown)}: not known; expected {sorted(known)}")
    for name in sorted({"name", "email", *given}):
        value: Any = given.get(name)
        is_text = isinstance(value, str) and value.strip() and value.isprintable()
        if not is_text or len(value) > MAX_TEXT_CHARS:
            raise PeopleError(f"{where}: {name}: expected a line of text")
    if not EMAIL_PATTERN.fullmatch(given["email"]):
        raise PeopleError(f"{where}: email: expected an address")
    person = Person(id_, **given)
    if problem := _problem_of_words(person):
        raise PeopleError(f"{where}: {problem}")
    return person


def _problem_of_words(person: Person) -> str | None:
    """Returns what is wrong with a person's language or time zone, or None."""
    if (person.language, person.time_zone) == ("en", "UTC"):
        return None
    from longrunning.people import words  # Most people read English, and times in UTC.

    if person.language not in words.languages():
        return f"language: expected one of {', '.join(words.languages())}, got {person.language}"
    if not words.is_zone(person.time_zone):
        return f"time_zone: expected one such as Europe/Zagreb: there is no {person.time_zone}"
    return None
