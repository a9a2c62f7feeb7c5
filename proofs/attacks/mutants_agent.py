"""The agent function: handler, worker, pause, gate, results, publisher, messages."""

from mutants import Mutant, of_code

AGENT: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "a package for another Python ends before its binaries are imported",
            "agent_handler:",
            "raise wrong",
            "",
            "unit/test_built_for.py::test_the_agent_says_it_before_it_imports_any_package",
        ),
        (
            "the message is kept away before the work",
            "deliveries:Deliveries._take",
            "come_back_after(remaining + VISIBILITY_MARGIN_SECONDS)",
            "",
            "unit/test_agent_handler.py::test_results_resume_a_session",
        ),
        (
            "a crashed worker's message comes back after its lease",
            "deliveries:Deliveries._take",
            "remaining + VISIBILITY_MARGIN_SECONDS",
            "remaining",
            "unit/test_agent_handler.py::"
            "test_before_anything_else_the_message_is_told_when_to_come_back",
        ),
        (
            "a malformed message is a dead letter at once",
            "deliveries:Deliveries._walk",
            """
            except (MalformedMessageError, UnsupportedAgentError) as reason:
                self._dead_letter(record, str(reason))
            """,
            """
            except (MalformedMessageError, UnsupportedAgentError):
                raise
            """,
            "unit/test_agent_handler.py::test_a_reason_is_cut",
        ),
        (
            "a dead letter has its reason",
            "deliveries:Deliveries._dead_letter",
            '{"reason": {"DataType": "String", "StringValue": reason}}',
            "{}",
            "unit/test_agent_handler.py::test_a_reason_is_cut",
        ),
        (
            "a reason has a limit",
            "deliveries:Deliveries._dead_letter",
            "reason[:MAX_REASON_CHARS]",
            "reason",
            "unit/test_agent_handler.py::test_a_reason_is_cut",
        ),
        (
            "the largest body leaves room for its reason",
            "deliveries:_fitting",
            "size + names + len(reason.encode()) <= MAX_MESSAGE_BYTES",
            "True",
            "flow/test_dead_letters.py::test_the_largest_malformed_message_has_its_reason",
        ),
        (
            "a reason's own bytes count",
            "deliveries:_fitting",
            "size + names + len(reason.encode())",
            "size + names",
            "flow/test_dead_letters.py::"
            "test_a_body_that_leaves_room_for_its_reason_is_sent_on_whole",
        ),
        (
            "a reason that says what was cut has its limit, too",
            "deliveries:_fitting",
            "reason[: MAX_REASON_CHARS - len(cut)]",
            "reason",
            "unit/test_agent_handler.py::test_a_reason_that_says_what_was_cut_is_cut_too",
        ),
        (
            "operators read of a result that was too large",
            "deliveries:Deliveries._walk",
            "_tell_what_was_too_large(results)",
            "",
            "flow/test_dead_letters.py::"
            "test_a_result_that_is_too_large_ends_its_wait_with_an_error_that_says_so",
        ),
        (
            "a message in use waits for the lease",
            "deliveries:Deliveries._take",
            "come_back_after(held.until - self.clock() + 1)",
            "",
            "unit/test_agent_handler.py::test_a_lease_that_ended_meanwhile_is_no_negative_timeout",
        ),
        (
            "an e-mail's pace begins with its message",
            "deliveries:Deliveries._take",
            "self.pace.begin(delivery.deadline, is_repeated=delivery.is_repeated)",
            "",
            "flow/test_mail_pace.py::"
            "test_an_e_mail_that_is_due_after_the_functions_end_comes_back_for_it_and_goes_once",
        ),
        (
            "a repeated message looks for its kept place",
            "deliveries:Deliveries._take",
            "self.pace.begin(delivery.deadline, is_repeated=delivery.is_repeated)",
            "self.pace.begin(delivery.deadline, is_repeated=False)",
            "flow/test_mail_pace.py::"
            "test_an_e_mail_that_is_due_after_the_functions_end_comes_back_for_it_and_goes_once",
        ),
        (
            "an e-mail that must wait is no fault",
            "deliveries:Deliveries._take",
            "(LeaseHeldError, TooEarlyError)",
            "LeaseHeldError",
            "unit/test_agent_handler.py::"
            "test_an_e_mail_that_must_wait_comes_back_when_it_is_due_and_is_no_fault",
        ),
        (
            "more than five agents count their e-mails together",
            "agent_handler:_pace",
            "agents <= MAX_AGENTS_UNCOUNTED",
            "agents <= 6",
            "unit/test_agent_handler.py::"
            "test_more_than_five_agents_share_the_pace_of_their_e_mails",
        ),
        (
            "SNS's client repeats no e-mail by itself",
            "agent_handler:",
            '_CONFIG.merge(Config(retries={"total_max_attempts": 1}))',
            "_CONFIG",
            "unit/test_agent_handler.py::"
            "test_no_call_to_sns_is_repeated_behind_the_back_of_the_pace",
        ),
        (
            "a message in use is not done",
            "deliveries:Deliveries._take",
            """
            come_back_after(held.until - self.clock() + 1)
            return False
            """,
            """
            come_back_after(held.until - self.clock() + 1)
            return True
            """,
            "unit/test_agent_handler.py::test_a_lease_that_ended_meanwhile_is_no_negative_timeout",
        ),
        (
            "a fault is delivered again",
            "deliveries:Deliveries._take",
            """
            come_back_after(BACKOFF_SECONDS[min(delivery.receive_count, len(BACKOFF_SECONDS)) - 1])
            return False
            """,
            """
            come_back_after(BACKOFF_SECONDS[min(delivery.receive_count, len(BACKOFF_SECONDS)) - 1])
            return True
            """,
            "unit/test_agent_handler.py::test_what_could_not_be_sent_on_is_not_forgotten",
        ),
        (
            "a fault backs off",
            "deliveries:Deliveries._take",
            "BACKOFF_SECONDS[min(delivery.receive_count, len(BACKOFF_SECONDS)) - 1]",
            "0",
            "unit/test_agent_handler.py::test_a_fault_comes_back_after_a_backoff",
        ),
        (
            "a fault backs off longer each time",
            "deliveries:Deliveries._take",
            "min(delivery.receive_count, len(BACKOFF_SECONDS)) - 1",
            "0",
            "unit/test_agent_handler.py::test_a_fault_comes_back_after_a_backoff",
        ),
        (
            "a message that is not in flight is worked on",
            "deliveries:Deliveries._come_back_after",
            """
            if error.response["Error"]["Code"] not in NOT_IN_FLIGHT:
                raise
            """,
            "raise",
            "unit/test_agent_handler.py::test_a_sample_event_that_was_never_on_a_queue_is_handled",
        ),
        (
            "a queue that fails is a fault",
            "deliveries:Deliveries._come_back_after",
            """
            if error.response["Error"]["Code"] not in NOT_IN_FLIGHT:
                raise
            """,
            "pass",
            "unit/test_agent_handler.py::test_a_visibility_that_cannot_be_set_starts_nothing",
        ),
        (
            "a redriven message is the message that it was",
            "deliveries:Deliveries._take",
            'original_id or record["messageId"]',
            'record["messageId"]',
            "flow/test_redrive.py::"
            "test_a_task_whose_question_never_went_out_asks_once_and_only_once",
        ),
        (
            "a redriven message is known as such",
            "deliveries:Deliveries._take",
            "original_id is not None",
            "False",
            "flow/test_redrive.py::"
            "test_a_task_whose_question_never_went_out_asks_once_and_only_once",
        ),
        (
            "an id that SQS never gave is ignored",
            "deliveries:_original_message_id",
            "messages.MESSAGE_ID_PATTERN.fullmatch(original_id)",
            "attribute",
            "flow/test_redrive.py::test_an_id_that_sqs_never_gave_is_ignored",
        ),
        (
            "a fault in one message leaves the others",
            "deliveries:Deliveries.take",
            'event["Records"]',
            'event["Records"][:1]',
            "unit/test_agent_handler.py::test_each_message_of_an_event_has_its_own_end",
        ),
        (
            "a package is for one processor as well",
            "built_for:wrong_package",
            '(built["python"], built["machine"]) == (python, machine)',
            'built["python"] == python',
            "unit/test_built_for.py::"
            "test_a_wrong_package_says_what_it_is_for_where_it_runs_and_what_to_do",
        ),
        (
            "a session id can be a key",
            "messages:_parse_new",
            '_matching_or_none(message, "session_id", SESSION_ID_PATTERN)',
            'message.get("session_id")',
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "a pattern is matched as a whole",
            "messages:_matching",
            "pattern.fullmatch(value)",
            "pattern.match(value)",
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "a message is valid Unicode",
            "messages:parse",
            "_expect_unicode(message)",
            "",
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "NaN and Infinity are no JSON",
            "messages:parse",
            "json.loads(body, parse_constant=_refuse_constant)",
            "json.loads(body)",
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "a task has a limit",
            "messages:_parse_new",
            "(size := len(task.encode())) > MAX_CONTENT_BYTES",
            "size := 0",
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "a tool use has one result",
            "messages:_parse_existing",
            "len(sizes) == len(results)",
            "True",
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "a result has a limit",
            "messages:_parse_existing",
            "size > MAX_CONTENT_BYTES",
            "not size",
            "unit/test_messages.py::test_a_result_may_have_256_kb_with_its_json_around_it",
        ),
        (
            "a result that is too large is an answer, and an error",
            "messages:_parse_existing",
            '(_told_instead(r, too_large.get(r["toolUseId"])) for r in results)',
            "results",
            "unit/test_messages.py::test_a_result_that_is_too_large_is_an_error_that_says_so",
        ),
        (
            "a blank text is no result",
            "messages:_parse_block",
            "text.strip()",
            "text",
            "flow/test_dead_letters.py::"
            "test_a_blank_result_is_refused_so_that_the_jobs_next_message_counts",
        ),
        (
            "what has the fields of a wrapping and is a message is a message",
            "messages:parse",
            "kind not in _PARSERS and (wrapping := _wrapping(message))",
            "wrapping := _wrapping(message)",
            "unit/test_messages.py::"
            "test_a_message_that_has_the_fields_of_a_wrapping_too_is_a_message",
        ),
        (
            "another's wrapping is named",
            "messages:parse",
            "kind not in _PARSERS and (wrapping := _wrapping(message))",
            'kind == 1 and (wrapping := "")',
            "flow/test_dead_letters.py::"
            "test_a_message_of_the_wrong_wrapping_is_a_dead_letter_that_says_what_to_do",
        ),
        (
            "a result can be serialised",
            "messages:_json_size",
            "_depth(blocks) > MAX_JSON_DEPTH",
            "False",
            "unit/test_messages.py::test_a_result_may_be_nested_as_deep_as_it_can_be_saved",
        ),
        (
            "a result has finite numbers",
            "messages:_json_size",
            "json.dumps(blocks, allow_nan=False, ensure_ascii=False)",
            "json.dumps(blocks, ensure_ascii=False)",
            "unit/test_messages.py::test_any_number_parses_or_is_malformed",
        ),
        (
            "a reason never repeats what came",
            "messages:_shown",
            '_wrapping(value) or f"a text of {len(value)} characters"',
            "value",
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "a text that only looks like base64 is not guessed",
            "wrappings:_is_base64",
            "begin.startswith(_GZIP) or bool(_BEGIN_OF_JSON.match(begin))",
            "True",
            "unit/test_messages.py::test_what_is_nothing_known_is_not_guessed",
        ),
        (
            "a redelivered task finds its session",
            "worker:Worker.start",
            "task.session_id is not None or delivery.is_repeated",
            "False",
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "a redriven task finds its session",
            "delivery:Delivery.is_repeated",
            "self.is_redriven or self.receive_count > 1",
            "self.receive_count > 1",
            "flow/test_redrive.py::"
            "test_a_task_whose_question_never_went_out_asks_once_and_only_once",
        ),
        (
            "a delivery that was slower takes the session that is there",
            "worker:Worker.start",
            """
            recovery.continue_from(self, self._known(session_id), task, delivery)
            return
            """,
            "raise",
            "flow/test_overtaken.py::test_a_task_that_two_deliveries_start_at_once_has_one_session",
        ),
        (
            "a message alone decides nothing",
            "incoming:Incoming.record",
            "message.tool_name in agent.person_tools",
            "False",
            "flow/test_redelivery.py::test_a_resume_that_dies_at_any_call_publishes_once",
        ),
        (
            "a result names the tool that waits",
            "incoming:Incoming._awaited",
            "pending.tool_name != message.tool_name",
            "False",
            "flow/test_detours.py::test_a_malformed_message_goes_to_the_dead_letter_queue_at_once",
        ),
        (
            "a result is for a tool use of the session",
            "incoming:Incoming._awaited",
            'raise MalformedMessageError("toolUseId: this session has no such tool use")',
            "return False",
            "flow/test_detours.py::test_a_malformed_message_goes_to_the_dead_letter_queue_at_once",
        ),
        (
            "a message for no session is malformed",
            "worker:Worker._known",
            'raise MalformedMessageError("session_id: no session of this id")',
            "return",
            "flow/test_detours.py::test_a_malformed_message_goes_to_the_dead_letter_queue_at_once",
        ),
        (
            "a stale message resumes nothing",
            "worker:Worker.resume",
            'heard == "stale" and not session.was_cut_short',
            "False",
            "flow/test_detours.py::test_the_same_click_twice_resumes_and_publishes_once",
        ),
        (
            "a stale message makes up for a pause",
            "worker:Worker.resume",
            "recovery.finish_pause(self, session, delivery)",
            "None",
            "flow/test_odd_cases.py::test_a_pause_nobody_recorded_is_made_up_for_by_any_message",
        ),
        (
            "a message that meets an open question makes up for a record",
            "worker:Worker.go_on",
            """
            if early.is_missing or session.paused_by == delivery.message_id:
                recovery.finish_pause(self, session, delivery)
            """,
            """
            if session.paused_by == delivery.message_id:
                recovery.finish_pause(self, session, delivery)
            """,
            "flow/test_redrive.py::"
            "test_a_message_that_meets_an_undecided_turn_makes_up_for_a_record_that_is_missing",
        ),
        (
            "an interrupted run is gone on with by its own message alone",
            "worker:Worker.go_on",
            "session.was_cut_short and session.paused_by != delivery.message_id",
            "False",
            "flow/test_detours.py::test_a_resume_longer_than_the_function_keeps_its_approval",
        ),
        (
            "a fault gives the lease back",
            "worker:Worker._lease",
            "self.claims.release(claimed)",
            "",
            "flow/test_detours.py::test_a_spent_effect_happens_even_if_the_model_now_wants_nothing",
        ),
        (
            "the turn comes from the session",
            "worker:Worker._claim",
            """
            self.claims.claim(
                session.session_id,
                [pending.tool_use_id for pending in session.pending],
                session.unspent,
                answered,
                now=self._now(),
                lease_until=int(delivery.deadline) + LEASE_MARGIN_SECONDS,
                claimed_by=f"{delivery.message_id}/{uuid.uuid4().hex[:8]}",
            )
            """,
            """
            self.claims.claim(
                session.session_id,
                [a.tool_use_id for a in self.answers.of_session(session.session_id)],
                (),
                answered,
                now=self._now(),
                lease_until=int(delivery.deadline) + LEASE_MARGIN_SECONDS,
                claimed_by=f"{delivery.message_id}/{uuid.uuid4().hex[:8]}",
            )
            """,
            "flow/test_detours.py::test_an_approval_is_still_good_after_another_question",
        ),
        (
            "what is approved and not yet published is claimed again",
            "worker:Worker._claim",
            "session.unspent",
            "()",
            "flow/test_detours.py::test_an_approval_is_still_good_after_another_question",
        ),
        (
            "a lease outlasts the function",
            "worker:Worker._claim",
            "int(delivery.deadline) + LEASE_MARGIN_SECONDS",
            "0",
            "flow/test_overtaken.py::test_a_lease_lasts_longer_than_the_function",
        ),
        (
            "C4' is done by all but the first claim",
            "worker:Worker._resume_claimed",
            "fence > 1",
            "fence > 10**6",
            "flow/test_overtaken.py::test_a_worker_that_was_overtaken_saves_nothing",
        ),
        (
            "what was spent is done again before the model runs",
            "worker:Worker._results",
            "session.waits_for(wait.tool_use_id) or wait.status == Status.SPENT",
            "session.waits_for(wait.tool_use_id)",
            "flow/test_overtaken.py::"
            "test_what_an_earlier_turn_approved_and_was_spent_still_happens",
        ),
        (
            "the run is saved under the claim's fence",
            "worker:Worker._resume_claimed",
            "self.sessions.save(after, fence)",
            "self.sessions.save(after, 10**6)",
            "flow/test_overtaken.py::test_a_worker_that_was_overtaken_saves_nothing",
        ),
        (
            "a lease on what is left ends with the run",
            "worker:Worker._resume_claimed",
            "self.claims.release(unspent, saved.expires_at + OUTLIVES_SESSION_SECONDS)",
            "",
            "flow/test_detours.py::test_an_approval_is_still_good_after_another_question",
        ),
        (
            "the run is stopped before the function is",
            "worker:Worker._seconds_left",
            "delivery.deadline - SAVE_MARGIN_SECONDS",
            "delivery.deadline + 3_600",
            "flow/test_detours.py::test_a_resume_longer_than_the_function_keeps_its_approval",
        ),
        (
            "an approval that is not spent stays good",
            "afterwards:session_after",
            "newest_that_fit(left, MAX_UNSPENT)",
            "()",
            "flow/test_detours.py::test_an_approval_is_still_good_after_another_question",
        ),
        (
            "what was spent is not approved any more",
            "afterwards:session_after",
            "[a for a in approved if a.tool_use_id not in gate.effects.spent]",
            "list(approved)",
            "flow/test_detours.py::test_an_approval_is_still_good_after_another_question",
        ),
        (
            "a session leaves no more for later than a claim can take",
            "afterwards:session_after",
            "newest_that_fit(left, MAX_UNSPENT)",
            "newest_that_fit(left, 1_000)",
            "flow/test_odd_cases.py::"
            "test_a_model_that_asks_and_asks_never_grows_over_one_transaction",
        ),
        (
            "what is left for later are the newest",
            "afterwards:session_after",
            "a.tool_use_id not in before.unspent",
            "a.tool_use_id in before.unspent",
            "flow/test_odd_cases.py::"
            "test_a_model_that_asks_and_asks_never_grows_over_one_transaction",
        ),
        (
            "a new pause starts with fence 0",
            "afterwards:session_after",
            "0 if run.waits else max((a.fence for a in claimed), default=0)",
            "max((a.fence for a in claimed), default=0)",
            "flow/test_overtaken.py::"
            "test_after_a_repeated_resume_the_next_question_can_be_answered",
        ),
        (
            "who paused is who notifies",
            "worker:Worker._after",
            "delivery.message_id",
            '"somebody"',
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "an old click sends no question twice",
            "recovery:finish_pause",
            "session.paused_by == delivery.message_id",
            "True",
            "flow/test_detours.py::test_a_second_click_does_not_send_the_next_question_twice",
        ),
        (
            "a session that waits for years is kept",
            "worker:Worker._after",
            "kept_seconds + self.retention_seconds",
            "self.retention_seconds",
            "flow/test_sweep.py::"
            "test_where_silence_means_waiting_an_approval_can_be_decided_a_year_later",
        ),
        (
            "one session id is one task",
            "recovery:continue_from",
            "not is_ours and not (is_its_agents and _is_task_of(session, task.task))",
            "False",
            "flow/test_odd_cases.py::test_a_session_id_of_another_task_is_malformed",
        ),
        (
            "one session id is one agent",
            "recovery:continue_from",
            "is_its_agents and _is_task_of(session, task.task)",
            "_is_task_of(session, task.task)",
            "example/test_agents_as_tools.py::test_two_agents_never_share_a_session_id",
        ),
        (
            "a run that its deadline stopped comes back",
            "worker:Worker.ask",
            """
            if saved.was_cut_short:
                raise DeadlineError(DeadlineError.__doc__)
            """,
            "",
            "flow/test_detours.py::"
            "test_a_run_longer_than_the_function_goes_on_where_it_was_stopped",
        ),
        (
            "it is saved before anybody is notified",
            "worker:Worker.start",
            "saved = self.sessions.create(self._after(agent, run, gate, delivery, new))",
            """
            unsaved = self._after(agent, run, gate, delivery, new)
            self.asking.ask(unsaved, agent)
            saved = self.sessions.create(unsaved)
            """,
            "flow/test_orders.py::"
            "test_the_session_is_saved_and_all_of_the_turn_recorded_before_the_first_e_mail",
        ),
        (
            "the model is told of what was redone",
            "worker:_put_in_place",
            "tool_results.correct_earlier_results(session.messages, results)",
            "set()",
            "flow/test_early_messages.py::test_the_model_is_told_of_an_effect_that_was_redone",
        ),
        (
            "a fault in the gate is a fault of the run",
            "agent.run:run_agent",
            """
            if gate.watch.fault:
                raise gate.watch.fault
            """,
            "",
            "flow/test_odd_cases.py::test_the_log_names_what_failed_behind_the_gate",
        ),
        (
            "a run has a limit of turns",
            "agent.run:run_agent",
            '{"turns": definition.max_turns}',
            '{"turns": definition.max_turns + 9}',
            "flow/test_detours.py::test_a_run_over_its_turns_ends_as_failed",
        ),
        (
            "all is recorded before anybody is notified",
            "asking:Asking.ask",
            "return self._notify(session, agent, self.record(session, agent))",
            """
            not_started: list[str] = []
            for pending in session.pending:
                not_started += self._notify(session, agent, [self._record(session, agent, pending)])
            return not_started
            """,
            "flow/test_orders.py::"
            "test_the_session_is_saved_and_all_of_the_turn_recorded_before_the_first_e_mail",
        ),
        (
            "what is decided is not asked again",
            "asking:Asking._notify",
            "[wait for wait in recorded if wait.status == Status.PENDING]",
            "list(recorded)",
            "flow/test_orders.py::test_a_repeated_notification_leaves_out_what_is_decided_by_then",
        ),
        (
            "a turn is one e-mail",
            "asking:Asking._notify",
            "self.send_email(asked)",
            "[self.send_email([item]) for item in asked]",
            "flow/test_orders.py::test_a_turn_sends_one_e_mail_for_all_its_questions",
        ),
        (
            "only who paused notifies again",
            "asking:Asking.ask_again",
            "notify_again or not was_found or w.via == RULE",
            "True",
            "flow/test_detours.py::test_a_second_click_does_not_send_the_next_question_twice",
        ),
        (
            "the delivery that paused notifies until it succeeds",
            "asking:Asking.ask_again",
            "notify_again or not was_found or w.via == RULE",
            "not was_found or w.via == RULE",
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "a record is not derived again",
            "asking:Asking._found_or_recorded",
            """
            if found:
                return _of_this_pause(found, session), True
            """,
            "",
            "flow/test_odd_cases.py::test_a_narrowed_schema_does_not_disturb_what_waits",
        ),
        (
            "a record of an earlier question answers no new one",
            "asking:_of_this_pause",
            "recorded.requested_at != session.paused_at",
            "False",
            "flow/test_odd_cases.py::"
            "test_a_record_of_an_earlier_question_is_a_fault_on_every_delivery",
        ),
        (
            "nobody is reminded of what is no approval",
            "asking:Asking._scheduled",
            "wait.call is not None",
            "wait",
            "flow/test_sweep.py::"
            "test_a_tool_that_is_no_approval_expires_and_a_late_result_is_a_dead_letter",
        ),
        (
            "the record has the exact call",
            "asking:_with_call",
            """
            replace(
                wait,
                call=call,
                content_schema=tool.content_schema if tool else {},
                editable=(tool.schemas or None) if tool else None,
                max_edit_bytes=_room_for_edits(session, agent)
                if len(session.pending) > 1
                else None,
            )
            """,
            """
            replace(
                wait,
                call=replace(call, arguments={}),
                content_schema=tool.content_schema if tool else {},
                editable=(tool.schemas or None) if tool else None,
                max_edit_bytes=_room_for_edits(session, agent)
                if len(session.pending) > 1
                else None,
            )
            """,
            "flow/test_detours.py::test_publishing_without_asking_pauses_for_that_exact_call",
        ),
        (
            "the gate stands before every tool",
            "gate:Gate.register_hooks",
            "registry.add_callback(BeforeToolCallEvent, self.before_tool)",
            "pass",
            "flow/test_detours.py::test_publishing_without_asking_pauses_for_that_exact_call",
        ),
        (
            "only the approved text is published",
            "item:Call.digest",
            "[self.action, self.content, _exact(self.arguments)]",
            "[self.action, _exact(self.arguments)]",
            "unit/test_gate.py::test_a_call_that_differs_in_anything_is_another_call",
        ),
        (
            "only the approved arguments are published",
            "item:Call.digest",
            "[self.action, self.content, _exact(self.arguments)]",
            "[self.action, self.content]",
            "unit/test_gate.py::test_a_call_that_differs_in_anything_is_another_call",
        ),
        (
            "an approval is for one tool",
            "item:Call.digest",
            "[self.action, self.content, _exact(self.arguments)]",
            "[self.content, _exact(self.arguments)]",
            "unit/test_calls.py::test_two_tools_of_the_same_form_are_not_mistaken_for_each_other",
        ),
        (
            "arguments are compared as JSON is",
            "item:Wait.allows",
            "call.digest == self.in_force.digest",
            "call == self.in_force",
            "flow/test_any_call.py::test_true_is_not_one",
        ),
        (
            "a call with a text is not made without",
            "calls:ProtectedTool.input_of",
            "(call.content is None) != (self.content_field is None)",
            "False",
            "flow/test_any_call.py::test_a_tool_that_has_lost_its_text_since_is_not_called_without",
        ),
        (
            "what was denied is known without a text",
            "gate:Gate._may_be",
            "any(Call(asked.action, None, a).digest == call.digest for a in told)",
            "False",
            "flow/test_any_call.py::test_a_call_that_was_denied_is_not_asked_again_and_another_one_is",
        ),
        (
            "an editable argument can be typed",
            "calls:ProtectedTool._editable_problem",
            "forms.obstacle_of(self._properties[name])",
            "None",
            "unit/test_calls.py::test_an_argument_that_cannot_be_typed_is_not_editable",
        ),
        (
            "the model is told of edited arguments",
            "tool_results:_approved",
            "call.content is None or edit.arguments",
            "False",
            "flow/test_any_call.py::test_an_edit_of_the_arguments_is_what_is_made_and_told",
        ),
        (
            "what was denied is refused",
            "gate:",
            "Status.DENIED",
            '"no status"',
            "unit/test_gate.py::test_asking_for_what_is_decided_is_refused",
        ),
        (
            "what was published is not asked again",
            "gate:",
            "Status.SPENT",
            '"no status"',
            "unit/test_gate.py::test_asking_for_what_is_decided_is_refused",
        ),
        (
            "what is approved is not asked again",
            "gate:",
            "Status.APPROVED",
            '"no status"',
            "unit/test_gate.py::test_asking_for_what_is_decided_is_refused",
        ),
        (
            "one call is asked for once",
            "gate:Gate._too_much",
            "any(call.digest == asked.digest for asked in self._asked)",
            "False",
            "unit/test_gate.py::test_the_same_call_twice_is_asked_for_once",
        ),
        (
            "a turn asks no more than a claim can take",
            "gate:Gate._too_much",
            "len(self._asked) == MAX_ASKED",
            "False",
            "flow/test_odd_cases.py::"
            "test_a_model_that_asks_and_asks_never_grows_over_one_transaction",
        ),
        (
            "only what this worker claimed is spent",
            "gate:Gate._approvals_for",
            "(a for a in earlier if a.status != Status.APPROVED)",
            "(a for a in earlier)",
            "unit/test_gate.py::test_an_approval_that_this_worker_has_not_claimed_allows_nothing",
        ),
        (
            "a denial of earlier turns counts",
            "gate:Gate._approvals_for",
            "yield from (a for a in earlier if a.status != Status.APPROVED)",
            "",
            "unit/test_gate.py::test_the_same_call_spent_gets_the_receivers_answer_again",
        ),
        (
            "of two approvals of one call the spent one counts",
            "gate:Gate._check",
            "known.get(Status.SPENT) or known.get(Status.APPROVED)",
            "known.get(Status.APPROVED) or known.get(Status.SPENT)",
            "unit/test_gate.py::test_of_two_approvals_of_one_call_the_spent_one_counts",
        ),
        (
            "asking is not publishing",
            "gate:Gate._check",
            "(approval := known.get(Status.SPENT) or known.get(Status.APPROVED)) and not asks",
            "approval := known.get(Status.SPENT) or known.get(Status.APPROVED)",
            "unit/test_gate.py::test_asking_for_what_is_decided_is_refused",
        ),
        (
            "it is spent before it is performed",
            "effects:Effects.perform",
            """
            if approval.status != Status.SPENT:
                self.claims.spend(approval)
            """,
            "",
            "unit/test_gate.py::test_the_same_call_approved_is_spent_and_then_performed",
        ),
        (
            "what is spent is performed from the record",
            "effects:Effects._call",
            "approval.in_force",
            "approval.asked",
            "unit/test_gate.py::test_an_edit_is_what_is_allowed_and_what_is_performed",
        ),
        (
            "the effect carries the approval's key",
            "effects:Effects._call",
            "tool.function(**arguments, idempotency_key=approval.key)",
            'tool.function(**arguments, idempotency_key=__import__("uuid").uuid4().hex)',
            "unit/test_gate.py::test_the_same_call_spent_gets_the_receivers_answer_again",
        ),
        (
            "a tool that is gone publishes nothing",
            "effects:Effects.perform",
            "approval.status == Status.APPROVED and (problem := _problem(tool, approval))",
            "problem := _problem(tool, approval)",
            "unit/test_effects.py::test_an_approval_of_a_tool_that_is_gone_does_nothing",
        ),
        (
            "a fault in the gate stops the run",
            "gate:Gate.before_tool",
            "self.watch.stop(event.agent, fault)",
            "",
            "unit/test_gate.py::test_a_search_that_fails_stops_the_run_before_the_tool",
        ),
        (
            "an effect that fails stops the run",
            "gate:Gate._run_allowed",
            """
            self.watch.stop(state["agent"], fault)
            status, text = "error", "Stopped."
            """,
            'status, text = "error", str(fault)',
            "unit/test_gate.py::test_a_spend_that_fails_stops_the_run",
        ),
        (
            "a call past the gate has no right",
            "gate:Gate._run_allowed",
            'self._allowed[tool["toolUseId"]]',
            "(self.claimed or self.store.of_session(self.session_id))[0]",
            "unit/test_gate.py::test_of_two_approvals_of_one_call_the_spent_one_counts",
        ),
        (
            "an id that comes again is renamed",
            "tool_uses:name_apart",
            'use["toolUseId"] in taken',
            "False",
            "unit/test_tool_uses.py::test_an_id_that_comes_again_is_renamed",
        ),
        (
            "an id that cannot be a key is recorded under ours",
            "tool_uses:new_record_id",
            "TOOL_USE_ID_PATTERN.fullmatch(tool_use_id) is not None",
            "True",
            "unit/test_tool_uses.py::"
            "test_an_id_that_cannot_be_a_key_stays_in_the_conversation_and_is_recorded_under_ours",
        ),
        (
            "a call fits its schema",
            "calls:ProtectedTool.call",
            "check_schema(self._validator, complete)",
            "",
            "unit/test_gate.py::test_a_call_that_nobody_could_approve_tells_the_model_why",
        ),
        (
            "a call has no unknown arguments",
            "calls:ProtectedTool.call",
            "sorted(given.keys() - self._properties.keys())",
            "[]",
            "unit/test_gate.py::test_a_call_that_nobody_could_approve_tells_the_model_why",
        ),
        (
            "a content can be shown and stored",
            "calls:checked_call",
            "content is not None and not (content.strip() and _size(content) <= MAX_CONTENT_BYTES)",
            "content is not None and not content.strip()",
            "unit/test_gate.py::test_a_call_that_nobody_could_approve_tells_the_model_why",
        ),
        (
            "a content says something",
            "calls:checked_call",
            "content is not None and not (content.strip() and _size(content) <= MAX_CONTENT_BYTES)",
            "content is not None and not _size(content) <= MAX_CONTENT_BYTES",
            "unit/test_gate.py::test_a_call_that_nobody_could_approve_tells_the_model_why",
        ),
        (
            "arguments have a limit",
            "calls:checked_call",
            "_size(_json(arguments)) > MAX_ARGUMENTS_BYTES",
            "False",
            "unit/test_calls.py::test_other_arguments_have_a_limit_of_their_own",
        ),
        (
            "what is asked for is what is shown",
            "calls:_asked_call",
            '{**arguments, first.content_field: given["content"]}',
            '{first.content_field: given["content"], **arguments}',
            "unit/test_calls.py::test_the_content_asked_for_is_not_overruled_by_its_arguments",
        ),
        (
            "a refusal for good is no fault",
            "effects:Effects._call",
            """
            except tool.refused as refusal:
                return self._refused(approval, refusal)
            """,
            """
            except ZeroDivisionError as refusal:
                return self._refused(approval, refusal)
            """,
            "unit/test_effects.py::test_a_refusal_for_good_is_told_and_no_fault",
        ),
        (
            "a denial is an error for the model",
            "tool_results:result_of",
            '_answer(wait, "error", **shown, next=_NOT_APPROVED[wait.status].format(done=done))',
            '_answer(wait, "success", **shown, next=_NOT_APPROVED[wait.status].format(done=done))',
            "unit/test_tool_results.py::test_no_decision_tells_the_model_to_stop",
        ),
        (
            "what is spent is done again",
            "tool_results:result_of",
            "not is_gated_call and wait.status == Status.APPROVED",
            "not is_gated_call",
            "unit/test_tool_results.py::test_a_failed_effect_is_a_fault_and_no_result",
        ),
        (
            "an approved gated call is performed",
            "tool_results:result_of",
            'wait.tool_name != human_approval.TOOL_SPEC["name"]',
            "False",
            "unit/test_tool_results.py::test_a_gated_call_that_the_receiver_refuses_is_an_error",
        ),
        (
            "the model is told of an edit",
            "tool_results:_approved",
            "edit.content is not None",
            "False",
            "unit/test_tool_results.py::test_an_edit_is_told_with_what_was_asked",
        ),
        (
            "every tool use of the turn has one result",
            "tool_results:fill_placeholders",
            "results.keys() - answered",
            "set()",
            "unit/test_tool_results.py::test_a_result_without_a_placeholder_is_corrupted_state",
        ),
        (
            "a result keeps its tool use",
            "tool_results:result_of",
            '{**(wait.result or {}), "toolUseId": wait.tool_use_id}',
            '{"toolUseId": wait.tool_use_id, **(wait.result or {})}',
            "unit/test_tool_results.py::test_a_resolved_tool_has_the_result_that_came",
        ),
        (
            "a refusal for good is told apart from a fault",
            "publish_post:",
            "{400, 413, 422}",
            "{400, 413, 422, 500, 503}",
            "example/test_publish_post.py::test_every_other_status_is_a_fault_and_not_repeated_here",
        ),
        (
            "what was sent is not sent again unseen",
            "publish_post:",
            "urllib3.Retry(connect=1, read=0, status=0, redirect=0, other=0)",
            "urllib3.Retry(connect=1, read=3, status=0, redirect=0, other=3, allowed_methods=None)",
            "example/test_publish_post.py::test_hang_up_without_an_answer_is_a_fault_and_sent_once",
        ),
        (
            "no redirect is followed",
            "publish_post:_send",
            """
            http.request(
                request.method, request.url, body=request.data, headers=headers, redirect=False
            )
            """,
            "http.request(\n"
            "    request.method, request.url, body=request.data, headers=headers, redirect=True, "
            "retries=urllib3.Retry(redirect=2)\n"
            ")",
            "example/test_publish_post.py::test_redirects_are_not_followed",
        ),
        (
            "a token never travels in the clear",
            "publish_post:make_publisher",
            "read_token and not _is_private(endpoint_url)",
            "False",
            "example/test_publish_post.py::test_a_token_never_travels_in_the_clear",
        ),
        (
            "a key goes with the post",
            "publish_post:make_publisher",
            '{"Content-Type": "application/json", "Idempotency-Key": idempotency_key}',
            '{"Content-Type": "application/json", "Idempotency-Key": "x"}',
            "example/test_publish_post.py::test_posts_the_arguments_as_json_with_the_idempotency_key",
        ),
        (
            "an error holds no token",
            "publish_post:_send",
            'raise PublishFailedError(f"the request was not sent: {type(error).__name__}") from '
            "None",
            'raise PublishFailedError(f"the request was not sent: {type(error).__name__}") from '
            "error",
            "example/test_publish_post.py::"
            "test_a_token_that_no_header_can_carry_is_a_fault_and_stays_secret",
        ),
        (
            "one key is one post",
            "unitok_posts:PostStore.put_once",
            '"attribute_not_exists(idempotency_key)"',
            '"attribute_not_exists(no_such)"',
            "example/test_unitok.py::test_the_same_post_again_is_answered_and_not_made_again",
        ),
        (
            "a key is not used for another post",
            "unitok_posts:_existing",
            '"repeated" if same else "conflict"',
            '"repeated"',
            "example/test_unitok.py::test_the_same_key_with_another_post_is_a_conflict",
        ),
        (
            "nobody posts without a signature",
            "unitok_handler:_post",
            'not (event["requestContext"].get("authorizer") or {}).get("iam")',
            "False",
            "example/test_unitok.py::test_anonymous_post_is_refused",
        ),
        (
            "only effects whose receiver is known are compared",
            "conservation:_Count._of_posts",
            'approval.status == "SPENT" and approval.action in counted',
            'approval.status == "SPENT"',
            "unit/test_operate_conservation.py::"
            "test_effects_of_a_tool_whose_receiver_is_not_known_are_not_held_against_the_law",
        ),
        (
            "where no receiver is known nothing is compared",
            "conservation:_Count._of_posts",
            """
            if not counted:
                return []
            """,
            "",
            "unit/test_operate_conservation.py::"
            "test_without_a_receiver_posts_are_unknown_and_not_zero",
        ),
        (
            "what waits may still be done",
            "conservation:_Count._is_not_done",
            "is_approved and (approval.not_done or has_ended)",
            "is_approved",
            "unit/test_operate_conservation.py::"
            "test_an_approval_whose_session_ended_without_it_was_not_done_whatever_is_recorded",
        ),
        (
            "a letter that goes back fits",
            "redrive:_move",
            "_bytes_of(*f) <= MAX_MESSAGE_BYTES",
            "f",
            "unit/test_operate_commands.py::"
            "test_a_letter_that_leaves_no_room_for_its_id_goes_back_too",
        ),
        (
            "a task that goes back keeps its id",
            "redrive:_forms",
            'parse(body) if letter.kind == "new" else None',
            "None",
            "unit/test_operate_commands.py::"
            "test_a_letter_that_leaves_no_room_for_its_id_goes_back_too",
        ),
        (
            "a task that cannot go back is in no other's way",
            "redrive:_move",
            "return False",
            'form = message["Body"], {}',
            "unit/test_operate_commands.py::"
            "test_a_task_that_cannot_go_back_is_said_and_is_in_no_others_way",
        ),
        (
            "a reason is only text on a terminal",
            "rows:_printable",
            r'c if c.isprintable() else "\ufffd"',
            "c",
            "unit/test_operate_commands.py::"
            "test_a_reason_that_somebody_else_wrote_does_nothing_to_the_terminal",
        ),
    )
)
