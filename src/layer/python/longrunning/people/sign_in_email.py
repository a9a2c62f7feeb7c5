"""The e-mail with which a person signs in to the inbox, as plain text."""

from longrunning.people.directory import Person
from longrunning.people.email_parts import one_line
from longrunning.people.emails import Email


def sign_in_email(person: Person, url: str) -> Email:
    """Writes it.

    Args:
        person: Whom it is for.
        url: The link; it works in the browser that asked for it.
    """
    words = person.words
    hello = words.say("email.sign_in_hello", person=one_line(person.name))
    how, leave = words.say("email.sign_in_open"), words.say("email.sign_in_leave")
    body = f"{hello}\n\n{how}\n{url}\n\n{leave}\n"
    return Email(words.say("email.sign_in_subject"), body)
