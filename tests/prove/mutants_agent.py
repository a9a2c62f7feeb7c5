"""The agent function: handler, worker, pause, gate, results, publisher, messages."""

from mutants import LAYER, Mutant, of_file

AGENT: tuple[Mutant, ...] = (
    *of_file(
        "src/agent/agent_handler.py",
        (
            "a package for another Python ends before its binaries are imported",
            "    raise wrong\n",
            "    pass\n",
            "unit/test_built_for.py::test_the_agent_says_it_before_it_imports_any_package",
        ),
        (
            "the message is kept away before the work",
            "        come_back_after(remaining + VISIBILITY_MARGIN_SECONDS)\n",
            "",
            "unit/test_agent_handler.py::test_results_resume_a_session",
        ),
        (
            "a crashed worker's message comes back after its lease",
            "come_back_after(remaining + VISIBILITY_MARGIN_SECONDS)",
            "come_back_after(remaining)",
            "unit/test_agent_handler.py::"
            "test_before_anything_else_the_message_is_told_when_to_come_back",
        ),
        (
            "a malformed message is a dead letter at once",
            "    except (MalformedMessageError, UnsupportedAgentError) as reason:\n"
            "        _dead_letter(record, str(reason), resources)",
            "    except (MalformedMessageError, UnsupportedAgentError):\n        raise",
            "unit/test_agent_handler.py::test_a_reason_is_cut",
        ),
        (
            "a dead letter has its reason",
            'MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},',
            "MessageAttributes={},",
            "unit/test_agent_handler.py::test_a_reason_is_cut",
        ),
        (
            "a reason has a limit",
            '_fitting(record["body"], reason[:MAX_REASON_CHARS])',
            '_fitting(record["body"], reason)',
            "unit/test_agent_handler.py::test_a_reason_is_cut",
        ),
        (
            "the largest body leaves room for its reason",
            "if size + names + len(reason.encode()) <= MAX_MESSAGE_BYTES:",
            "if True:",
            "flow/test_dead_letters.py::test_the_largest_malformed_message_has_its_reason",
        ),
        (
            "a reason's own bytes count",
            "if size + names + len(reason.encode()) <= MAX_MESSAGE_BYTES:",
            "if size + names <= MAX_MESSAGE_BYTES:",
            "flow/test_dead_letters.py::"
            "test_a_body_that_leaves_room_for_its_reason_is_sent_on_whole",
        ),
        (
            "a reason that says what was cut has its limit, too",
            "reason = reason[: MAX_REASON_CHARS - len(cut)] + cut",
            "reason = reason + cut",
            "unit/test_agent_handler.py::test_a_reason_that_says_what_was_cut_is_cut_too",
        ),
        (
            "operators read of a result that was too large",
            "                _tell_what_was_too_large(results)\n",
            "",
            "flow/test_dead_letters.py::"
            "test_a_result_that_is_too_large_ends_its_wait_with_an_error_that_says_so",
        ),
        (
            "a message in use waits for the lease",
            "        come_back_after(held.until - time.time() + 1)\n",
            "",
            "unit/test_agent_handler.py::test_a_lease_that_ended_meanwhile_is_no_negative_timeout",
        ),
        (
            "an e-mail's pace begins with its message",
            "    resources.pace.begin(delivery.deadline, is_repeated=delivery.is_repeated)\n",
            "",
            "flow/test_mail_pace.py::"
            "test_an_e_mail_that_is_due_after_the_functions_end_comes_back_for_it_and_goes_once",
        ),
        (
            "a repeated message looks for its kept place",
            "is_repeated=delivery.is_repeated)\n    come",
            "is_repeated=False)\n    come",
            "flow/test_mail_pace.py::"
            "test_an_e_mail_that_is_due_after_the_functions_end_comes_back_for_it_and_goes_once",
        ),
        (
            "an e-mail that must wait is no fault",
            "except (LeaseHeldError, TooEarlyError) as held:",
            "except LeaseHeldError as held:",
            "unit/test_agent_handler.py::"
            "test_an_e_mail_that_must_wait_comes_back_when_it_is_due_and_is_no_fault",
        ),
        (
            "more than five agents count their e-mails together",
            "if agents <= MAX_AGENTS_UNCOUNTED:",
            "if agents <= 6:",
            "unit/test_agent_handler.py::"
            "test_more_than_five_agents_share_the_pace_of_their_e_mails",
        ),
        (
            "SNS's client repeats no e-mail by itself",
            '_CONFIG.merge(Config(retries={"total_max_attempts": 1}))',
            "_CONFIG",
            "unit/test_agent_handler.py::"
            "test_no_call_to_sns_is_repeated_behind_the_back_of_the_pace",
        ),
        (
            "a message in use is not done",
            "        come_back_after(held.until - time.time() + 1)\n        return False",
            "        come_back_after(held.until - time.time() + 1)\n        return True",
            "unit/test_agent_handler.py::test_a_lease_that_ended_meanwhile_is_no_negative_timeout",
        ),
        (
            "a fault is delivered again",
            "        _log_fault(fault, delivery)\n"
            "        come_back_after(BACKOFF_SECONDS[min(delivery.receive_count, "
            "len(BACKOFF_SECONDS)) - 1])\n"
            "        return False",
            "        _log_fault(fault, delivery)\n"
            "        come_back_after(BACKOFF_SECONDS[min(delivery.receive_count, "
            "len(BACKOFF_SECONDS)) - 1])\n"
            "        return True",
            "unit/test_agent_handler.py::test_what_could_not_be_sent_on_is_not_forgotten",
        ),
        (
            "a fault backs off",
            "come_back_after(BACKOFF_SECONDS[min(delivery.receive_count, "
            "len(BACKOFF_SECONDS)) - 1])",
            "come_back_after(0)",
            "unit/test_agent_handler.py::test_a_fault_comes_back_after_a_backoff",
        ),
        (
            "a fault backs off longer each time",
            "min(delivery.receive_count, len(BACKOFF_SECONDS)) - 1",
            "0",
            "unit/test_agent_handler.py::test_a_fault_comes_back_after_a_backoff",
        ),
        (
            "a message that is not in flight is worked on",
            'if error.response["Error"]["Code"] not in NOT_IN_FLIGHT:\n            raise',
            "raise",
            "unit/test_agent_handler.py::test_a_sample_event_that_was_never_on_a_queue_is_handled",
        ),
        (
            "a queue that fails is a fault",
            'if error.response["Error"]["Code"] not in NOT_IN_FLIGHT:\n            raise',
            "pass",
            "unit/test_agent_handler.py::test_a_visibility_that_cannot_be_set_starts_nothing",
        ),
        (
            "a redriven message is the message that it was",
            'message_id=original_id or record["messageId"],',
            'message_id=record["messageId"],',
            "flow/test_redrive.py::"
            "test_a_task_whose_question_never_went_out_asks_once_and_only_once",
        ),
        (
            "a redriven message is known as such",
            "is_redriven=original_id is not None,",
            "is_redriven=False,",
            "flow/test_redrive.py::"
            "test_a_task_whose_question_never_went_out_asks_once_and_only_once",
        ),
        (
            "an id that SQS never gave is ignored",
            "return original_id if messages.MESSAGE_ID_PATTERN.fullmatch(original_id) else None",
            "return original_id if attribute else None",
            "flow/test_redrive.py::test_an_id_that_sqs_never_gave_is_ignored",
        ),
        (
            "a fault in one message leaves the others",
            'failed = [r for r in event["Records"] if not _take(r, context, resources)]',
            'failed = [r for r in event["Records"][:1] if not _take(r, context, resources)]',
            "unit/test_agent_handler.py::test_each_message_of_an_event_has_its_own_end",
        ),
    ),
    *of_file(
        LAYER + "built_for.py",
        (
            "a package is for one processor as well",
            '(built["python"], built["machine"]) == (python, machine)',
            'built["python"] == python',
            "unit/test_built_for.py::"
            "test_a_wrong_package_says_what_it_is_for_where_it_runs_and_what_to_do",
        ),
    ),
    *of_file(
        LAYER + "messages.py",
        (
            "a session id can be a key",
            'return NewTask(task, _matching(message, "session_id", SESSION_ID_PATTERN))',
            'return NewTask(task, str(message["session_id"]))',
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "a pattern is matched as a whole",
            "if not isinstance(value, str) or not pattern.fullmatch(value):",
            "if not isinstance(value, str) or not pattern.match(value):",
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "a message is valid Unicode",
            "    _expect_unicode(message)\n",
            "",
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "NaN and Infinity are no JSON",
            "json.loads(body, parse_constant=_refuse_constant)",
            "json.loads(body)",
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "a task has a limit",
            "if (size := len(task.encode())) > MAX_CONTENT_BYTES:",
            "if (size := 0):",
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "a tool use has one result",
            '_expect(len(sizes) == len(results), "body"',
            '_expect(True, "body"',
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
        (
            "a result has a limit",
            "if size > MAX_CONTENT_BYTES}",
            "if not size}",
            "unit/test_messages.py::test_a_result_may_have_256_kb_with_its_json_around_it",
        ),
        (
            "a result that is too large is an answer, and an error",
            "told = (_told_instead(r, too_large.get(r[\"toolUseId\"])) for r in results)",
            "told = results",
            "unit/test_messages.py::test_a_result_that_is_too_large_is_an_error_that_says_so",
        ),
        (
            "a blank text is no result",
            'case {"text": str(text)} if text.strip():',
            'case {"text": str(text)} if text:',
            "flow/test_dead_letters.py::"
            "test_a_blank_result_is_refused_so_that_the_jobs_next_message_counts",
        ),
        (
            "what has the fields of a wrapping and is a message is a message",
            'if kind not in ("new", "existing") and (wrapping := _wrapping(message)):',
            "if wrapping := _wrapping(message):",
            "unit/test_messages.py::"
            "test_a_message_that_has_the_fields_of_a_wrapping_too_is_a_message",
        ),
        (
            "another's wrapping is named",
            'if kind not in ("new", "existing") and (wrapping := _wrapping(message)):',
            'if kind == 1 and (wrapping := ""):',
            "flow/test_dead_letters.py::"
            "test_a_message_of_the_wrong_wrapping_is_a_dead_letter_that_says_what_to_do",
        ),
        (
            "a result can be serialised",
            "if _depth(blocks) > MAX_JSON_DEPTH:",
            "if False:",
            "unit/test_messages.py::test_a_result_may_be_nested_as_deep_as_it_can_be_saved",
        ),
        (
            "a result has finite numbers",
            "json.dumps(blocks, allow_nan=False, ensure_ascii=False)",
            "json.dumps(blocks, ensure_ascii=False)",
            "unit/test_messages.py::test_any_number_parses_or_is_malformed",
        ),
        (
            "a reason never repeats what came",
            'return _wrapping(value) or f"a text of {len(value)} characters"',
            "return value",
            "unit/test_messages.py::test_what_is_malformed_is_named_and_never_repeated",
        ),
    ),
    *of_file(
        LAYER + "wrappings.py",
        (
            "a text that only looks like base64 is not guessed",
            "return begin.startswith(_GZIP) or bool(_BEGIN_OF_JSON.match(begin))",
            "return True",
            "unit/test_messages.py::test_what_is_nothing_known_is_not_guessed",
        ),
    ),
    *of_file(
        "src/agent/worker.py",
        (
            "a redelivered task finds its session",
            "may_exist = task.session_id is not None or delivery.is_repeated",
            "may_exist = False",
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "a redriven task finds its session",
            "return self.is_redriven or self.receive_count > 1",
            "return self.receive_count > 1",
            "flow/test_redrive.py::"
            "test_a_task_whose_question_never_went_out_asks_once_and_only_once",
        ),
        (
            "a delivery that was slower takes the session that is there",
            "            if session := self._load(session_id):\n"
            "                return self._redelivered(session, task, delivery)\n"
            "            raise",
            "            raise",
            "flow/test_overtaken.py::test_a_task_that_two_deliveries_start_at_once_has_one_session",
        ),
        (
            "a message alone decides nothing",
            "if results.tool_name not in self.pausing.approval_names:",
            "if results:",
            "flow/test_redelivery.py::test_a_resume_that_dies_at_any_call_publishes_once",
        ),
        (
            "a result names the tool that waits",
            "if pending.tool_name != message.tool_name:",
            "if False:",
            "flow/test_detours.py::test_a_malformed_message_goes_to_the_dead_letter_queue_at_once",
        ),
        (
            "a result is for a tool use of the session",
            'raise MalformedMessageError("toolUseId: this session has no such tool use")',
            "return False",
            "flow/test_detours.py::test_a_malformed_message_goes_to_the_dead_letter_queue_at_once",
        ),
        (
            "a message for no session is malformed",
            'raise MalformedMessageError("session_id: no session of this id")',
            "return",
            "flow/test_detours.py::test_a_malformed_message_goes_to_the_dead_letter_queue_at_once",
        ),
        (
            "a stale message resumes nothing",
            "if not self._accept(session, results) and not session.is_interrupted:",
            "if not self._accept(session, results) and False:",
            "flow/test_detours.py::test_the_same_click_twice_resumes_and_publishes_once",
        ),
        (
            "a stale message makes up for a pause",
            '_logger.info("stale message", extra={"session_id": session.session_id})\n'
            "            return self._finish_pause(session, delivery)",
            '_logger.info("stale message", extra={"session_id": session.session_id})\n'
            "            return None",
            "flow/test_odd_cases.py::test_a_pause_nobody_recorded_is_made_up_for_by_any_message",
        ),
        (
            "a message that meets an open question makes up for a record",
            "if early.is_missing or session.paused_by == delivery.message_id:",
            "if session.paused_by == delivery.message_id:",
            "flow/test_redrive.py::"
            "test_a_message_that_meets_an_undecided_turn_makes_up_for_a_record_that_is_missing",
        ),
        (
            "an interrupted run is gone on with by its own message alone",
            "if session.is_interrupted and session.paused_by != delivery.message_id:",
            "if False:",
            "flow/test_detours.py::test_a_resume_longer_than_the_function_keeps_its_approval",
        ),
        (
            "a fault gives the lease back",
            "            self._give_back(claimed)\n            raise",
            "            raise",
            "flow/test_detours.py::test_a_spent_effect_happens_even_if_the_model_now_wants_nothing",
        ),
        (
            "the turn comes from the session",
            "            [pending.tool_use_id for pending in session.pending],\n"
            "            session.unspent,",
            "            [a.tool_use_id for a in "
            "self.pausing.approvals.of_session(session.session_id)],\n"
            "            (),",
            "flow/test_detours.py::test_an_approval_is_still_good_after_another_question",
        ),
        (
            "what is approved and not yet published is claimed again",
            "            session.unspent,\n            named,",
            "            (),\n            named,",
            "flow/test_detours.py::test_an_approval_is_still_good_after_another_question",
        ),
        (
            "a lease outlasts the function",
            "lease_until=int(delivery.deadline) + LEASE_MARGIN_SECONDS,",
            "lease_until=0,",
            "flow/test_overtaken.py::test_a_lease_lasts_longer_than_the_function",
        ),
        (
            "C4' is done by all but the first claim",
            "if fence > 1:",
            "if fence > 10**6:",
            "flow/test_overtaken.py::test_a_worker_that_was_overtaken_saves_nothing",
        ),
        (
            "what was spent is done again before the model runs",
            "if not (session.waits_for(approval.tool_use_id) or approval.status == "
            "approvals.SPENT):",
            "if not session.waits_for(approval.tool_use_id):",
            "flow/test_overtaken.py::"
            "test_what_an_earlier_turn_approved_and_was_spent_still_happens",
        ),
        (
            "the run is saved under the claim's fence",
            "saved = self.sessions.save(self._after(run, gate, delivery, session), fence)",
            "saved = self.sessions.save(self._after(run, gate, delivery, session), 10**6)",
            "flow/test_overtaken.py::test_a_worker_that_was_overtaken_saves_nothing",
        ),
        (
            "a lease on what is left ends with the run",
            "        self.pausing.approvals.release(unspent, saved.expires_at + "
            "OUTLIVES_SESSION_SECONDS)\n",
            "",
            "flow/test_detours.py::test_an_approval_is_still_good_after_another_question",
        ),
        (
            "the run is stopped before the function is",
            "return delivery.deadline - SAVE_MARGIN_SECONDS - self.clock()",
            "return delivery.deadline + 3_600 - self.clock()",
            "flow/test_detours.py::test_a_resume_longer_than_the_function_keeps_its_approval",
        ),
        (
            "an approval that is not spent stays good",
            "            unspent=unspent,\n",
            "            unspent=(),\n",
            "flow/test_detours.py::test_an_approval_is_still_good_after_another_question",
        ),
        (
            "what was spent is not approved any more",
            "left = [a for a in approved if a.tool_use_id not in gate.spent]",
            "left = list(approved)",
            "flow/test_detours.py::test_an_approval_is_still_good_after_another_question",
        ),
        (
            "a session leaves no more for later than a claim can take",
            "unspent = newest_that_fit(left, MAX_UNSPENT)",
            "unspent = newest_that_fit(left, 1_000)",
            "flow/test_odd_cases.py::"
            "test_a_model_that_asks_and_asks_never_grows_over_one_transaction",
        ),
        (
            "what is left for later are the newest",
            "left.sort(key=lambda a: a.tool_use_id not in before.unspent)",
            "left.sort(key=lambda a: a.tool_use_id in before.unspent)",
            "flow/test_odd_cases.py::"
            "test_a_model_that_asks_and_asks_never_grows_over_one_transaction",
        ),
        (
            "a new pause starts with fence 0",
            "fence=0 if run.waits else max((a.fence for a in gate.claimed), default=0),",
            "fence=max((a.fence for a in gate.claimed), default=0),",
            "flow/test_overtaken.py::"
            "test_after_a_repeated_resume_the_next_question_can_be_answered",
        ),
        (
            "who paused is who notifies",
            "paused_by=delivery.message_id,",
            'paused_by="somebody",',
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "an old click sends no question twice",
            "made_it = session.paused_by == delivery.message_id",
            "made_it = True",
            "flow/test_detours.py::test_a_second_click_does_not_send_the_next_question_twice",
        ),
        (
            "a session that waits for years is kept",
            "return self.pausing.longest_wait_seconds(run.pending) + self.retention_seconds",
            "return self.retention_seconds",
            "flow/test_sweep.py::"
            "test_where_silence_means_waiting_an_approval_can_be_decided_a_year_later",
        ),
        (
            "one session id is one task",
            "if not is_ours and not _is_task_of(session, task.task):",
            "if False:",
            "flow/test_odd_cases.py::test_a_session_id_of_another_task_is_malformed",
        ),
        (
            "a run that its deadline stopped comes back",
            "        if saved.is_interrupted:\n"
            "            raise DeadlineError(DeadlineError.__doc__)\n",
            "",
            "flow/test_detours.py::"
            "test_a_run_longer_than_the_function_goes_on_where_it_was_stopped",
        ),
        (
            "it is saved before anybody is notified",
            "                saved = self.sessions.create(self._after(run, gate, delivery, "
            "unsaved))\n",
            "                unsaved = self._after(run, gate, delivery, unsaved)\n"
            "                self.pausing.begin(unsaved)\n"
            "                saved = self.sessions.create(unsaved)\n",
            "flow/test_orders.py::"
            "test_the_session_is_saved_and_all_of_the_turn_recorded_before_the_first_e_mail",
        ),
        (
            "the model is told of what was redone",
            "replaced |= tool_results.put_right(session.messages, results)",
            "replaced |= set()",
            "flow/test_early_messages.py::test_the_model_is_told_of_an_effect_that_was_redone",
        ),
    ),
    *of_file(
        "src/agent/agent_run.py",
        (
            "a fault in the gate is a fault of the run",
            "    if gate.fault:\n        raise gate.fault\n",
            "",
            "flow/test_odd_cases.py::test_the_log_names_what_failed_behind_the_gate",
        ),
        (
            "a run has a limit of turns",
            'limits={"turns": agent_definition.MAX_TURNS},',
            'limits={"turns": agent_definition.MAX_TURNS + 9},',
            "flow/test_detours.py::test_a_run_over_its_turns_ends_as_failed",
        ),
    ),
    *of_file(
        "src/agent/pausing.py",
        (
            "all is recorded before anybody is notified",
            "            recorded = [self._record(session, pending) for pending in "
            "session.pending]\n",
            "            recorded = (self._record(session, pending) for pending in "
            "session.pending)\n"
            "            for pending in session.pending:\n"
            "                self._notify(session, [self._record(session, pending)])\n",
            "flow/test_orders.py::"
            "test_the_session_is_saved_and_all_of_the_turn_recorded_before_the_first_e_mail",
        ),
        (
            "what is decided is not asked again",
            "[item for item in recorded if item.status == approvals.PENDING]",
            "list(recorded)",
            "flow/test_orders.py::test_a_repeated_notification_leaves_out_what_is_decided_by_then",
        ),
        (
            "a turn is one e-mail",
            "            self.send_email(asked)\n",
            "            [self.send_email([item]) for item in asked]\n",
            "flow/test_orders.py::test_a_turn_sends_one_e_mail_for_all_its_questions",
        ),
        (
            "only who paused notifies again",
            "if notify_again or not was_found]",
            "if True]",
            "flow/test_detours.py::test_a_second_click_does_not_send_the_next_question_twice",
        ),
        (
            "the delivery that paused notifies until it succeeds",
            "if notify_again or not was_found]",
            "if not was_found]",
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "a record is not derived again",
            "        if found:\n            return _of_this_pause(found, session), True\n",
            "",
            "flow/test_odd_cases.py::test_a_narrowed_schema_does_not_disturb_what_waits",
        ),
        (
            "a record of an earlier question answers no new one",
            "if recorded.requested_at != session.paused_at:",
            "if False:",
            "flow/test_odd_cases.py::"
            "test_a_record_of_an_earlier_question_is_a_fault_on_every_delivery",
        ),
        (
            "nobody is reminded of what is no approval",
            "if waiting.is_approval:\n            times",
            "if waiting:\n            times",
            "flow/test_sweep.py::"
            "test_a_tool_that_is_no_approval_expires_and_a_late_result_is_a_dead_letter",
        ),
        (
            "the record has the exact call",
            "            arguments=call.arguments,\n",
            "            arguments={},\n",
            "flow/test_detours.py::test_publishing_without_asking_pauses_for_that_exact_call",
        ),
    ),
    *of_file(
        "src/agent/gate.py",
        (
            "the gate stands before every tool",
            "registry.add_callback(BeforeToolCallEvent, self.before_tool)",
            "pass",
            "flow/test_detours.py::test_publishing_without_asking_pauses_for_that_exact_call",
        ),
        (
            "only the approved text is published",
            "(self.action, approvals.digest(self.content), self.arguments) == (\n"
            "            approval.action,\n"
            "            approval.digest,",
            '(self.action, "", self.arguments) == (\n            approval.action,\n            "",',
            "unit/test_gate.py::test_a_call_that_differs_in_anything_is_another_call",
        ),
        (
            "only the approved arguments are published",
            "approvals.digest(self.content), self.arguments) == (\n"
            "            approval.action,\n"
            "            approval.digest,\n"
            "            approval.arguments,",
            "approvals.digest(self.content), {}) == (\n"
            "            approval.action,\n"
            "            approval.digest,\n"
            "            {},",
            "unit/test_gate.py::test_a_call_that_differs_in_anything_is_another_call",
        ),
        (
            "an approval is for one tool",
            "return (self.action, approvals",
            "return (approval.action, approvals",
            "unit/test_gate.py::test_two_tools_of_the_same_form_are_not_mistaken_for_each_other",
        ),
        (
            "what was denied is refused",
            '        if approvals.DENIED in statuses:\n            return "Exactly this was denied',
            '        if False:\n            return "Exactly this was denied',
            "unit/test_gate.py::test_asking_for_what_is_decided_is_refused",
        ),
        (
            "what was published is not asked again",
            "        if approvals.SPENT in statuses:\n            return",
            "        if False:\n            return",
            "unit/test_gate.py::test_asking_for_what_is_decided_is_refused",
        ),
        (
            "what is approved is not asked again",
            "        if approvals.APPROVED in statuses:\n            return",
            "        if False:\n            return",
            "unit/test_gate.py::test_asking_for_what_is_decided_is_refused",
        ),
        (
            "one call is asked for once",
            "        if call in self._asked:\n            return",
            "        if False:\n            return",
            "unit/test_gate.py::test_the_same_call_twice_is_asked_for_once",
        ),
        (
            "a turn asks no more than a claim can take",
            "if len(self._asked) == MAX_ASKED:",
            "if False:",
            "flow/test_odd_cases.py::"
            "test_a_model_that_asks_and_asks_never_grows_over_one_transaction",
        ),
        (
            "only what this worker claimed is spent",
            "others = [a for a in self._earlier.values() if a and a.status != approvals.APPROVED]",
            "others = [a for a in self._earlier.values() if a]",
            "unit/test_gate.py::test_an_approval_that_this_worker_has_not_claimed_allows_nothing",
        ),
        (
            "a denial of earlier turns counts",
            "        return self.claimed + others",
            "        return self.claimed",
            "unit/test_gate.py::test_the_same_call_spent_gets_the_receivers_answer_again",
        ),
        (
            "of two approvals of one call the spent one counts",
            "allowing = _first(same, approvals.SPENT) or _first(same, approvals.APPROVED)",
            "allowing = _first(same, approvals.APPROVED) or _first(same, approvals.SPENT)",
            "unit/test_gate.py::test_of_two_approvals_of_one_call_the_spent_one_counts",
        ),
        (
            "asking is not publishing",
            "if allowing and not asks:",
            "if allowing:",
            "unit/test_gate.py::test_asking_for_what_is_decided_is_refused",
        ),
        (
            "it is spent before it is performed",
            "        if approval.status != approvals.SPENT:\n"
            "            self.store.spend(approval)\n",
            "",
            "unit/test_gate.py::test_the_same_call_approved_is_spent_and_then_performed",
        ),
        (
            "what is spent is performed from the record",
            "content = {tool.content_field: approval.text}",
            "content = {tool.content_field: approval.content}",
            "unit/test_gate.py::test_an_edit_is_what_is_allowed_and_what_is_performed",
        ),
        (
            "the effect carries the approval's key",
            "idempotency_key=approval.key)",
            "idempotency_key=uuid.uuid4().hex)",
            "unit/test_gate.py::test_the_same_call_spent_gets_the_receivers_answer_again",
        ),
        (
            "a tool that is gone publishes nothing",
            "if approval.status == approvals.APPROVED and (problem := _problem(tool, approval)):",
            "if problem := _problem(tool, approval):",
            "unit/test_gate.py::test_an_approval_of_a_tool_that_is_gone_does_nothing",
        ),
        (
            "a fault in the gate stops the run",
            "            self.stop(event.agent, fault)\n"
            '            refusal = "Stopped."',
            '            refusal = "Stopped."',
            "unit/test_gate.py::test_a_search_that_fails_stops_the_run_before_the_tool",
        ),
        (
            "an effect that fails stops the run",
            '            self.stop(state["agent"], fault)\n'
            '            status, text = "error", "Stopped."',
            '            status, text = "error", str(fault)',
            "unit/test_gate.py::test_a_spend_that_fails_stops_the_run",
        ),
        (
            "a call past the gate has no right",
            'self.spend_and_perform(self._allowed[tool["toolUseId"]])',
            "self.spend_and_perform((self.claimed or self.store.of_session(self.session_id))[0])",
            "unit/test_gate.py::test_of_two_approvals_of_one_call_the_spent_one_counts",
        ),
        (
            "an id that comes again is renamed",
            'if use["toolUseId"] in taken:',
            "if False:",
            "unit/test_gate.py::test_an_id_that_comes_again_is_renamed",
        ),
        (
            "an id that cannot be a key is recorded under ours",
            "can_be = TOOL_USE_ID_PATTERN.fullmatch(tool_use_id) is not None",
            "can_be = True",
            "unit/test_gate.py::"
            "test_an_id_that_cannot_be_a_key_stays_in_the_conversation_and_is_recorded_under_ours",
        ),
        (
            "a call fits its schema",
            "        _check_schema(self._validator, complete)\n",
            "",
            "unit/test_gate.py::test_a_call_that_nobody_could_approve_tells_the_model_why",
        ),
        (
            "a call has no unknown arguments",
            "if unknown := sorted(given.keys() - properties.keys()):",
            "if unknown := []:",
            "unit/test_gate.py::test_a_call_that_nobody_could_approve_tells_the_model_why",
        ),
        (
            "a content can be shown and stored",
            "if not content.strip() or _size(content) > MAX_CONTENT_BYTES:",
            "if not content.strip():",
            "unit/test_gate.py::test_a_call_that_nobody_could_approve_tells_the_model_why",
        ),
        (
            "a content says something",
            "if not content.strip() or _size",
            "if _size",
            "unit/test_gate.py::test_a_call_that_nobody_could_approve_tells_the_model_why",
        ),
        (
            "arguments have a limit",
            "if _size(_json(arguments)) > MAX_ARGUMENTS_BYTES:",
            "if False:",
            "unit/test_gate.py::test_other_arguments_have_a_limit_of_their_own",
        ),
        (
            "what is asked for is what is shown",
            'return first.call({**arguments, first.content_field: given["content"]})',
            'return first.call({first.content_field: given["content"], **arguments})',
            "unit/test_gate.py::test_the_content_asked_for_is_not_overruled_by_its_arguments",
        ),
        (
            "a refusal for good is no fault",
            "            except tool.refused as refusal:",
            "            except ZeroDivisionError as refusal:",
            "unit/test_gate.py::test_a_refusal_for_good_is_told_and_no_fault",
        ),
    ),
    *of_file(
        "src/agent/tool_results.py",
        (
            "a denial is an error for the model",
            '    if approval.status in _NEXT:\n        return _answer(approval, "error"',
            '    if approval.status in _NEXT:\n        return _answer(approval, "success"',
            "unit/test_tool_results.py::test_no_decision_tells_the_model_to_stop",
        ),
        (
            "what is spent is done again",
            "if not is_gated_call and approval.status == approvals.APPROVED:",
            "if not is_gated_call:",
            "unit/test_tool_results.py::test_a_failed_effect_is_a_fault_and_no_result",
        ),
        (
            "an approved gated call is performed",
            'is_gated_call = approval.tool_name != human_approval.TOOL_SPEC["name"]',
            "is_gated_call = False",
            "unit/test_tool_results.py::test_a_gated_call_that_the_receiver_refuses_is_an_error",
        ),
        (
            "the model is told of an edit",
            "edited = approval.edited_content is not None\n    told",
            "edited = False\n    told",
            "unit/test_tool_results.py::test_an_edit_is_told_with_what_was_asked",
        ),
        (
            "every tool use of the turn has one result",
            "if missing := results.keys() - answered:",
            "if missing := set():",
            "unit/test_tool_results.py::test_a_result_without_a_placeholder_is_corrupted_state",
        ),
        (
            "a result keeps its tool use",
            '{**(approval.result or {}), "toolUseId": approval.tool_use_id}',
            '{"toolUseId": approval.tool_use_id, **(approval.result or {})}',
            "unit/test_tool_results.py::test_a_resolved_tool_has_the_result_that_came",
        ),
    ),
    *of_file(
        "src/agent/publish_post.py",
        (
            "a refusal for good is told apart from a fault",
            "REFUSED_STATUSES = frozenset({400, 413, 422})",
            "REFUSED_STATUSES = frozenset({400, 413, 422, 500, 503})",
            "unit/test_publish_post.py::test_every_other_status_is_a_fault_and_not_repeated_here",
        ),
        (
            "what was sent is not sent again unseen",
            "HTTP_RETRIES = urllib3.Retry(connect=1, read=0, status=0, redirect=0, other=0)",
            "HTTP_RETRIES = urllib3.Retry(\n"
            "    connect=1, read=3, status=0, redirect=0, other=3, allowed_methods=None\n"
            ")",
            "unit/test_publish_post.py::test_hang_up_without_an_answer_is_a_fault_and_sent_once",
        ),
        (
            "no redirect is followed",
            "headers=headers, redirect=False",
            "headers=headers, redirect=True, retries=urllib3.Retry(redirect=2)",
            "unit/test_publish_post.py::test_redirects_are_not_followed",
        ),
        (
            "a token never travels in the clear",
            "if read_token and not _is_private(endpoint_url):",
            "if False:",
            "unit/test_publish_post.py::test_a_token_never_travels_in_the_clear",
        ),
        (
            "a key goes with the post",
            '"Idempotency-Key": idempotency_key}',
            '"Idempotency-Key": "x"}',
            "unit/test_publish_post.py::test_posts_the_arguments_as_json_with_the_idempotency_key",
        ),
        (
            "an error holds no token",
            "# Not chained: http.client repeats a header that it cannot send, and that may "
            "be the token.\n"
            '        raise PublishFailedError(f"the request was not sent: '
            '{type(error).__name__}") from None',
            'raise PublishFailedError(f"the request was not sent: {type(error).__name__}") '
            "from error",
            "unit/test_publish_post.py::"
            "test_a_token_that_no_header_can_carry_is_a_fault_and_stays_secret",
        ),
    ),
    *of_file(
        "src/unitok/unitok_posts.py",
        (
            "one key is one post",
            'ConditionExpression="attribute_not_exists(idempotency_key)"',
            'ConditionExpression="attribute_not_exists(no_such)"',
            "unit/test_unitok.py::test_the_same_post_again_is_answered_and_not_made_again",
        ),
        (
            "a key is not used for another post",
            'return Stored("repeated" if same else "conflict", post)',
            'return Stored("repeated", post)',
            "unit/test_unitok.py::test_the_same_key_with_another_post_is_a_conflict",
        ),
    ),
    *of_file(
        "src/unitok/unitok_handler.py",
        (
            "nobody posts without a signature",
            'if not (event["requestContext"].get("authorizer") or {}).get("iam"):',
            "if False:",
            "unit/test_unitok.py::test_anonymous_post_is_refused",
        ),
    ),
    *of_file(
        "operate/conservation.py",
        (
            "only effects whose receiver is known are compared",
            'if approval.status == "SPENT" and approval.action in counted',
            'if approval.status == "SPENT"',
            "unit/test_operate_conservation.py::"
            "test_effects_of_a_tool_whose_receiver_is_not_known_are_not_held_against_the_law",
        ),
        (
            "where no receiver is known nothing is compared",
            "        if not counted:\n            return []\n",
            "",
            "unit/test_operate_conservation.py::"
            "test_without_a_receiver_posts_are_unknown_and_not_zero",
        ),
        (
            "what waits may still be done",
            "return is_approved and (approval.not_done or has_ended)",
            "return is_approved",
            "unit/test_operate_conservation.py::"
            "test_an_approval_whose_session_ended_without_it_was_not_done_whatever_is_recorded",
        ),
    ),
    *of_file(
        "operate/redrive.py",
        (
            "a letter that goes back fits",
            "if _bytes_of(*f) <= MAX_MESSAGE_BYTES), None)",
            "if f), None)",
            "unit/test_operate_commands.py::"
            "test_a_letter_that_leaves_no_room_for_its_id_goes_back_too",
        ),
        (
            "a task that goes back keeps its id",
            'task = parse(body) if letter.kind == "new" else None',
            "task = None",
            "unit/test_operate_commands.py::"
            "test_a_letter_that_leaves_no_room_for_its_id_goes_back_too",
        ),
        (
            "a task that cannot go back is in no other's way",
            "    if form is None:\n        return False\n",
            "    if form is None:\n        form = message[\"Body\"], {}\n",
            "unit/test_operate_commands.py::"
            "test_a_task_that_cannot_go_back_is_said_and_is_in_no_others_way",
        ),
    ),
    *of_file(
        "operate/rows.py",
        (
            "a reason is only text on a terminal",
            'c if c.isprintable() else "\\ufffd"',
            "c",
            "unit/test_operate_commands.py::"
            "test_a_reason_that_somebody_else_wrote_does_nothing_to_the_terminal",
        ),
    ),
)
