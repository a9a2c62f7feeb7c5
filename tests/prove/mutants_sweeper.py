"""The sweeper, its conditional writes and its timeouts; operators."""

from mutants import LAYER, Mutant, of_file

SWEEPER: tuple[Mutant, ...] = (
    *of_file(
        LAYER + "open_approvals.py",
        (
            "only the index is read",
            "IndexName=INDEX_NAME,\n"
            '            KeyConditionExpression="open_shard = :shard",\n'
            '            ExpressionAttributeValues={":shard": {"S": shard}},',
            'KeyConditionExpression="session_id = :shard",\n'
            '            ExpressionAttributeValues={":shard": {"S": shard}},',
            "unit/test_open_approvals.py::test_no_more_entries_are_read_than_asked_for",
        ),
        (
            "nothing expires before its end",
            '"decide_by <= :now", {":now": now}',
            '"(decide_by <= :now OR attribute_exists(session_id))", {":now": now}',
            "unit/test_open_approvals.py::test_nothing_expires_before_its_end",
        ),
        (
            "the sweeper changes only what is pending",
            'f"#status = :pending AND {condition}"',
            'f"(#status = :pending OR attribute_exists(session_id)) AND {condition}"',
            "unit/test_open_approvals.py::test_at_the_end_an_approval_can_be_expired_or_dec"
            "ided_but_not_both",
        ),
        (
            "of two sweepers one takes a step",
            '"due_at = :due", {":due": approval.due_at}\n        )',
            '"(due_at = :due OR attribute_exists(session_id))", {":due": approval.due_at}\n'
            "        )",
            "unit/test_open_approvals.py::test_of_two_sweepers_one_takes_a_step",
        ),
        (
            "a step that is done is gone",
            'extra=f" REMOVE {step}",',
            'extra=" REMOVE nothing_at_all",',
            "unit/test_open_approvals.py::test_a_step_that_is_done_is_not_due_again",
        ),
        (
            "of two sweepers one tells again",
            'same = "resends = :was" if approval.resends else "attribute_not_exists(resends)"',
            'same = "(resends = :was OR attribute_exists(session_id))" if approval.resends '
            'else "attribute_exists(session_id)"',
            "unit/test_open_approvals.py::test_of_two_sweepers_one_tells_again",
        ),
        (
            "what was claimed is not told again",
            'f"attribute_exists(due_at) AND #status = :status AND fence = :fence AND {same}"',
            'f"#status = :status AND (fence = :fence OR attribute_exists(session_id)) AND {same}"',
            "unit/test_open_approvals.py::test_what_a_worker_came_for_is_not_told_again",
        ),
        (
            "nothing is closed whose status changed",
            '"#status = :status AND fence = :fence",\n            bound,',
            '"(#status = :status OR attribute_exists(session_id)) AND fence = :fence",\n'
            "            bound,",
            "unit/test_open_approvals.py::test_what_changed_since_it_was_read_is_not_closed",
        ),
        (
            "closing leaves a decision as it is",
            "values if approval.status == PENDING else {},",
            "values,",
            "unit/test_open_approvals.py::test_closing_leaves_a_decision_as_it_is",
        ),
        (
            "closing takes it off the index",
            'extra=" REMOVE open_shard, due_at",',
            'extra=" REMOVE due_at_all",',
            "unit/test_open_approvals.py::test_closing_cancels_an_open_question",
        ),
    ),
    *of_file(
        "src/sweeper/sweeper.py",
    ),
    *of_file(
        "src/sweeper/sweeper_handler.py",
    ),
    *of_file(
        LAYER + "timeouts.py",
    ),
    *of_file(
        "src/operator_api/operator_requests.py",
    ),
    *of_file(
        "src/operator_api/cancelling.py",
    ),
    *of_file(
        "src/operator_api/operator_handler.py",
    ),
)
