"""Guards of the model that no other table switches off."""

from mutants import LAYER, of_file

MODEL = (
    *of_file(
        LAYER + "approvals.py",
        (
            "a question is put once",
            "ConditionExpression=_IF_ABSENT,",
            'ConditionExpression="attribute_not_exists(nothing)",',
            "unit/test_approvals.py::test_the_first_put_counts",
        ),
        (
            "a claim is conditional on what is over by then",
            'same += " AND attribute_not_exists(acknowledged)"',
            'same += ""',
            "flow/test_early_messages.py::"
            "test_a_message_that_is_over_while_it_claims_does_not_claim",
        ),
    ),
    *of_file(
        LAYER + "approvals.py",
        (
            "another message need not wait",
            "if is_first and is_anothers and self._note_over(approval, message_id):",
            "if False:",
            "flow/test_clicked_again.py::"
            "test_a_click_while_the_agent_goes_on_is_over_at_once",
        ),
        (
            "who has the claim waits",
            'approval.held_by not in ("", message_id)',
            "bool(approval.held_by)",
            "flow/test_clicked_again.py::test_another_delivery_of_the_same_message_waits",
        ),
        (
            "a claim without a message ends none",
            'approval.held_by not in ("", message_id)',
            "approval.held_by != message_id",
            "unit/test_approvals.py::"
            "test_a_claim_of_an_older_release_names_no_message_and_others_wait",
        ),
        (
            "what is over is written down",
            '{"messages_over": [*over, message_id]}',
            '{"messages_over": [*over]}',
            "flow/test_clicked_again.py::"
            "test_what_is_over_never_claims_although_the_first_worker_died",
        ),
        (
            "only the first claim ends others, as read",
            "is_first = approval.fence == 1 and ",
            "is_first = ",
            "unit/test_approvals.py::"
            "test_a_message_that_meets_a_later_claim_writes_nothing",
        ),
        (
            "only the first claim ends others, as written",
            'f"fence = :first AND {same}"',
            'f"fence >= :first AND {same}"',
            "flow/test_clicked_again.py::test_who_meets_a_later_claim_while_it_ends_comes_back",
        ),
        (
            "notes of two messages",
            'same = "messages_over = :over" if over',
            'same = "messages_over <> :first" if over',
            "unit/test_approvals.py::test_no_note_of_a_message_is_lost_to_another",
        ),
        (
            "what is over does not claim one",
            'f"{free} AND {_NOT_OVER}"',
            'f"{free} AND :message <> :now"',
            "flow/test_clicked_again.py::test_who_is_over_while_it_claims_does_not_claim",
        ),
        (
            "what is over does not claim several",
            'AND {_NOT_OVER}"\n        if not',
            'AND :message <> :mine"\n        if not',
            "flow/test_clicked_again.py::test_who_is_over_while_it_claims_does_not_claim",
        ),
        (
            "what is over need not wait",
            "if message_id in (approval.messages_over or ()):",
            "if False:",
            "unit/test_approvals.py::"
            "test_another_message_is_over_only_while_the_first_claim_is_anothers",
        ),
        (
            "an item does not grow with every click",
            "if len(over) >= MAX_MESSAGES_OVER:",
            "if False:",
            "flow/test_clicked_again.py::test_an_item_does_not_grow_with_every_click",
        ),
        (
            "a lease of an earlier turn ends no message",
            "            self._check_is_over(one, claimed_by, now)\n        read += (",
            "            pass\n"
            "        for one in found.values():\n"
            "            self._check_is_over(one, claimed_by, now)\n"
            "        read += (",
            "flow/test_clicked_again.py::test_the_lease_of_an_earlier_turn_ends_no_message",
        ),
    ),
    *of_file(
        LAYER + "approval_item.py",
        (
            "a question is open from the moment that it is put",
            'item["open_shard"] = ',
            'item["nothing"] = ',
            "flow/test_sweep.py::"
            "test_an_approval_that_nobody_decides_expires_and_the_agent_goes_on",
        ),
    ),
    *of_file(
        "src/agent/worker.py",
        (
            "a pause that was cut off is finished",
            "not_started = self.pausing.finish(session, notify_again=made_it)",
            "not_started: list[str] = []",
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "who paused notifies until it succeeds",
            "notify_again=made_it",
            "notify_again=False",
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "an older worker saves nothing",
            "            self.sessions.fence_off(session, fence)\n",
            "            pass\n",
            "flow/test_overtaken.py::test_a_worker_that_was_overtaken_saves_nothing",
        ),
    ),
    *of_file(
        "src/sweeper/sweeper.py",
        (
            "what nobody decided has an end",
            "return self._expire(approval, now)",
            'return "nothing"',
            "flow/test_sweep.py::"
            "test_an_approval_that_nobody_decides_expires_and_the_agent_goes_on",
        ),
    ),
    *of_file(
        "src/agent/tool_results.py",
        (
            "the saved call runs, whatever the model says next",
            "status, text = gate.spend_and_perform(approval)",
            'status, text = "success", "Published."',
            "unit/test_tool_results.py::test_spent_redoes_the_effect_and_says_so",
        ),
    ),
)
