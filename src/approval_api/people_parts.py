"""What a page says of people: whose link it is, who must agree, who has said what."""

from collections.abc import Iterable

from longrunning.people.words import Words
from longrunning.waits.item import Wait
from page_parts import DIGEST_CHARS, code, moment, row, shown, table
from viewer import Viewer


def footer(wait: Wait, viewer: Viewer) -> str:
    """Ends a page that asks: whose link it is, and of which session."""
    whose = "" if viewer.is_signed_in else f"<p>{_whose(viewer)}</p>"
    session = f"{viewer.words.say('page.session')} {code(wait.session_id)}"
    return f"<footer>{whose}<p>{session}</p></footer>"


def what_else(viewer: Viewer) -> str:
    """Leads a person whose link this is to the inbox; nothing for whoever has a link."""
    if viewer.id is None or viewer.is_signed_in:
        return ""
    said = viewer.words.say("page.what_else")
    return f'<footer><p><a href="../inbox">{said}</a></p></footer>'


def _whose(viewer: Viewer) -> str:
    if viewer.id is None:
        return viewer.words.say("page.link_anyone")
    return viewer.words.say("page.link_person", person=shown(viewer.name_of(viewer.id)))


def who_must_agree(approval: Wait, viewer: Viewer) -> str:
    """Says how many of whom must approve, and who has, as a paragraph; nothing for one alone."""
    if not approval.needed:
        return ""
    said = viewer.words.say(
        "votes.must",
        needed=approval.needed,
        people=_names(approval.approvers or (), viewer),
        so_far=_names(approval.approved_by, viewer) or viewer.words.say("votes.nobody"),
    )
    return f'<p class="soft">{said}</p>'


def context(wait: Wait, words: Words) -> str:
    """Returns what the agent was asked and said before, where the stack shows that."""
    said = wait.context or {}
    rows = [
        row(words.say(f"context.{name}"), shown(said[name]))
        for name in ("task", "said")
        if said.get(name)
    ]
    if not rows:
        return ""
    note = f'<p class="soft">{words.say("context.note")}</p>'
    return table(words.say("context.heading"), "\n".join(rows)) + note


def votes(approval: Wait, viewer: Viewer) -> str:
    """Returns a section with what each has said, in order; nothing where there are no votes."""
    if not approval.votes:
        return ""
    digest = approval.in_force.digest
    rows = (_vote(vote, vote["digest"] == digest, viewer) for vote in approval.votes)
    return table(viewer.words.say("votes.heading"), "\n".join(rows))


def _vote(vote: dict[str, object], is_of_this: bool, viewer: Viewer) -> str:
    what = "this" if is_of_this else "earlier"
    said = [
        viewer.words.say(f"votes.{vote['decision']}_{what}"),
        moment(int(str(vote["at"])), viewer.words),
    ]
    said.append(code(str(vote["digest"])[:DIGEST_CHARS]))
    if vote["comment"]:
        said.append(f"<q>{shown(str(vote['comment']))}</q>")
    return row(viewer.name_of(str(vote["by"])), "<br>".join(said))


def _names(ids: Iterable[str], viewer: Viewer) -> str:
    return ", ".join(shown(viewer.name_of(id_)) for id_ in ids)
