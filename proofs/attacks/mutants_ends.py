"""Guards of how a run ends, of what is saved, and of how long it lives."""

from mutants import Mutant, of_code

ENDS: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "a stop that was meant is none of the deadline's",
            "agent.run:run_agent",
            "stop == STOPPED and deadline.has_stopped",
            "stop == STOPPED",
            "flow/test_ends.py::"
            "test_an_agent_that_the_adopters_code_stops_ends_once_and_is_noticed",
        ),
        (
            "a stop of the deadline is no end",
            "agent.run:run_agent",
            "stop == STOPPED and deadline.has_stopped",
            "False",
            "flow/test_long_runs.py::test_a_run_goes_on_also_after_an_effect",
        ),
        (
            "what waits is in the conversation",
            "agent.run:_paused",
            "noted.keys() - set(ids) or set(ids) != set(answered)",
            "False",
            "flow/test_ends.py::test_a_question_that_the_agent_went_on_from_is_a_fault",
        ),
        (
            "a pause ends with the results of its turn",
            "agent.run:_paused",
            "messages[: place + 2]",
            "messages",
            "flow/test_ends.py::test_a_hook_that_ends_the_turn_does_not_hide_the_question",
        ),
        (
            "an interrupt is no end",
            "agent.run:_stop_reason",
            'result.stop_reason == "interrupt" or result.interrupts',
            "False",
            "flow/test_ends.py::test_an_interrupt_is_a_dead_letter_at_once_that_says_what_to_do",
        ),
        (
            "a checkpoint is no end",
            "agent.run:_stop_reason",
            'result.stop_reason == "checkpoint"',
            "False",
            "flow/test_ends.py::test_what_cannot_be_saved_here_is_a_dead_letter_at_once",
        ),
        (
            "the conversation is the session's own",
            "agent.run:_made",
            'getattr(agent, "_session_manager", None) is not None or (given and not is_ours)',
            "False",
            "flow/test_what_is_saved.py::"
            "test_an_agent_that_goes_on_from_other_messages_is_refused_at_once",
        ),
        (
            "the conversation is not on a server",
            "agent.run:_made",
            'getattr(agent.model, "stateful", False)',
            "False",
            "flow/test_ends.py::test_what_cannot_be_saved_here_is_a_dead_letter_at_once",
        ),
        (
            "a turn before an effect is not gone back to",
            "agent.run:_kept_turn",
            "not turns or turns[-1].effects != gate.effects.begun",
            "not turns",
            "flow/test_long_runs.py::test_a_turn_before_an_effect_is_not_gone_back_to",
        ),
        (
            "a turn after every effect is gone on from",
            "agent.run:_kept_turn",
            "turns[-1].effects != gate.effects.begun",
            "gate.effects.begun",
            "flow/test_long_runs.py::test_a_run_goes_on_also_after_an_effect",
        ),
        (
            "the token limit ends a run at once",
            "agent.run:",
            """
            {
                MaxTokensReachedException: "max_tokens",
                ContextWindowOverflowException: CONTEXT_EXCEEDED,
                StructuredOutputException: "structured_output",
            }
            """,
            """
            {
                ContextWindowOverflowException: CONTEXT_EXCEEDED,
                StructuredOutputException: "structured_output",
            }
            """,
            "flow/test_ends.py::test_an_end_that_is_none_is_failed_at_once_and_noticed",
        ),
        (
            "a full window ends a run at once",
            "agent.run:",
            """
            {
                MaxTokensReachedException: "max_tokens",
                ContextWindowOverflowException: CONTEXT_EXCEEDED,
                StructuredOutputException: "structured_output",
            }
            """,
            """
            {
                MaxTokensReachedException: "max_tokens",
                StructuredOutputException: "structured_output",
            }
            """,
            "flow/test_ends.py::test_a_window_that_cannot_be_made_smaller_is_failed_at_once",
        ),
        (
            "an answer that broke off is no end",
            "agent.run:_ended",
            'tool_uses(last) and stop == "end_turn"',
            "False",
            "flow/test_ends.py::test_an_answer_that_breaks_off_is_tried_again",
        ),
        (
            "a call without an answer is no good end",
            "agent.run:_ended",
            """
            if tool_uses(last):
                stop = UNANSWERED
            elif not gate.watch.model_answered:
                stop = STOPPED
            """,
            """
            if False:
                stop = UNANSWERED
            elif not gate.watch.model_answered:
                stop = STOPPED
            """,
            "flow/test_ends.py::test_an_end_with_a_call_that_nobody_answers_is_failed",
        ),
        (
            "what a hook says is not the model's end",
            "agent.run:_ended",
            "not gate.watch.model_answered",
            "False",
            "flow/test_ends.py::test_a_hook_that_answers_in_the_models_place_is_a_stop",
        ),
        (
            "what is saved can be sent",
            "agent.run:_run",
            "gate.watch.make_sendable(messages)",
            "",
            "flow/test_what_is_saved.py::"
            "test_what_stands_beside_a_question_never_stops_its_session",
        ),
        (
            "what tools keep is there after the pause",
            "agent.run:run_agent",
            """
            for name, value in (saved_state or {}).items():
                agent.state.set(name, value)
            """,
            "",
            "flow/test_what_is_saved.py::"
            "test_what_tools_keep_in_the_agents_state_is_there_after_the_pause",
        ),
        (
            "what is new is made sendable before it is sent",
            "watch:Watch.before_model",
            "self.make_sendable(event.agent.messages)",
            "pass",
            "flow/test_what_is_saved.py::"
            "test_a_tools_result_is_made_sendable_before_the_next_model_call",
        ),
        (
            "a decision is put right before it is sent",
            "watch:Watch.before_model",
            "self.must_read and self._put_right(event.agent.messages)",
            "False",
            "flow/test_what_is_saved.py::test_an_edited_text_survives_an_overflow",
        ),
        (
            "a decision is not put right for ever",
            "watch:Watch.before_model",
            "self._restored > MAX_RESTORED",
            "False",
            "flow/test_what_is_saved.py::"
            "test_a_manager_that_shortens_a_decision_again_and_again_ends_the_session",
        ),
        (
            "an id that was used before a trim is not used again",
            "gate:Gate.record_id",
            "is_trimmed and self.read_wait(known) is not None",
            "False",
            "flow/test_what_is_saved.py::"
            "test_an_id_that_comes_again_after_a_trim_is_a_question_of_its_own",
        ),
        (
            "an id keeps what its provider has put into it",
            "tool_uses:name_apart",
            "f\"{uuid.uuid4().hex[:8]}_{use['toolUseId']}\"",
            "uuid.uuid4().hex",
            "unit/test_tool_uses.py::"
            "test_an_id_that_comes_again_keeps_what_its_provider_has_put_into_it",
        ),
        (
            "a starter's input is checked before anything waits",
            "gate:Gate._check_input",
            "check_schema(jsonschema.Draft202012Validator(schema), complete)",
            "None",
            "flow/test_waits.py::test_a_jobs_input_is_checked_before_anything_waits",
        ),
        (
            "a refusal of a repeat is a fault",
            "effects:Effects._refused",
            "approval.status == Status.SPENT",
            "False",
            "unit/test_effects.py::test_a_refusal_of_what_may_have_arrived_before_is_a_fault",
        ),
        (
            "a refusal of what is known to be done is not noted",
            "effects:Effects._refused",
            "is_known",
            "False",
            "unit/test_effects.py::test_a_refusal_of_what_is_known_to_have_arrived_is_told",
        ),
        (
            "an answer that is recorded is not asked for again",
            "effects:Effects.perform",
            """
            if approval.answer:
                self._note(approval, approval.answer["status"], approval.answer["text"])
                return approval.answer["status"], approval.answer["text"]
            """,
            """
            if False:
                self._note(approval, approval.answer["status"], approval.answer["text"])
                return approval.answer["status"], approval.answer["text"]
            """,
            "unit/test_effects.py::test_a_receiver_whose_answer_is_recorded_is_not_asked_again",
        ),
        (
            "an edit fits the whole call",
            "calls:ProtectedTool.problem_of_edit",
            """
            if approval.is_edited:
                self.call(given)
            """,
            "pass",
            "unit/test_effects.py::test_an_edit_that_the_whole_call_does_not_take_is_not_run",
        ),
        (
            "numbers that are not finite are not approved",
            "calls:_json",
            "json.dumps(value, ensure_ascii=False, allow_nan=False)",
            "json.dumps(value, ensure_ascii=False)",
            "unit/test_calls.py::test_a_number_that_is_not_finite_cannot_be_approved",
        ),
        (
            "a pause that is refused is told",
            "gate:Gate._ask",
            'str(paused["content"][0]["text"])',
            "waiting",
            "unit/test_gate.py::test_where_nothing_can_wait_the_model_is_told_and_nothing_is_asked",
        ),
        (
            "what nobody decided is not looked up",
            "gate:Gate._approvals_for",
            "self._may_be(call, use, answer)",
            "True",
            "unit/test_gate.py::test_a_record_is_read_once_and_only_of_the_same_text",
        ),
        (
            "a decision is not shortened",
            "conversation_window:BlockwiseWindow._find_oldest_message_with_tool_results",
            "any(map(is_decision, tool_results(message)))",
            "False",
            "unit/test_agent_run.py::test_a_full_window_shortens_anything_but_a_decision",
        ),
        (
            "what receivers said is kept where the time is over",
            "worker:Worker._resume_claimed",
            "gate.effects.keep_answers()",
            "pass",
            "flow/test_receivers.py::"
            "test_a_turn_of_slow_approved_calls_goes_on_where_its_time_was_over",
        ),
        (
            "no effect is begun without time for it",
            "worker:Worker._results",
            "effects.begun and self._seconds_left(delivery) < EFFECT_SECONDS",
            "False",
            "flow/test_receivers.py::"
            "test_a_turn_of_slow_approved_calls_goes_on_where_its_time_was_over",
        ),
        (
            "an approval that was not used is told so",
            "ending:Ending.tell",
            "self.claims.note_not_done(session.session_id, tool_use_id, reason)",
            "False",
            "flow/test_ends.py::test_an_approval_that_the_model_never_uses_has_a_name",
        ),
        (
            "a worker that died before it said so says it later",
            "recovery:finish_pause",
            "session.status != WAITING and made_it",
            "False",
            "flow/test_ends.py::test_a_worker_that_dies_before_it_says_so_says_it_later",
        ),
        (
            "an end that nobody wished for is noticed",
            "ending:Ending.tell",
            'session.reason or session.outcome == "failed"',
            "False",
            "flow/test_ends.py::test_an_end_that_is_none_is_failed_at_once_and_noticed",
        ),
        (
            "a session that did nothing but fail is failed",
            "afterwards:_outcome",
            '"failed" if gate.watch.last_failed else "finished"',
            '"finished"',
            "flow/test_ends.py::"
            "test_a_session_that_ends_after_an_error_without_having_done_anything_is_failed",
        ),
        (
            "a late result leaves a trace",
            "incoming:Incoming.record",
            "self._check_late(message)",
            "",
            "flow/test_waits.py::test_a_result_after_the_end_of_its_wait_is_kept_as_a_dead_letter",
        ),
        (
            "an expired job is not the session's outcome",
            "afterwards:_outcome",
            "{a.status for a in claimed if a.call is not None or a.status != Status.EXPIRED}",
            "{a.status for a in claimed}",
            "flow/test_waits.py::test_an_expired_job_does_not_make_the_sessions_outcome",
        ),
        (
            "what cannot be started goes on at once",
            "worker:Worker.go_on_at_once",
            "not answered or len(answered) < len(session.pending)",
            "True",
            "flow/test_waits.py::test_the_model_hears_at_once_of_what_cannot_be_started",
        ),
        (
            "what is left for later is kept as long as its session",
            "worker:Worker._resume_claimed",
            "self.claims.release(unspent, saved.expires_at + OUTLIVES_SESSION_SECONDS)",
            "self.claims.release(unspent)",
            "flow/test_waits.py::test_an_approval_that_is_left_for_later_outlives_the_next_wait",
        ),
        (
            "a task is known by its digest",
            "recovery:_is_task_of",
            """
            if session.task_digest:
                return session.task_digest == digest_of(task)
            """,
            """
            if False:
                return session.task_digest == digest_of(task)
            """,
            "flow/test_what_is_saved.py::"
            "test_the_same_task_twice_is_one_also_where_a_guardrail_has_rewritten_it",
        ),
        (
            "a tool waits as long as it says",
            "asking:Asking._wait_seconds",
            "pending.within_seconds or DEFAULT_WITHIN_SECONDS",
            "DEFAULT_WITHIN_SECONDS",
            "flow/test_waits.py::test_a_tool_says_how_long_it_waits_and_all_it_needs_lives_longer",
        ),
        (
            "AWS's no for good is told to the model",
            "asking:Asking._start",
            """
            if not _is_for_good(error):
                raise
            """,
            "raise",
            "flow/test_waits.py::test_the_model_hears_at_once_of_what_cannot_be_started",
        ),
        (
            "what another try may mend is tried again",
            "asking:Asking._start",
            """
            if not _is_for_good(error):
                raise
            """,
            "",
            "flow/test_waits.py::test_what_another_try_may_mend_is_a_fault",
        ),
        (
            "only the session's own agent waits",
            "human_approval:_no_pause",
            "agent is not None and not (is_in_session and (own is None or own is agent))",
            "False",
            "flow/test_ends.py::test_an_agent_within_the_agent_is_told_that_it_cannot_wait",
        ),
        (
            "a wait has bounds",
            "human_approval:_no_pause",
            "within is not None",
            "False",
            "flow/test_waits.py::test_a_time_that_is_out_of_bounds_is_an_error_and_no_pause",
        ),
        (
            "a base is kept as long as its session",
            "sessions:_lifetime",
            "seconds + RESTORABLE_SECONDS",
            "0",
            "unit/test_sessions.py::"
            "test_a_base_is_kept_as_long_as_its_session_and_a_restore_may_need_it",
        ),
        (
            "a base is kept as long as a restore may need it",
            "sessions:Base.outlives",
            "expires_at + RESTORABLE_SECONDS",
            "expires_at",
            "unit/test_sessions.py::test_a_base_is_written_anew_before_the_bucket_may_delete_it",
        ),
        (
            "a superseded base is found by its version",
            "sessions:SessionStore._read_base",
            'version = {"VersionId": base.version_id} if base.version_id else {}',
            "version: dict[str, str] = {}",
            "flow/test_lifetimes.py::"
            "test_tables_restored_to_a_moment_find_the_conversation_of_that_moment",
        ),
        (
            "an early message of one's own turn reads nothing again",
            "worker:Worker.go_on",
            "early.is_missing or session.paused_by == delivery.message_id",
            "True",
            "flow/test_turns.py::test_a_decision_costs_the_same_calls_however_many_are_asked",
        ),
        (
            "a lease that cannot be given back hides no fault",
            "worker:Worker._lease",
            "Exception",
            "OSError",
            "flow/test_turns.py::test_a_lease_that_cannot_be_given_back_hides_no_fault",
        ),
        (
            "the results of a turn fit one transaction",
            "incoming:Incoming._resolve",
            "size_bytes > room_bytes",
            "False",
            "flow/test_turns.py::test_the_largest_results_of_a_turn_can_be_claimed",
        ),
        (
            "the texts of a turn fit one transaction",
            "gate:Gate._too_much",
            "sum(size_of(asked) for asked in (*self._asked, call)) > MAX_ASKED_BYTES",
            "False",
            "flow/test_turns.py::test_the_largest_texts_of_a_turn_can_be_claimed",
        ),
        (
            "edits of a turn fit one transaction",
            "asking:_with_call",
            "_room_for_edits(session, agent) if len(session.pending) > 1 else None",
            "None",
            "flow/test_turns.py::test_a_turn_can_be_claimed_however_it_was_edited",
        ),
        (
            "what is left for later fits one transaction",
            "turn_budget:newest_that_fit",
            "len(kept) == most or taken_bytes > MAX_UNSPENT_BYTES",
            "len(kept) == most",
            "unit/test_turn_budget.py::test_what_is_left_for_later_has_a_size",
        ),
        (
            "no more wait in a turn than can be claimed",
            "human_approval:_too_often",
            "len(waiting) > MAX_WAITS",
            "False",
            "flow/test_turns.py::test_no_more_wait_in_a_turn_than_can_be_claimed",
        ),
        (
            "a claim whose answer was lost is one's own",
            "claims:Claims._claim_one",
            "old and claimed_by and old.claimed_by == claimed_by",
            "False",
            "flow/test_turns.py::test_a_claim_whose_answer_was_lost_goes_on_at_once",
        ),
        (
            "a message is over only with all that it tells of",
            "claims:Claims.claim",
            "told and all(a.acknowledged for a in told)",
            "any(a.acknowledged for a in told)",
            "flow/test_turns.py::test_a_message_of_which_half_was_told_before_resumes_at_once",
        ),
        (
            "a write that meets a transaction is made again",
            "table:WaitTable._write",
            "(errors.TransactionConflictException, errors.TransactionCanceledException)",
            "(ZeroDivisionError, errors.TransactionCanceledException)",
            "flow/test_turns.py::test_a_click_that_meets_a_claim_is_taken",
        ),
        (
            "what was not read is asked for again",
            "table:WaitTable._read",
            """
            if not wanted:
                return items
            """,
            "return items",
            "flow/test_turns.py::test_records_that_are_left_out_are_asked_for_again",
        ),
    )
)
