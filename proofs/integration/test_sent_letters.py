"""What SES sent, as the local mailbox reads it: by the owner's signature, text and HTML."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.sent_letters import Letters

from local_stack import LocalStack


def test_the_mailbox_reads_what_ses_has_sent(stack: LocalStack, tmp_path: Path) -> None:
    ses = stack.client("sesv2")
    ses.create_email_identity(EmailIdentity="sender@example.org")
    people = tmp_path / "people.toml"
    people.write_text('[ann]\nname = "Ann"\nemail = "ann@example.com"\n')
    emulator: Any = SimpleNamespace(
        port=int(stack.description["endpoint_url"].rpartition(":")[2]),
        access_key_id=stack.description["access_key_id"],
        secret_access_key=stack.description["secret_access_key"],
    )
    letters = Letters(emulator, people, stack.front_url)
    letters.new()
    url = f"{stack.front_url}/approvals/t-1.x?decision="
    text = f"Größe\n\nRead and approve:\n{url}approved\n\nRead and deny:\n{url}denied\n"
    ses.send_email(
        FromEmailAddress="sender@example.org",
        Destination={"ToAddresses": ["ann@example.com"]},
        Content={
            "Simple": {
                "Subject": {"Data": "Approval needed"},
                "Body": {"Text": {"Data": text}, "Html": {"Data": "<p>Größe</p>"}},
            }
        },
    )
    ses.close()
    (mail,) = letters.new()
    assert (mail.subject, mail.body, mail.html) == ("Approval needed", text, "<p>Größe</p>")
    assert mail.to == "ann"
    assert [link.label for link in mail.links] == ["approve", "deny"]
