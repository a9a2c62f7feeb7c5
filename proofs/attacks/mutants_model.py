"""Guards of the model that no other table switches off."""

from mutants import Mutant, of_code

MODEL: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "a question is put once",
            "waits.answers:Answers.put_if_absent",
            "_IF_ABSENT",
            '"attribute_not_exists(nothing)"',
            "unit/test_approvals.py::test_the_first_put_counts",
        ),
        (
            "a claim is conditional on what is over by then",
            "claims:Claims._claim_update",
            '" AND attribute_not_exists(acknowledged)"',
            '""',
            "flow/test_early_messages.py::"
            "test_a_message_that_is_over_while_it_claims_does_not_claim",
        ),
        (
            "another message need not wait",
            "claims:Claims._check_is_over",
            "is_first and is_anothers and self._note_over(wait, message_id)",
            "False",
            "flow/test_clicked_again.py::test_a_click_while_the_agent_goes_on_is_over_at_once",
        ),
        (
            "who has the claim waits",
            "claims:Claims._check_is_over",
            'wait.held_by not in ("", message_id)',
            "bool(wait.held_by)",
            "flow/test_clicked_again.py::test_another_delivery_of_the_same_message_waits",
        ),
        (
            "a claim without a message ends none",
            "claims:Claims._check_is_over",
            'wait.held_by not in ("", message_id)',
            "wait.held_by != message_id",
            "unit/test_approvals.py::"
            "test_a_claim_of_an_older_release_names_no_message_and_others_wait",
        ),
        (
            "what is over is written down",
            "claims:Claims._note_over",
            "[*over, message_id]",
            "[*over]",
            "flow/test_clicked_again.py::"
            "test_what_is_over_never_claims_although_the_first_worker_died",
        ),
        (
            "only the first claim ends others, as read",
            "claims:Claims._check_is_over",
            "wait.fence == 1 and wait.lease_until >= now",
            "wait.lease_until >= now",
            "unit/test_approvals.py::test_a_message_that_meets_a_later_claim_writes_nothing",
        ),
        (
            "only the first claim ends others, as written",
            "claims:Claims._note_over",
            'f"fence = :first AND {same}"',
            'f"fence >= :first AND {same}"',
            "flow/test_clicked_again.py::test_who_meets_a_later_claim_while_it_ends_comes_back",
        ),
        (
            "notes of two messages",
            "claims:Claims._note_over",
            '"messages_over = :over"',
            '"messages_over <> :first"',
            "unit/test_approvals.py::test_no_note_of_a_message_is_lost_to_another",
        ),
        (
            "what is over does not claim one",
            "claims:Claims._claim_one",
            'f"{free} AND {_NOT_OVER}"',
            'f"{free} AND :message <> :now"',
            "flow/test_clicked_again.py::test_who_is_over_while_it_claims_does_not_claim",
        ),
        (
            "what is over does not claim several",
            "claims:Claims._claim_update",
            'f"fence = :read AND #status = :status AND {_NOT_OVER}"',
            'f"fence = :read AND #status = :status AND :message <> :mine"',
            "flow/test_clicked_again.py::test_who_is_over_while_it_claims_does_not_claim",
        ),
        (
            "what is over need not wait",
            "claims:Claims._check_is_over",
            "message_id in (wait.messages_over or ())",
            "False",
            "unit/test_approvals.py::"
            "test_another_message_is_over_only_while_the_first_claim_is_anothers",
        ),
        (
            "an item does not grow with every click",
            "claims:Claims._note_over",
            "len(over) >= MAX_MESSAGES_OVER",
            "False",
            "flow/test_clicked_again.py::test_an_item_does_not_grow_with_every_click",
        ),
        (
            "a lease of an earlier turn ends no message",
            "claims:Claims.claim",
            """
            for tool_use_id in turn:
                self._check_is_over(found[tool_use_id], claimed_by, now)
            """,
            """
            for tool_use_id in turn:
                pass
            for one in found.values():
                self._check_is_over(one, claimed_by, now)
            """,
            "flow/test_clicked_again.py::test_the_lease_of_an_earlier_turn_ends_no_message",
        ),
        (
            "a question is open from the moment that it is put",
            "item:to_item",
            'item["open_shard"] = f"{shard}" if wait.call else f"{TOOL_SHARD}{shard}"',
            'item["nothing"] = f"{shard}" if wait.call else f"{TOOL_SHARD}{shard}"',
            "flow/test_sweep.py::"
            "test_an_approval_that_nobody_decides_expires_and_the_agent_goes_on",
        ),
        (
            "a pause that was cut off is finished",
            "recovery:finish_pause",
            "answered = worker.asking.ask_again(session, agent, notify_again=made_it)",
            "answered: list[str] = []",
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "who paused notifies until it succeeds",
            "recovery:finish_pause",
            "worker.asking.ask_again(session, agent, notify_again=made_it)",
            "worker.asking.ask_again(session, agent, notify_again=False)",
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "an older worker saves nothing",
            "worker:Worker._resume_claimed",
            "self.sessions.fence_off(session, fence)",
            "",
            "flow/test_overtaken.py::test_a_worker_that_was_overtaken_saves_nothing",
        ),
        (
            "what nobody decided has an end",
            "sweeper:Sweeper._look_after",
            "self._expire(approval, now)",
            '"nothing"',
            "flow/test_sweep.py::"
            "test_an_approval_that_nobody_decides_expires_and_the_agent_goes_on",
        ),
        (
            "the saved call runs, whatever the model says next",
            "tool_results:result_of",
            "effects.perform(wait)",
            '"success", "Published."',
            "unit/test_tool_results.py::test_spent_redoes_the_effect_and_says_so",
        ),
    )
)
