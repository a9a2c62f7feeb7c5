"""The operators' list on the emulator: its index answers page by page, as DynamoDB does."""

from local_stack import LocalStack


def test_the_list_leads_from_page_to_page_through_all_that_is_open(
    stack: LocalStack, task: str
) -> None:
    mine = [stack.ask(f"{task} {number}")[0] for number in range(3)]
    url = f"{stack.api_url('ApprovalApi')}/operator/approvals?limit=1"
    found: list[tuple[int, str]] = []
    page = stack.signed("GET", url).json
    while page["next"]:
        assert len(found) < 1_000, "it goes round in a circle"
        found += [(entry["due_at"], entry["session_id"]) for entry in page["approvals"]]
        page = stack.signed("GET", f"{url}&next={page['next']}").json
    found += [(entry["due_at"], entry["session_id"]) for entry in page["approvals"]]
    assert sorted(session for _, session in found if session in mine) == sorted(mine)
    assert [due_at for due_at, _ in found] == sorted(due_at for due_at, _ in found)
    everything = stack.signed("GET", url.replace("limit=1", "limit=100")).json
    assert everything["next"] is None
    assert [entry["session_id"] for entry in everything["approvals"]] == [s for _, s in found]
