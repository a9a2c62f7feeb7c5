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
    body = f"""\
Hello {one_line(person.name)},

somebody, probably you, asked to sign in to the inbox of approvals. Open this link in the same
browser within ten minutes:
{url}

It opens a page with a button; nothing happens before you press it. In any other browser it does
nothing. If you did not ask for this, leave it: nobody gets in without it.
"""
    return Email("Sign in to your approvals", body)
