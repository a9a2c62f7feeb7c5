"""The write protocol: the tables of approvals and sessions, C1 to C6."""

from mutants import Mutant, of_code

PROTOCOL: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "C2 puts only where nothing is",
            "waits.answers:",
            '"attribute_not_exists(session_id)"',
            '"attribute_not_exists(no_such)"',
            "unit/test_approvals.py::test_a_put_never_takes_anything_back",
        ),
        (
            "C3 decides only what is pending",
            "waits.answers:Answers.decide",
            '"#status = :pending AND decide_by > :now AND attribute_exists(#action)"',
            '"(#status = :pending OR attribute_exists(session_id)) AND decide_by > :now AND '
            'attribute_exists(#action)"',
            "unit/test_approvals.py::test_first_decision_wins",
        ),
        (
            "C3 decides only in time",
            "waits.answers:Answers.decide",
            '"#status = :pending AND decide_by > :now AND attribute_exists(#action)"',
            '"#status = :pending AND (decide_by > :now OR attribute_exists(session_id)) AND '
            'attribute_exists(#action)"',
            "unit/test_approvals.py::test_time_is_up_at_exactly_decide_by",
        ),
        (
            "C3 ends at decide_by itself",
            "waits.answers:Answers.decide",
            '"#status = :pending AND decide_by > :now AND attribute_exists(#action)"',
            '"#status = :pending AND decide_by >= :now AND attribute_exists(#action)"',
            "unit/test_approvals.py::test_time_is_up_at_exactly_decide_by",
        ),
        (
            "C3 decides only approvals",
            "waits.answers:Answers.decide",
            '"#status = :pending AND decide_by > :now AND attribute_exists(#action)"',
            '"#status = :pending AND decide_by > :now AND (attribute_exists(#action) OR '
            'attribute_exists(session_id))"',
            "unit/test_approvals.py::"
            "test_an_unknown_tool_use_and_one_that_is_no_approval_cannot_be_decided",
        ),
        (
            "C3 keeps the digest with the edit",
            "decisions:_decide_alone",
            "changed.digest if changed else None",
            "None",
            "flow/test_any_call.py::test_the_record_has_the_digest_of_the_edited_call",
        ),
        (
            "C3 tells the opposite decision apart",
            "waits.answers:_repeat_outcome",
            "old.decision != decision",
            "old.decision is None",
            "unit/test_approvals.py::test_a_decided_item_keeps_its_decision",
        ),
        (
            "C3 tells another edit apart",
            "waits.answers:_repeat_outcome",
            '"repeated" if is_same else "conflict"',
            '"repeated"',
            "unit/test_approvals.py::test_a_decided_item_keeps_its_decision",
        ),
        (
            "C3 repeats nothing that is over",
            "waits.answers:_repeat_outcome",
            "old.status in (Status.PENDING, Status.EXPIRED, Status.CANCELLED)",
            "old.status in (Status.EXPIRED, Status.CANCELLED)",
            "unit/test_approvals.py::test_time_is_up_at_exactly_decide_by",
        ),
        (
            "cancel takes only what is pending",
            "waits.answers:Answers.cancel",
            '"#status = :pending"',
            '"#status = :pending OR attribute_exists(session_id)"',
            "unit/test_approvals.py::test_an_operator_cancels_what_waits_whatever_the_tool",
        ),
        (
            "the first result counts",
            "waits.answers:Answers.answer",
            '"#status = :pending AND attribute_not_exists(#action)"',
            '"(#status = :pending OR attribute_exists(session_id)) AND '
            'attribute_not_exists(#action)"',
            "unit/test_approvals.py::test_the_first_result_of_a_tool_counts",
        ),
        (
            "no result decides an approval",
            "waits.answers:Answers.answer",
            '"#status = :pending AND attribute_not_exists(#action)"',
            '"#status = :pending AND (attribute_not_exists(#action) OR '
            'attribute_exists(session_id))"',
            "unit/test_approvals.py::test_no_result_decides_an_approval",
        ),
        (
            "C4 claims only what is there",
            "claims:Claims._claim_one",
            '"attribute_exists(session_id) AND #status <> :pending AND lease_until < :now"',
            '"#status <> :pending AND (attribute_not_exists(session_id) OR lease_until < :now)"',
            "unit/test_approvals.py::test_what_has_no_record_yet_cannot_be_claimed",
        ),
        (
            "C4 claims only what is decided",
            "claims:Claims._claim_one",
            '"attribute_exists(session_id) AND #status <> :pending AND lease_until < :now"',
            '"attribute_exists(session_id) AND (#status <> :pending OR '
            'attribute_exists(session_id)) AND lease_until < :now"',
            "unit/test_approvals.py::test_what_nobody_decided_cannot_be_claimed",
        ),
        (
            "C4 respects a lease",
            "claims:Claims._claim_one",
            '"attribute_exists(session_id) AND #status <> :pending AND lease_until < :now"',
            '"attribute_exists(session_id) AND #status <> :pending AND (lease_until < :now OR '
            'attribute_exists(session_id))"',
            "unit/test_approvals.py::test_a_lease_holds_until_its_last_second_is_over",
        ),
        (
            "C4 counts the fence",
            "claims:Claims._claim_one",
            '{":pending": Status.PENDING, ":now": now, ":one": 1, ":message": '
            "message_of(claimed_by)}",
            '{":pending": Status.PENDING, ":now": now, ":one": 0, ":message": '
            "message_of(claimed_by)}",
            "unit/test_approvals.py::test_whatever_is_decided_can_be_claimed",
        ),
        (
            "C4 takes the item off the index",
            "claims:Claims._claim_one",
            'f" ADD fence :one{_CLOSE}"',
            '" ADD fence :one"',
            "unit/test_approvals.py::test_whatever_is_decided_can_be_claimed",
        ),
        (
            "a joint claim takes the items off the index",
            "claims:Claims._claim_update",
            'f"SET fence = :mine, lease_until = :until, claimed_by = :by" f"{_CLOSE}"',
            'f"SET fence = :mine, lease_until = :until, claimed_by = :by"',
            "unit/test_approvals.py::test_whatever_is_decided_can_be_claimed",
        ),
        (
            "a joint claim is conditional on the fences read",
            "claims:Claims._claim_update",
            'f"fence = :read AND #status = :status AND {_NOT_OVER}"',
            'f"(fence = :read OR attribute_exists(session_id)) AND #status = :status AND '
            '{_NOT_OVER}"',
            "unit/test_approvals.py::"
            "test_a_claim_of_several_that_another_worker_overtook_claims_none",
        ),
        (
            "a joint claim is conditional on the statuses read",
            "claims:Claims._claim_update",
            'f"fence = :read AND #status = :status AND {_NOT_OVER}"',
            'f"fence = :read AND (#status = :status OR attribute_exists(session_id)) AND '
            '{_NOT_OVER}"',
            "unit/test_approvals.py::test_a_claim_of_several_notices_that_a_status_has_changed",
        ),
        (
            "a joint claim counts the fences",
            "claims:Claims._claim_all",
            "a.fence + 1",
            "a.fence",
            "unit/test_approvals.py::test_an_item_is_in_the_index_of_open_ones_until_it_is_claimed",
        ),
        (
            "a joint claim is one transaction",
            "claims:Claims._claim_all",
            """
            self._client.transact_write_items(
                TransactItems=[{"Update": self._claim_update(wait)} for wait in mine]
            )
            """,
            """
            for wait in mine:
                self._client.update_item(**self._claim_update(wait))
            """,
            "unit/test_approvals.py::test_a_transaction_that_fails_for_another_reason_is_a_fault",
        ),
        (
            "a joint claim covers the whole turn",
            "claims:Claims.claim",
            "len(turn) == 1 and not unspent",
            "turn",
            "unit/test_approvals.py::test_whatever_is_decided_can_be_claimed",
        ),
        (
            "a joint claim takes no pending item",
            "claims:_check_claimable",
            "wait is None or wait.status == Status.PENDING",
            "wait is None",
            "unit/test_approvals.py::test_what_nobody_decided_cannot_be_claimed",
        ),
        (
            "a joint claim takes no missing item",
            "claims:_check_claimable",
            """
            if wait is None or wait.status == Status.PENDING:
                raise NotDecidedError(is_missing=wait is None)
            """,
            """
            if wait is None:
                return
            if wait.status == Status.PENDING:
                raise NotDecidedError(is_missing=wait is None)
            """,
            "unit/test_approvals.py::test_what_has_no_record_yet_cannot_be_claimed",
        ),
        (
            "a joint claim respects a lease",
            "claims:_check_claimable",
            "wait.lease_until >= now",
            "wait.lease_until >= now + 10**9",
            "unit/test_approvals.py::test_several_are_claimed_together_or_not_at_all",
        ),
        (
            "a transaction that is throttled is a fault",
            "claims:Claims._claim_all",
            'reasons <= {"None", "ConditionalCheckFailed", "TransactionConflict"}',
            "reasons",
            "unit/test_approvals.py::test_a_transaction_that_fails_for_another_reason_is_a_fault",
        ),
        (
            "a release leaves a newer worker's lease",
            "claims:Claims.release",
            '"fence = :fence"',
            '"fence = :fence OR attribute_exists(session_id)"',
            "unit/test_approvals.py::test_a_release_leaves_a_newer_workers_lease_alone",
        ),
        (
            "C5 spends only what is approved",
            "claims:Claims.spend",
            '"#status = :approved AND fence = :fence"',
            '"(#status = :approved OR attribute_exists(session_id)) AND fence = :fence"',
            "unit/test_approvals.py::test_only_an_approved_item_can_be_spent",
        ),
        (
            "C5 spends only under the newest fence",
            "claims:Claims.spend",
            '"#status = :approved AND fence = :fence"',
            '"#status = :approved AND (fence = :fence OR attribute_exists(session_id))"',
            "unit/test_approvals.py::test_a_worker_whose_claim_was_overtaken_cannot_spend",
        ),
        (
            "C5 tells a worker that was overtaken",
            "claims:Claims.spend",
            "old is None or old.status != Status.SPENT",
            "old is None",
            "unit/test_approvals.py::test_only_an_approved_item_can_be_spent",
        ),
        (
            "a refusal is noted of what is spent alone",
            "claims:Claims._note_answer",
            '"#status = :spent"',
            '"#status = :spent OR attribute_exists(session_id)"',
            "unit/test_approvals.py::test_what_a_receiver_refused_for_good_is_noted",
        ),
        (
            "a message that came too early never claims a turn",
            "claims:Claims.claim",
            "told and all(a.acknowledged for a in told)",
            "not turn and found",
            "flow/test_early_messages.py::"
            "test_a_duplicate_of_an_earlier_message_never_takes_the_turn",
        ),
        (
            "a message tells of its turn alone",
            "claims:_told",
            "[found[i] for i in turn if i in named and i in found]",
            "[found[i] for i in found if i in named]",
            "unit/test_approvals.py::test_a_message_tells_of_nothing_that_earlier_turns_left",
        ),
        (
            "a turn is read whole before it is claimed",
            "claims:_nearest_first",
            "parts.append(order[:size])",
            "parts[:] = parts or [order[:size]]",
            "flow/test_turns.py::test_a_decision_costs_the_same_calls_however_many_are_asked",
        ),
        (
            "a message that comes too early is over",
            "claims:Claims.claim",
            "self._acknowledge(wait, now)",
            "",
            "flow/test_early_messages.py::"
            "test_a_duplicate_of_an_earlier_message_never_takes_the_turn",
        ),
        (
            "a message that has claimed is not over",
            "claims:Claims._acknowledge",
            '"fence = :fence"',
            '"fence >= :fence"',
            "flow/test_early_messages.py::"
            "test_a_message_whose_other_delivery_has_claimed_comes_back",
        ),
        (
            "a message that is over while it claims does not claim",
            "claims:Claims._claim_update",
            "not mine.acknowledged",
            "False",
            "flow/test_early_messages.py::"
            "test_a_message_that_is_over_while_it_claims_does_not_claim",
        ),
        (
            "a record is read consistently",
            "table:WaitTable.get",
            """
            self._client.get_item(
                TableName=self._table, Key=key_of(session_id, tool_use_id), ConsistentRead=True
            )
            """,
            """
            self._client.get_item(
                TableName=self._table, Key=key_of(session_id, tool_use_id), ConsistentRead=False
            )
            """,
            "unit/test_approvals.py::test_every_read_is_consistent",
        ),
        (
            "a session's records are read consistently",
            "table:WaitTable.of_session",
            """
            self._query.paginate(
                TableName=self._table,
                KeyConditionExpression="session_id = :s",
                ExpressionAttributeValues={":s": {"S": session_id}},
                ConsistentRead=True,
            )
            """,
            """
            self._query.paginate(
                TableName=self._table,
                KeyConditionExpression="session_id = :s",
                ExpressionAttributeValues={":s": {"S": session_id}},
                ConsistentRead=False,
            )
            """,
            "unit/test_approvals.py::test_every_read_is_consistent",
        ),
        (
            "C1 creates only a new session",
            "sessions:SessionStore.create",
            '"attribute_not_exists(session_id)"',
            '"attribute_not_exists(no_such)"',
            "unit/test_sessions.py::test_a_session_is_created_once",
        ),
        (
            "C6 saves only the version read",
            "sessions:SessionStore.save",
            '"version = :version AND fence <= :fence"',
            '"(version = :version OR attribute_exists(session_id)) AND fence <= :fence"',
            "unit/test_sessions.py::test_a_save_of_what_another_has_saved_since_is_refused",
        ),
        (
            "C6 saves only under the newest fence",
            "sessions:SessionStore.save",
            '"version = :version AND fence <= :fence"',
            '"version = :version AND (fence <= :fence OR attribute_exists(session_id))"',
            "unit/test_sessions.py::test_a_base_in_use_survives_a_save_that_is_refused",
        ),
        (
            "C6 counts the version",
            "sessions:SessionStore.save",
            "session.version + 1",
            "session.version",
            "unit/test_sessions.py::test_a_save_of_what_another_has_saved_since_is_refused",
        ),
        (
            "C4' fences only the version read",
            "sessions:SessionStore.fence_off",
            '"version = :version AND fence <= :fence"',
            '"(version = :version OR attribute_exists(session_id)) AND fence <= :fence"',
            "unit/test_sessions.py::"
            "test_fencing_off_is_refused_to_an_older_worker_and_to_a_stale_read",
        ),
        (
            "C4' takes no fence back",
            "sessions:SessionStore.fence_off",
            '"version = :version AND fence <= :fence"',
            '"version = :version AND (fence <= :fence OR attribute_exists(session_id))"',
            "unit/test_sessions.py::"
            "test_fencing_off_is_refused_to_an_older_worker_and_to_a_stale_read",
        ),
        (
            "a session is read consistently",
            "sessions:SessionStore.load",
            """
            self._dynamodb.get_item(
                TableName=self._table, Key=_key(session_id, agent_name), ConsistentRead=True
            )
            """,
            """
            self._dynamodb.get_item(
                TableName=self._table, Key=_key(session_id, agent_name), ConsistentRead=False
            )
            """,
            "unit/test_sessions.py::test_a_session_is_read_consistently",
        ),
        (
            "no worker overwrites another's base",
            "sessions:SessionStore._write_base",
            'f"{session.version}-{fence}-{digest[:16]}"',
            'f"{session.version}"',
            "unit/test_sessions.py::"
            "test_the_base_is_gzip_of_the_messages_under_the_sessions_own_prefix",
        ),
        (
            "a base's name has the fence",
            "sessions:SessionStore._write_base",
            'f"{session.version}-{fence}-{digest[:16]}"',
            'f"{session.version}-{digest[:16]}"',
            "unit/test_sessions.py::"
            "test_the_base_is_gzip_of_the_messages_under_the_sessions_own_prefix",
        ),
        (
            "a base that was damaged is noticed",
            "sessions:SessionStore._read_base",
            "_digest(data) != base.digest",
            "False",
            "unit/test_sessions.py::test_a_damaged_base_is_corrupted_state",
        ),
        (
            "a conversation that was trimmed gets a new base",
            "sessions:_covered",
            "(data for data in encodings if _digest(data) == base.digest)",
            "(data for data in encodings)",
            "unit/test_sessions.py::test_a_base_that_no_longer_holds_is_not_used",
        ),
        (
            "a base in use never grows old",
            "sessions:SessionStore._compact",
            "base.outlives(session.expires_at)",
            "session.messages",
            "unit/test_sessions.py::test_a_base_is_written_anew_before_the_bucket_may_delete_it",
        ),
        (
            "a base in use is never deleted",
            "sessions:SessionStore.save",
            "session.base and session.base != stored.base",
            "session.base",
            "unit/test_sessions.py::test_a_base_that_stays_is_not_deleted",
        ),
        (
            "an old base goes only after the save",
            "sessions:SessionStore.save",
            "stored, inline = self._compact(replace(session, version=session.version + 1), fence)",
            """
            stored, inline = self._compact(replace(session, version=session.version + 1), fence)
            if session.base and session.base != stored.base:
                self._forget(session.base)
            """,
            "unit/test_sessions.py::test_a_base_in_use_survives_a_save_that_is_refused",
        ),
        (
            "what is compressed is a part of the conversation",
            "sessions:inline_messages",
            "return earlier + messages",
            "return messages",
            "unit/test_sessions.py::test_what_came_before_the_last_turn_is_compressed_beside_it",
        ),
        (
            "what is compressed and was damaged is noticed",
            "sessions:inline_messages",
            "(zlib.error, ValueError)",
            "ZeroDivisionError",
            "unit/test_sessions.py::test_what_is_compressed_and_damaged_is_a_fault",
        ),
        (
            "what is compressed stands after the base",
            "sessions:SessionStore._session",
            "(self._read_base(base) if base else []) + inline_messages(fields)",
            "inline_messages(fields)",
            "unit/test_sessions.py::test_what_is_compressed_stands_between_the_base_and_the_list",
        ),
        (
            "a leftover undoes no save",
            "sessions:SessionStore._forget",
            '_logger.warning("left an old base behind", extra={"error": type(error).__name__})',
            "raise",
            "unit/test_sessions.py::test_a_failed_delete_does_not_fail_the_save",
        ),
        (
            "the sweeper reads a turn consistently",
            "sessions:read_turn",
            """
            client.get_item(
                TableName=table_name,
                Key=_key(session_id, agent_name),
                ConsistentRead=True,
                ProjectionExpression="pending, #status",
                ExpressionAttributeNames={"#status": "status"},
            )
            """,
            """
            client.get_item(
                TableName=table_name,
                Key=_key(session_id, agent_name),
                ConsistentRead=False,
                ProjectionExpression="pending, #status",
                ExpressionAttributeNames={"#status": "status"},
            )
            """,
            "unit/test_sessions.py::"
            "test_the_turn_is_read_consistently_and_without_the_conversation",
        ),
        (
            "what may need a tag is encoded the thorough way",
            "codec:to_unchecked_json",
            'b"" if _TAG in text else text.encode()',
            "text.encode()",
            "unit/test_sessions.py::test_bytes_are_not_taken_for_what_stands_for_them",
        ),
    )
)
