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
            "unit/test_open_approvals.py::"
            "test_at_the_end_an_approval_can_be_expired_or_decided_but_not_both",
        ),
        (
            "of two sweepers one takes a step",
            '"due_at = :due", {":due": approval.due_at}\n        )',
            '"(due_at = :due OR attribute_exists(session_id))", {":due": approval.due_at}\n'
            "        )",
            "unit/test_open_approvals.py::test_of_two_sweepers_one_takes_a_step",
        ),
        (
            "a step that is taken is noted once",
            '            {"due_at": next_at},\n            "due_at = :due",',
            '            {"due_at": next_at},\n'
            '            "(due_at = :due OR attribute_exists(session_id))",',
            "unit/test_open_approvals.py::test_a_step_is_noted_by_the_sweeper_that_took_it_last",
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
            "nothing is closed that was claimed since",
            '"#status = :status AND fence = :fence",\n            bound,',
            '"#status = :status AND (fence = :fence OR attribute_exists(session_id))",\n'
            "            bound,",
            "unit/test_open_approvals.py::test_what_a_worker_came_for_is_not_closed",
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
        (
            "an index that is behind does nothing",
            "if approval is None or approval.due_at is None:",
            "if approval is None:",
            "unit/test_sweeper.py::test_an_index_that_is_a_moment_behind_costs_one_look",
        ),
        (
            "a record that is gone does nothing",
            "if approval is None or approval.due_at is None:",
            "if approval and approval.due_at is None:",
            "unit/test_sweeper.py::test_an_index_that_is_a_moment_behind_costs_one_look",
        ),
        (
            "what no session waits for is closed",
            "if approval.tool_use_id not in turn:",
            "if False:",
            "unit/test_sweeper.py::test_a_decision_that_no_session_waits_for_is_closed_as_it_is",
        ),
        (
            "the session is read after the record",
            "        approval = self.approvals.get(entry.session_id, entry.tool_use_id)\n"
            "        if approval is None",
            '        early = self.read_turn(entry.session_id, "post-generator")\n'
            "        approval = self.approvals.get(entry.session_id, entry.tool_use_id)\n"
            "        self = replace(self, read_turn=lambda *_: early)\n"
            "        if approval is None",
            "unit/test_sweeper.py::test_the_session_is_read_after_the_record",
        ),
        (
            "what is decided is told and not expired",
            "if approval.status != PENDING:\n            return self._tell_again",
            "if False:\n            return self._tell_again",
            "unit/test_sweeper.py::test_a_decision_that_no_worker_came_for_is_told_again",
        ),
        (
            "what nobody decided expires",
            "if approval.decide_by <= now:\n            return self._expire",
            "if False:\n            return self._expire",
            "unit/test_sweeper.py::test_an_expiry_whose_message_was_lost_is_told_again",
        ),
        (
            "who expires it tells the agent",
            "        if expired:\n            self.send_message(wake_up_message(expired))\n",
            "",
            "unit/test_sweeper.py::test_a_tool_that_is_no_approval_expires_too",
        ),
        (
            "only who expires it tells the agent",
            "        if expired:\n            self.send_message(wake_up_message(expired))\n",
            "        self.send_message(wake_up_message(expired or approval))\n",
            "unit/test_sweeper.py::test_of_two_sweepers_at_the_same_moment_the_first_acts_alone",
        ),
        (
            "a step is taken before the e-mail",
            "                taken = self.approvals.put_off(approval, now + RETRY_SECONDS)\n"
            "                if taken:\n"
            "                    self.notify(taken, occasion)\n",
            "                self.notify(approval, occasion)\n"
            "                taken = self.approvals.put_off(approval, now + RETRY_SECONDS)\n"
            "                if taken:\n",
            "unit/test_sweeper.py::test_a_reminder_that_fails_comes_five_minutes_later",
        ),
        (
            "only who takes a step sends the e-mail",
            "                if taken:\n                    self.notify(taken, occasion)\n",
            "                self.notify(approval, occasion)\n                if taken:\n",
            "unit/test_sweeper.py::test_of_two_sweepers_at_the_same_moment_the_first_acts_alone",
        ),
        (
            "a step is noted after the e-mail",
            "                    self.notify(taken, occasion)\n"
            "                    next_at = replace(taken, **{step: None}).next_step_at  # "
            "type: ignore[arg-type]\n"
            "                    self.approvals.step_done(taken, step, next_at)",
            "                    next_at = replace(taken, **{step: None}).next_step_at  # "
            "type: ignore[arg-type]\n"
            "                    self.approvals.step_done(taken, step, next_at)\n"
            "                    self.notify(taken, occasion)",
            "unit/test_sweeper.py::test_a_reminder_that_fails_comes_five_minutes_later",
        ),
        (
            "a step that is done is noted",
            "                    self.approvals.step_done(taken, step, next_at)\n",
            "",
            "unit/test_sweeper.py::test_after_an_outage_each_step_is_still_made_up_for",
        ),
        (
            "nothing is told again at once",
            "if now < told_last + min(pause, MAX_RESEND_SECONDS):",
            "if False:",
            "unit/test_sweeper.py::test_what_is_decided_is_not_reminded_of",
        ),
        (
            "it is told ever more rarely",
            "pause = RESEND_SECONDS * 2 ** min(approval.resends or 0, 10)",
            "pause = RESEND_SECONDS",
            "unit/test_sweeper.py::test_it_is_told_again_ever_more_rarely",
        ),
        (
            "it is told once an hour at least",
            "if now < told_last + min(pause, MAX_RESEND_SECONDS):",
            "if now < told_last + pause:",
            "unit/test_sweeper.py::test_it_is_told_again_ever_more_rarely",
        ),
        (
            "a turn with an open question is not resumed",
            "if approval.acknowledged or any(a.status == PENDING for a in read if a):",
            "if approval.acknowledged:",
            "unit/test_sweeper.py::"
            "test_a_turn_with_an_open_question_is_resumed_by_the_last_decision",
        ),
        (
            "of two sweepers one tells again",
            "        taken = self.approvals.take_resend(approval, now)\n        if taken:\n",
            "        taken = self.approvals.take_resend(approval, now) or approval\n"
            "        if taken:\n",
            "unit/test_sweeper.py::test_of_two_sweepers_at_the_same_moment_the_first_acts_alone",
        ),
        (
            "one bad item never stops the rest",
            "        try:\n"
            "            return do(item)\n"
            "        except Exception as error:\n"
            "            _note_failure(error, session_id=item.session_id, "
            "tool_use_id=item.tool_use_id)\n"
            '            return "failed"',
            "        return do(item)",
            "unit/test_sweeper.py::test_an_item_that_cannot_be_read_never_stops_the_rest",
        ),
        (
            "a mailbox gets no more than it may",
            "                self.sleep(1 / MAILS_PER_SECOND)",
            "                pass",
            "unit/test_sweeper.py::"
            "test_a_sweep_sends_no_more_mails_a_second_than_a_mailbox_may_get",
        ),
        (
            "what is due does not wait for the audit",
            "        except Exception as error:  # What is due must not wait for this.\n"
            "            _note_failure(error)\n"
            "            return []",
            "        except Exception:\n            raise",
            "unit/test_sweeper.py::test_what_is_due_does_not_wait_for_the_look_at_the_others",
        ),
        (
            "a sweep ends in time",
            "if self.clock() >= deadline:",
            "if False:",
            "unit/test_sweeper.py::test_what_there_is_no_time_for_is_left_to_the_next_sweep",
        ),
        (
            "of very many each sweep looks at a part",
            "part = [e for e in entries if _hash(e) % parts == this_part]",
            "part = entries",
            "unit/test_sweeper.py::test_of_very_many_open_ones_each_sweep_looks_at_a_part",
        ),
        (
            "every part comes to be looked at",
            "this_part = now // 60 % parts",
            "this_part = 0",
            "unit/test_sweeper.py::test_of_very_many_open_ones_each_sweep_looks_at_a_part",
        ),
        (
            "what is decided and not due is found",
            "due + decided))",
            "due))",
            "unit/test_sweeper.py::test_a_decision_that_no_worker_came_for_is_told_again",
        ),
        (
            "what came too early is not told again",
            "if approval.acknowledged or any(a.status == PENDING for a in read if a):",
            "if any(a.status == PENDING for a in read if a):",
            "unit/test_sweeper.py::"
            "test_a_turn_with_an_open_question_is_resumed_by_the_last_decision",
        ),
    ),
    *of_file(
        "src/sweeper/sweeper_handler.py",
        (
            "a topic that cannot be read stops no sweep",
            "    except Exception as error:  # The sweep must not",
            "    except ZeroDivisionError as error:  # The sweep must not",
            "flow/test_sweep.py::test_a_topic_that_cannot_be_read_does_not_stop_the_sweep",
        ),
        (
            "an escalation goes to the second topic",
            'os.environ["ESCALATION_TOPIC_ARN" if is_escalation else "APPROVAL_TOPIC_ARN"]',
            'os.environ["APPROVAL_TOPIC_ARN"]',
            "flow/test_sweep.py::test_an_escalation_asks_others_before_the_end",
        ),
        (
            "two sweeps at a time share one pace",
            '"sweepers", time.time, time.sleep)',
            '"sweepers", time.time, lambda _: None)',
            "flow/test_mail_pace.py::test_a_sweep_beside_another_waits_for_its_place",
        ),
        (
            "SNS's client repeats no reminder by itself",
            'config.merge(Config(retries={"total_max_attempts": 1}))',
            "config",
            "flow/test_mail_pace.py::test_a_sweep_repeats_no_e_mail_behind_the_back_of_its_pace",
        ),
    ),
    *of_file(
        LAYER + "timeouts.py",
        (
            "waiting never ends",
            "return WITHOUT_END_SECONDS if self.on_silence == WAIT else "
            "self.decide_within_seconds\n",
            "return self.decide_within_seconds\n",
            "unit/test_timeouts.py::test_waiting_has_no_end_but_the_same_reminder",
        ),
        (
            "a policy is one of three",
            "if on_silence not in (DENY, ESCALATE, WAIT):",
            "if False:",
            "unit/test_timeouts.py::test_anything_else_is_refused_by_name",
        ),
        (
            "a reminder comes before the end",
            "if 0 < self._before < self.decide_within_seconds else None",
            "if 0 < self._before else None",
            "unit/test_timeouts.py::test_no_reminder_is_none_and_none_comes_before_the_question",
        ),
    ),
    *of_file(
        "src/operator_api/operator_requests.py",
        (
            "an operator has an identity",
            "    if not name:\n        raise RefusedError(403",
            "    if False:\n        raise RefusedError(403",
            "unit/test_operator_handler.py::TestCallers::test_nobody_gets_in_without_an_identity",
        ),
        (
            "an address that nobody verified is none",
            'is_verified = str(claims.get("email_verified")).lower() == "true"',
            "is_verified = True",
            "unit/test_operator_handler.py::TestCallers::test_nobody_gets_in_without_an_identity",
        ),
        (
            "a cancellation is JSON",
            'if http.media_types(http.headers(event).get("content-type", "")) != '
            '["application/json"]:',
            "if False:",
            "unit/test_operator_handler.py::TestCancelling::test_only_json_is_taken",
        ),
        (
            "a position of the list is one of the index",
            "fits = shard in SHARDS and type(due_at) is int and 0 <= due_at < MAX_TIME",
            "fits = True",
            "unit/test_operator_handler.py::TestListing::test_a_next_that_no_page_gave_is_400",
        ),
    ),
    *of_file(
        "src/operator_api/cancelling.py",
        (
            "a cancellation tells the agent",
            "services.sqs.send_message(QueueUrl=services.task_queue_url, MessageBody=body)",
            "body.strip()",
            "unit/test_operator_handler.py::TestCancelling::test_the_agent_is_told",
        ),
        (
            "a cancellation again tells the agent again",
            'if decided.approval and decided.outcome in ("decided", "repeated"):',
            'if decided.approval and decided.outcome == "decided":',
            "unit/test_operator_handler.py::"
            "TestCancelling::test_twice_changes_nothing_and_tells_the_agent_again",
        ),
    ),
    *of_file(
        "src/operator_api/operator_handler.py",
        (
            "nobody operates without an identity",
            "caller = caller_of(event)\n",
            'caller = "x"\n',
            "unit/test_operator_handler.py::TestCallers::test_nobody_gets_in_without_an_identity",
        ),
    ),
)
