"""The write protocol: the tables of approvals and sessions, C1 to C6."""

from mutants import LAYER, Mutant, of_file

PROTOCOL: tuple[Mutant, ...] = (
    *of_file(
        LAYER + "approvals.py",
        (
            "C2 puts only where nothing is",
            '_IF_ABSENT = "attribute_not_exists(session_id)"',
            '_IF_ABSENT = "attribute_not_exists(no_such)"',
            "unit/test_approvals.py::test_a_put_never_takes_anything_back",
        ),
        (
            "C3 decides only what is pending",
            '"#status = :pending AND decide_by > :now AND attribute_exists(#action)"',
            '"(#status = :pending OR attribute_exists(session_id)) AND decide_by > :now '
            'AND attribute_exists(#action)"',
            "unit/test_approvals.py::test_first_decision_wins",
        ),
        (
            "C3 decides only in time",
            "#status = :pending AND decide_by > :now AND attribute_exists(#action)",
            "#status = :pending AND (decide_by > :now OR attribute_exists(session_id)) AND "
            "attribute_exists(#action)",
            "unit/test_approvals.py::test_time_is_up_at_exactly_decide_by",
        ),
        (
            "C3 ends at decide_by itself",
            "AND decide_by > :now AND",
            "AND decide_by >= :now AND",
            "unit/test_approvals.py::test_time_is_up_at_exactly_decide_by",
        ),
        (
            "C3 decides only approvals",
            'decide_by > :now AND attribute_exists(#action)"',
            'decide_by > :now AND (attribute_exists(#action) OR attribute_exists(session_id))"',
            "unit/test_approvals.py::"
            "test_an_unknown_tool_use_and_one_that_is_no_approval_cannot_be_decided",
        ),
        (
            "C3 keeps the digest with the edit",
            'values["digest"] = digest(edited_content)',
            'values["digest"] = digest("")',
            "unit/test_approvals.py::test_an_edit_is_the_text_in_force",
        ),
        (
            "C3 tells the opposite decision apart",
            "case Approval(decision=was) if was != decision:",
            "case Approval(decision=was) if was is None:",
            "unit/test_approvals.py::test_a_decided_item_keeps_its_decision",
        ),
        (
            "C3 tells another edit apart",
            'return "repeated" if edited_content in (None, old.text) else "conflict"',
            'return "repeated"',
            "unit/test_approvals.py::test_a_decided_item_keeps_its_decision",
        ),
        (
            "C3 repeats nothing that is over",
            'case Approval(status="PENDING" | "EXPIRED" | "CANCELLED"):',
            'case Approval(status="EXPIRED" | "CANCELLED"):',
            "unit/test_approvals.py::test_time_is_up_at_exactly_decide_by",
        ),
        (
            "cancel takes only what is pending",
            '            "#status = :pending",\n'
            '            {":pending": PENDING},\n'
            "        )\n"
            "        if updated:",
            '            "#status = :pending OR attribute_exists(session_id)",\n'
            '            {":pending": PENDING},\n'
            "        )\n"
            "        if updated:",
            "unit/test_approvals.py::test_an_operator_cancels_what_waits_whatever_the_tool",
        ),
        (
            "the first result counts",
            '"#status = :pending AND attribute_not_exists(#action)"',
            '"(#status = :pending OR attribute_exists(session_id)) AND '
            'attribute_not_exists(#action)"',
            "unit/test_approvals.py::test_the_first_result_of_a_tool_counts",
        ),
        (
            "no result decides an approval",
            "#status = :pending AND attribute_not_exists(#action)",
            "#status = :pending AND (attribute_not_exists(#action) OR "
            "attribute_exists(session_id))",
            "unit/test_approvals.py::test_no_result_decides_an_approval",
        ),
        (
            "C4 claims only what is there",
            '"attribute_exists(session_id) AND #status <> :pending AND lease_until < :now"',
            '"#status <> :pending AND (attribute_not_exists(session_id) OR lease_until < :now)"',
            "unit/test_approvals.py::test_what_has_no_record_yet_cannot_be_claimed",
        ),
        (
            "C4 claims only what is decided",
            "AND #status <> :pending AND lease_until < :now",
            "AND (#status <> :pending OR attribute_exists(session_id)) AND lease_until < :now",
            "unit/test_approvals.py::test_what_nobody_decided_cannot_be_claimed",
        ),
        (
            "C4 respects a lease",
            'AND #status <> :pending AND lease_until < :now"',
            'AND #status <> :pending AND (lease_until < :now OR attribute_exists(session_id))"',
            "unit/test_approvals.py::test_a_lease_holds_until_its_last_second_is_over",
        ),
        (
            "C4 counts the fence",
            '":now": now, ":one": 1, ":message"',
            '":now": now, ":one": 0, ":message"',
            "unit/test_approvals.py::test_whatever_is_decided_can_be_claimed",
        ),
        (
            "C4 takes the item off the index",
            'extra=f" ADD fence :one{_CLOSE}",',
            'extra=" ADD fence :one",',
            "unit/test_approvals.py::test_whatever_is_decided_can_be_claimed",
        ),
        (
            "a joint claim takes the items off the index",
            'claimed_by = :by"\n            f"{_CLOSE}",',
            'claimed_by = :by",',
            "unit/test_approvals.py::test_whatever_is_decided_can_be_claimed",
        ),
        (
            "a joint claim is conditional on the fences read",
            'f"fence = :read AND #status = :status AND',
            'f"(fence = :read OR attribute_exists(session_id)) AND #status = :status AND',
            "unit/test_approvals.py::"
            "test_a_claim_of_several_that_another_worker_overtook_claims_none",
        ),
        (
            "a joint claim is conditional on the statuses read",
            'f"fence = :read AND #status = :status AND',
            'f"fence = :read AND (#status = :status OR attribute_exists(session_id)) AND',
            "unit/test_approvals.py::test_a_claim_of_several_notices_that_a_status_has_changed",
        ),
        (
            "a joint claim counts the fences",
            "fence=a.fence + 1, lease_until=until",
            "fence=a.fence, lease_until=until",
            "unit/test_approvals.py::test_an_item_is_in_the_index_of_open_ones_until_it_is_claimed",
        ),
        (
            "a joint claim is one transaction",
            "            self._client.transact_write_items(\n"
            '                TransactItems=[{"Update": self._claim_update(approval)} for '
            "approval in mine]\n"
            "            )",
            "            for approval in mine:\n"
            "                self._client.update_item(**self._claim_update(approval))",
            "unit/test_approvals.py::test_a_transaction_that_fails_for_another_reason_is_a_fault",
        ),
        (
            "a joint claim covers the whole turn",
            "if len(turn) == 1 and not unspent:",
            "if turn:",
            "unit/test_approvals.py::test_whatever_is_decided_can_be_claimed",
        ),
        (
            "a joint claim takes no pending item",
            "if approval is None or approval.status == PENDING:",
            "if approval is None:",
            "unit/test_approvals.py::test_what_nobody_decided_cannot_be_claimed",
        ),
        (
            "a joint claim takes no missing item",
            "if approval is None or approval.status == PENDING:",
            "if approval is None:\n        return\n    if approval.status == PENDING:",
            "unit/test_approvals.py::test_what_has_no_record_yet_cannot_be_claimed",
        ),
        (
            "a joint claim respects a lease",
            "if approval.lease_until >= now:",
            "if approval.lease_until >= now + 10**9:",
            "unit/test_approvals.py::test_several_are_claimed_together_or_not_at_all",
        ),
        (
            "a transaction that is throttled is a fault",
            'if reasons <= {"None", "ConditionalCheckFailed", "TransactionConflict"}:',
            "if reasons:",
            "unit/test_approvals.py::test_a_transaction_that_fails_for_another_reason_is_a_fault",
        ),
        (
            "a release leaves a newer worker's lease",
            '"fence = :fence",\n                {":fence": approval.fence},',
            '"fence = :fence OR attribute_exists(session_id)",\n'
            '                {":fence": approval.fence},',
            "unit/test_approvals.py::test_a_release_leaves_a_newer_workers_lease_alone",
        ),
        (
            "C5 spends only what is approved",
            '"#status = :approved AND fence = :fence"',
            '"(#status = :approved OR attribute_exists(session_id)) AND fence = :fence"',
            "unit/test_approvals.py::test_only_an_approved_item_can_be_spent",
        ),
        (
            "C5 spends only under the newest fence",
            '"#status = :approved AND fence = :fence"',
            '"#status = :approved AND (fence = :fence OR attribute_exists(session_id))"',
            "unit/test_approvals.py::test_a_worker_whose_claim_was_overtaken_cannot_spend",
        ),
        (
            "C5 tells a worker that was overtaken",
            "if updated is None and (old is None or old.status != SPENT):",
            "if updated is None and old is None:",
            "unit/test_approvals.py::test_only_an_approved_item_can_be_spent",
        ),
        (
            "a refusal is noted of what is spent alone",
            '"#status = :spent",',
            '"#status = :spent OR attribute_exists(session_id)",',
            "unit/test_approvals.py::test_what_a_receiver_refused_for_good_is_noted",
        ),
        (
            "a message that came too early never claims a turn",
            "if told and all(a.acknowledged for a in told):",
            "if not turn and read:",
            "flow/test_early_messages.py::"
            "test_a_duplicate_of_an_earlier_message_never_takes_the_turn",
        ),
        (
            "a message that comes too early is over",
            "                self._acknowledge(approval, now)",
            "                pass",
            "flow/test_early_messages.py::"
            "test_a_duplicate_of_an_earlier_message_never_takes_the_turn",
        ),
        (
            "a message that has claimed is not over",
            '{"acknowledged": True},\n            "fence = :fence",\n            {":fence": 0},',
            '{"acknowledged": True},\n            "fence >= :fence",\n            {":fence": 0},',
            "flow/test_early_messages.py::"
            "test_a_message_whose_other_delivery_has_claimed_comes_back",
        ),
        (
            "a message that is over while it claims does not claim",
            "        if not mine.acknowledged:\n",
            "        if False:\n",
            "flow/test_early_messages.py::test_a_message_that_is_over_while_it_claims_does_not_claim",
        ),
    ),
    *of_file(
        LAYER + "approval_table.py",
        (
            "a record is read consistently",
            "Key=key_of(session_id, tool_use_id), ConsistentRead=True\n"
            "        )\n"
            '        return from_item(found["Item"])',
            "Key=key_of(session_id, tool_use_id), ConsistentRead=False\n"
            "        )\n"
            '        return from_item(found["Item"])',
            "unit/test_approvals.py::test_every_read_is_consistent",
        ),
        (
            "a session's records are read consistently",
            'ExpressionAttributeValues={":s": {"S": session_id}},\n'
            "            ConsistentRead=True,",
            'ExpressionAttributeValues={":s": {"S": session_id}},\n'
            "            ConsistentRead=False,",
            "unit/test_approvals.py::test_every_read_is_consistent",
        ),
    ),
    *of_file(
        LAYER + "sessions.py",
        (
            "C1 creates only a new session",
            '"attribute_not_exists(session_id)", {})',
            '"attribute_not_exists(no_such)", {})',
            "unit/test_sessions.py::test_a_session_is_created_once",
        ),
        (
            "C6 saves only the version read",
            'self._put(stored, tail, "version = :version AND fence <= :fence", bound)',
            'self._put(stored, tail, "(version = :version OR attribute_exists(session_id)) '
            'AND fence <= :fence", bound)',
            "unit/test_sessions.py::test_a_save_of_what_another_has_saved_since_is_refused",
        ),
        (
            "C6 saves only under the newest fence",
            'self._put(stored, tail, "version = :version AND fence <= :fence", bound)',
            'self._put(stored, tail, "version = :version AND (fence <= :fence OR '
            'attribute_exists(session_id))", bound)',
            "unit/test_sessions.py::test_a_base_in_use_survives_a_save_that_is_refused",
        ),
        (
            "C6 counts the version",
            "replace(session, version=session.version + 1), fence)",
            "replace(session, version=session.version), fence)",
            "unit/test_sessions.py::test_a_save_of_what_another_has_saved_since_is_refused",
        ),
        (
            "C4' fences only the version read",
            'ConditionExpression="version = :version AND fence <= :fence"',
            'ConditionExpression="(version = :version OR attribute_exists(session_id)) AND '
            'fence <= :fence"',
            "unit/test_sessions.py::"
            "test_fencing_off_is_refused_to_an_older_worker_and_to_a_stale_read",
        ),
        (
            "C4' takes no fence back",
            'ConditionExpression="version = :version AND fence <= :fence"',
            'ConditionExpression="version = :version AND (fence <= :fence OR '
            'attribute_exists(session_id))"',
            "unit/test_sessions.py::"
            "test_fencing_off_is_refused_to_an_older_worker_and_to_a_stale_read",
        ),
        (
            "a session is read consistently",
            "Key=_key(session_id, agent_name), ConsistentRead=True\n        )\n        if",
            "Key=_key(session_id, agent_name), ConsistentRead=False\n        )\n        if",
            "unit/test_sessions.py::test_a_session_is_read_consistently",
        ),
        (
            "no worker overwrites another's base",
            'name = f"{session.version}-{fence}-{digest[:16]}"',
            'name = f"{session.version}"',
            "unit/test_sessions.py::"
            "test_the_base_is_gzip_of_the_messages_under_the_sessions_own_prefix",
        ),
        (
            "a base's name has the fence",
            'name = f"{session.version}-{fence}-{digest[:16]}"',
            'name = f"{session.version}-{digest[:16]}"',
            "unit/test_sessions.py::"
            "test_the_base_is_gzip_of_the_messages_under_the_sessions_own_prefix",
        ),
        (
            "a base that was damaged is noticed",
            "        if _digest(data) != base.digest:\n            raise",
            "        if False:\n            raise",
            "unit/test_sessions.py::test_a_damaged_base_is_corrupted_state",
        ),
        (
            "a conversation that was trimmed gets a new base",
            'for data in encodings if _digest(data) == base.digest), b"")',
            'for data in encodings), b"")',
            "unit/test_sessions.py::test_a_base_that_no_longer_holds_is_not_used",
        ),
        (
            "a base in use never grows old",
            "if base and not base.outlives(session.expires_at):",
            "if base and not session.messages:",
            "unit/test_sessions.py::"
            "test_a_base_is_written_anew_before_the_bucket_may_delete_it",
        ),
        (
            "a base in use is never deleted",
            "if session.base and session.base != stored.base:",
            "if session.base:",
            "unit/test_sessions.py::test_a_base_that_stays_is_not_deleted",
        ),
        (
            "an old base goes only after the save",
            "        stored, tail = self._compact(replace(session, version=session.version "
            "+ 1), fence)\n",
            "        stored, tail = self._compact(replace(session, version=session.version "
            "+ 1), fence)\n"
            "        if session.base and session.base != stored.base:\n"
            "            self._forget(session.base)\n",
            "unit/test_sessions.py::test_a_base_in_use_survives_a_save_that_is_refused",
        ),
        (
            "a leftover undoes no save",
            '_logger.warning("left an old base behind", extra={"error": type(error).__name__})',
            "raise",
            "unit/test_sessions.py::test_a_failed_delete_does_not_fail_the_save",
        ),
        (
            "the sweeper reads a turn consistently",
            'ConsistentRead=True,\n        ProjectionExpression="pending, #status",',
            'ConsistentRead=False,\n        ProjectionExpression="pending, #status",',
            "unit/test_sessions.py::"
            "test_the_turn_is_read_consistently_and_without_the_conversation",
        ),
    ),
    *of_file(
        LAYER + "codec.py",
        (
            "what may need a tag is encoded the thorough way",
            'return b"" if _TAG in text else text.encode()',
            "return text.encode()",
            "unit/test_sessions.py::test_bytes_are_not_taken_for_what_stands_for_them",
        ),
    ),
)
