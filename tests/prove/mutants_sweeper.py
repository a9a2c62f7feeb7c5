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
            "what DynamoDB leaves is asked for again",
            "            keys = left\n",
            "            keys = []\n",
            "unit/test_open_approvals.py::test_what_dynamodb_leaves_to_the_next_call_is_asked_for_again",
        ),
        (
            "what DynamoDB never answers is a fault",
            "                raise NotAnsweredError(NotAnsweredError.__doc__)\n",
            "                return\n",
            "unit/test_open_approvals.py::test_what_dynamodb_never_answers_is_a_fault",
        ),
        (
            "an item without a status is looked at",
            'if i.get("status") != PENDING}',
            'if i.get("status", PENDING) != PENDING}',
            "unit/test_open_approvals.py::"
            "test_an_entry_without_the_time_it_was_asked_at_hides_no_other",
        ),
        (
            "a stray entry of the index hides no other",
            'item.get("requested_at", item["due_at"])',
            'item["requested_at"]',
            "unit/test_open_approvals.py::"
            "test_an_entry_without_the_time_it_was_asked_at_hides_no_other",
        ),
        (
            "the first to write replaces the note",
            '"attribute_not_exists(session_id)" if was is None else "looked_at = :was"',
            '"attribute_not_exists(nothing)" if was is None else '
            '"(looked_at = :was OR attribute_exists(session_id))"',
            "unit/test_audit.py::test_the_note_in_the_table_is_replaced_by_the_first_who_read_it",
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
            "        until = now + RETRY_SECONDS if due else approval.next_step_at\n",
            "        until = now if due else approval.next_step_at\n",
            "unit/test_sweeper.py::test_a_reminder_that_fails_comes_five_minutes_later",
        ),
        (
            "only who takes a step sends the e-mail",
            "        if not (due and taken):\n",
            "        taken = taken or approval\n        if not due:\n",
            "unit/test_sweeper.py::test_of_two_sweepers_at_the_same_moment_the_first_acts_alone",
        ),
        (
            "a step is noted after the e-mail",
            "                next_at = taken.due_at\n                continue\n",
            "                next_at = taken.due_at\n",
            "unit/test_sweeper.py::test_a_reminder_that_fails_comes_five_minutes_later",
        ),
        (
            "a step that fails keeps no other back",
            "                next_at = taken.due_at\n                continue\n",
            '                return "failed"\n',
            "unit/test_sweeper.py::test_an_escalation_that_fails_keeps_no_reminder_from_being_sent",
        ),
        (
            "a step that failed is tried again after five minutes",
            "self.approvals.step_done(taken, step, next_at or done.next_step_at)",
            "self.approvals.step_done(taken, step, done.next_step_at)",
            "unit/test_sweeper.py::test_an_escalation_that_fails_keeps_no_reminder_from_being_sent",
        ),
        (
            "a step that is done is noted",
            "            self.approvals.step_done(taken, step, next_at or done.next_step_at)\n",
            "",
            "unit/test_sweeper.py::test_after_an_outage_each_step_is_still_made_up_for",
        ),
        (
            "nothing is told again at once",
            "if approval.status != PENDING and now < _told_again_at(approval):",
            "if False:",
            "unit/test_sweeper.py::test_what_is_decided_is_not_reminded_of",
        ),
        (
            "it is told ever more rarely",
            "min(first << min(approval.resends or 0, 10), most)",
            "min(first, most)",
            "unit/test_sweeper.py::test_it_is_told_again_ever_more_rarely",
        ),
        (
            "it is told once an hour at least",
            "min(first << min(approval.resends or 0, 10), most)",
            "(first << min(approval.resends or 0, 10))",
            "unit/test_sweeper.py::test_it_is_told_again_ever_more_rarely",
        ),
        (
            "a turn with an open question is not resumed",
            "if approval.acknowledged or any(other.status == PENDING for other in read if other):",
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
            "            note_failure(error, session_id=item.session_id, "
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
            "a sweep ends in time",
            "if self.clock() >= deadline:",
            "if False:",
            "unit/test_sweeper.py::test_what_there_is_no_time_for_is_left_to_the_next_sweep",
        ),
        (
            "what is decided and not due is found",
            "_in_turn(due, audit.find(threads.map))",
            "_in_turn(due, [])",
            "unit/test_sweeper.py::test_a_decision_that_no_worker_came_for_is_told_again",
        ),
        (
            "neither what is due nor what is decided waits for the other",
            "[entry for pair in zip_longest(due, decided) for entry in pair if entry]",
            "[*due, *decided]",
            "unit/test_sweeper.py::"
            "test_neither_what_is_due_nor_a_lost_decision_waits_for_the_other",
        ),
        (
            "what is due longest comes first",
            "due = sorted((e for e in entries if e.due_at <= now), key=lambda e: e.due_at)",
            "due = [e for e in entries if e.due_at <= now]",
            "unit/test_sweeper.py::test_what_is_due_longest_is_looked_at_first_whatever_its_shard",
        ),
        (
            "the audit goes on only after what was looked after",
            'if "left" not in decided:',
            "if True:",
            "unit/test_sweeper.py::"
            "test_a_part_that_could_not_be_looked_at_is_looked_at_again[no time]",
        ),
        (
            "a long queue is not made longer",
            "if now < _told_again_at(approval, is_busy=True) and is_busy():",
            "if False:",
            "flow/test_sweep.py::test_a_queue_that_is_simply_long_is_not_made_longer",
        ),
        (
            "a long queue hides no lost decision for ever",
            "if now < _told_again_at(approval, is_busy=True) and is_busy():",
            "if is_busy():",
            "flow/test_sweep.py::"
            "test_a_lost_decision_is_found_within_the_hour_also_while_the_queue_is_long",
        ),
        (
            "while messages wait it is told ever more rarely, eight hours at least",
            "most = MAX_BUSY_RESEND_SECONDS if is_busy else MAX_RESEND_SECONDS",
            "most = MAX_RESEND_SECONDS",
            "unit/test_sweeper.py::"
            "test_while_messages_wait_it_is_told_again_after_an_hour_at_the_earliest",
        ),
        (
            "a queue that says nothing holds nothing back",
            "            note_failure(error)\n            return False",
            "            note_failure(error)\n            return True",
            "unit/test_sweeper.py::test_a_queue_that_says_nothing_holds_no_decision_back",
        ),
        (
            "the queue is asked once a sweep",
            "if self._answer is None:",
            "if True:",
            "unit/test_sweeper.py::"
            "test_the_queue_is_asked_once_a_sweep_and_only_if_a_message_is_to_be_sent",
        ),
        (
            "what came too early is not told again",
            "if approval.acknowledged or any(other.status == PENDING for other in read if other):",
            "if any(other.status == PENDING for other in read if other):",
            "unit/test_sweeper.py::"
            "test_a_turn_with_an_open_question_is_resumed_by_the_last_decision",
        ),
    ),
    *of_file(
        "src/sweeper/audit.py",
        (
            "of very many each sweep looks at a part",
            "return min(RING, -(-RING * AUDITED_PER_MINUTE * seconds // (60 * count)))",
            "return RING",
            "unit/test_sweeper.py::test_of_very_many_open_ones_each_sweep_looks_at_a_part",
        ),
        (
            "a window is as wide as the last one is ago",
            "return min(RING, -(-RING * AUDITED_PER_MINUTE * seconds // (60 * count)))",
            "return min(RING, -(-RING * AUDITED_PER_MINUTE // count))",
            "unit/test_audit.py::test_every_place_comes_by_within_the_bound",
        ),
        (
            "every part comes to be looked at",
            "return (self.start + self.width) % RING",
            "return self.start",
            "unit/test_sweeper.py::test_of_very_many_open_ones_each_sweep_looks_at_a_part",
        ),
        (
            "the first window is as wide as any",
            "last = read_last() or Note(now - MAX_PAUSE_SECONDS, {})",
            "last = read_last() or Note(now - 60, {})",
            "unit/test_audit.py::test_every_place_comes_by_within_the_bound",
        ),
        (
            "an outage widens no window without end",
            "seconds = min(max(seconds, 0), MAX_PAUSE_SECONDS)",
            "seconds = max(seconds, 0)",
            "unit/test_audit.py::test_a_window_is_wider_the_longer_the_last_one_is_ago_within_reason",
        ),
        (
            "a clock that is behind makes no window of less than nothing",
            "seconds = min(max(seconds, 0), MAX_PAUSE_SECONDS)",
            "seconds = min(seconds, MAX_PAUSE_SECONDS)",
            "unit/test_audit.py::test_a_window_is_wider_the_longer_the_last_one_is_ago_within_reason",
        ),
        (
            "a window of nothing is not noted",
            "    if not width:\n        return Plan(windows)\n",
            "",
            "unit/test_audit.py::test_a_second_sweep_in_the_same_second_skips_no_part",
        ),
        (
            "up to 500 cost no note",
            "if count <= AUDITED_PER_MINUTE:",
            "if False:",
            "unit/test_audit.py::test_up_to_500_are_all_looked_up_and_no_note_is_read",
        ),
        (
            "what was not looked up is not noted",
            "            return []\n        self._note = plan.note\n",
            "            decided = []\n        self._note = plan.note\n",
            "unit/test_audit.py::test_what_could_not_be_looked_up_is_looked_up_by_the_next_sweep",
        ),
        (
            "what is due does not wait for the audit",
            "        except Exception as error:  # What is due must not wait for this.\n"
            "            note_failure(error)\n"
            "            return []",
            "        except Exception:\n            raise",
            "unit/test_sweeper.py::test_what_is_due_does_not_wait_for_the_look_at_the_others",
        ),
        (
            "what is due does not wait for the note",
            "        except Exception as error:  # Nor for this.\n            note_failure(error)\n"
            "            return Place()",
            "        except Exception:\n            raise",
            "unit/test_audit.py::test_a_note_that_cannot_be_read_keeps_nothing_due_waiting",
        ),
        (
            "a note that cannot be written undoes no sweep",
            "            except Exception as error:  # The next sweep looks at the same ones.\n"
            "                note_failure(error)",
            "            except ZeroDivisionError as error:\n                note_failure(error)",
            "unit/test_audit.py::test_a_note_that_cannot_be_written_undoes_no_sweep",
        ),
        (
            "what lies beyond what a sweep reads is read in turn",
            "stopped_at = part[-1] if len(part) == most else None",
            "stopped_at = None",
            "unit/test_audit.py::test_what_lies_beyond_what_a_sweep_reads_is_no_blind_spot",
        ),
        (
            "all parts of a shard are seen through one window",
            "{shard: Window(p.start, p.width or width) for shard, p in places.items()}",
            "{shard: Window(p.start, width) for shard, p in places.items()}",
            "unit/test_audit.py::test_all_parts_of_a_shard_are_seen_through_one_window",
        ),
        (
            "a window moves on only at the end of its shard",
            "Place(window.start, window.width, stopped_at) if stopped_at else Place(window.end)",
            "Place(window.end, 0, stopped_at)",
            "unit/test_audit.py::test_all_parts_of_a_shard_are_seen_through_one_window",
        ),
        (
            "what is due is read wherever the reading has come",
            "found = [entry for entry in found if entry.due_at <= self._now]",
            "found = []",
            "unit/test_audit.py::test_what_is_due_is_read_by_every_sweep_wherever_it_has_come",
        ),
        (
            "an entry that moves while it is read is looked up once",
            "    return list(chosen.values())",
            "    return [e for s, w in windows.items() for e in entries[s] "
            "if w.holds(place_of(e))]",
            "unit/test_audit.py::test_an_entry_that_moves_while_it_is_read_is_looked_up_once",
        ),
    ),
    *of_file(
        "src/sweeper/gauges.py",
        (
            "a topic that cannot be read stops no sweep",
            "        except Exception as error:  # The sweep must not",
            "        except ZeroDivisionError as error:  # The sweep must not",
            "flow/test_sweep.py::test_a_topic_that_cannot_be_read_does_not_stop_the_sweep",
        ),
        (
            "what reaches nobody is not sent",
            "if self._confirmed.get(topic_arn) == 0:",
            "if False:",
            "flow/test_sweep.py::test_what_would_reach_nobody_is_not_done_but_tried_again",
        ),
        (
            "a topic that cannot be read is taken to be well",
            "if self._confirmed.get(topic_arn) == 0:",
            "if not self._confirmed.get(topic_arn):",
            "flow/test_sweep.py::test_a_topic_that_cannot_be_read_is_sent_to",
        ),
        (
            "of an earlier look nothing is kept",
            "        self._confirmed.pop(topic_arn, None)\n",
            "",
            "flow/test_sweep.py::test_a_topic_that_cannot_be_read_is_sent_to",
        ),
    ),
    *of_file(
        "src/sweeper/sweeper_handler.py",
        (
            "a slow topic does not lengthen the sweep",
            "    resources.measure_subscriptions()\n",
            "    resources.measure_subscriptions()\n    deadline = time.time() + seconds_left\n",
            "flow/test_sweep.py::test_a_topic_that_answers_late_does_not_lengthen_the_sweep",
        ),
        (
            "an escalation without a topic is a reminder",
            "if occasion == notifications.ESCALATION and not escalation_topic_arn:",
            "if False:",
            "flow/test_sweep.py::"
            "test_where_nobody_is_asked_in_escalation_any_more_those_asked_first_are_reminded",
        ),
        (
            "an escalation goes to the second topic",
            'escalation_topic_arn if is_escalation else os.environ["APPROVAL_TOPIC_ARN"]',
            'os.environ["APPROVAL_TOPIC_ARN"]',
            "flow/test_sweep.py::test_an_escalation_asks_others_before_the_end",
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
