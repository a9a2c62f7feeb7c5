"""What a page says of people: whose link it is, who must agree, who has said what."""

from collections.abc import Iterable

from longrunning.text import utc
from longrunning.waits.item import Wait
from page_parts import iso, row, shown, table
from viewer import Viewer


def footer(wait: Wait, viewer: Viewer) -> str:
    """Ends a page that asks: whose link it is, and of which session."""
    return (
        f"<footer><p>{_whose(viewer)}</p>"
        f"<p>Session <code>{shown(wait.session_id)}</code></p></footer>"
    )


def _whose(viewer: Viewer) -> str:
    if viewer.id is None:
        return "Anyone who has this link can decide: please do not pass it on."
    return (
        f"This link is for {shown(viewer.name_of(viewer.id))}: whoever uses it decides in that "
        "name. Please do not pass it on."
    )


def who_must_agree(approval: Wait, viewer: Viewer) -> str:
    """Says how many of whom must approve, and who has, as a paragraph; nothing for one alone."""
    if not approval.needed:
        return ""
    names = _names(approval.approvers or (), viewer)
    so_far = _names(approval.approved_by, viewer) or "nobody"
    return (
        f'<p class="soft">{approval.needed} of these must approve it: {names}. '
        f"Approved so far by {so_far}. One denial is enough to deny it.</p>"
    )


def votes(approval: Wait, viewer: Viewer) -> str:
    """Returns a section with what each has said, in order; nothing where there are no votes."""
    if not approval.votes:
        return ""
    digest = approval.in_force.digest
    rows = (_vote(vote, vote["digest"] == digest, viewer) for vote in approval.votes)
    return table("Who said what", "\n".join(rows))


def _vote(vote: dict[str, object], is_of_this: bool, viewer: Viewer) -> str:
    at = int(str(vote["at"]))
    words = [
        f"{shown(str(vote['decision']))} {'this' if is_of_this else 'an earlier version'}",
        f'<time datetime="{iso(at)}">{utc(at)}</time>',
    ]
    if vote["comment"]:
        words.append(f"<q>{shown(str(vote['comment']))}</q>")
    return row(viewer.name_of(str(vote["by"])), "<br>".join(words))


def _names(ids: Iterable[str], viewer: Viewer) -> str:
    return ", ".join(shown(viewer.name_of(id_)) for id_ in ids)
