"""The sweeper, its conditional writes and its timeouts; operators."""

from mutants import Mutant, of_code

SWEEPER: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "only the index is read",
            "open_waits:OpenWaits.entries",
            """
            self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=INDEX_NAME,
                KeyConditionExpression="open_shard = :shard",
                ExpressionAttributeValues={":shard": {"S": shard}},
                PaginationConfig={"PageSize": most},
                **start,
            )
            """,
            """
            self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="session_id = :shard",
                ExpressionAttributeValues={":shard": {"S": shard}},
                PaginationConfig={"PageSize": most},
                **start,
            )
            """,
            "unit/test_open_approvals.py::test_no_more_entries_are_read_than_asked_for",
        ),
        (
            "nothing expires before its end",
            "open_waits:OpenWaits.expire",
            '"decide_by <= :now"',
            '"(decide_by <= :now OR attribute_exists(session_id))"',
            "unit/test_open_approvals.py::test_nothing_expires_before_its_end",
        ),
        (
            "the sweeper changes only what is pending",
            "open_waits:OpenWaits._if_pending",
            'f"#status = :pending AND {condition}"',
            'f"(#status = :pending OR attribute_exists(session_id)) AND {condition}"',
            "unit/test_open_approvals.py::"
            "test_at_the_end_an_approval_can_be_expired_or_decided_but_not_both",
        ),
        (
            "of two sweepers one takes a step",
            "open_waits:OpenWaits.postpone",
            '"due_at = :due"',
            '"(due_at = :due OR attribute_exists(session_id))"',
            "unit/test_open_approvals.py::test_of_two_sweepers_one_takes_a_step",
        ),
        (
            "a step that is taken is noted once",
            "open_waits:OpenWaits.step_done",
            '"due_at = :due"',
            '"(due_at = :due OR attribute_exists(session_id))"',
            "unit/test_open_approvals.py::test_a_step_is_noted_by_the_sweeper_that_took_it_last",
        ),
        (
            "a step that is done is gone",
            "open_waits:OpenWaits.step_done",
            'f" REMOVE {\', \'.join(gone)}" if gone else ""',
            '""',
            "unit/test_open_approvals.py::test_a_step_that_is_done_is_not_due_again",
        ),
        (
            "of two sweepers one tells again",
            "open_waits:OpenWaits.take_resend",
            '"resends = :was" if wait.resends else "attribute_not_exists(resends)"',
            '"(resends = :was OR attribute_exists(session_id))" if wait.resends else '
            '"attribute_exists(session_id)"',
            "unit/test_open_approvals.py::test_of_two_sweepers_one_tells_again",
        ),
        (
            "what was claimed is not told again",
            "open_waits:OpenWaits.take_resend",
            'f"attribute_exists(due_at) AND #status = :status AND fence = :fence AND {same}"',
            'f"#status = :status AND (fence = :fence OR attribute_exists(session_id)) AND {same}"',
            "unit/test_open_approvals.py::test_what_a_worker_came_for_is_not_told_again",
        ),
        (
            "nothing is closed whose status changed",
            "open_waits:OpenWaits.close",
            '"#status = :status AND fence = :fence"',
            '"(#status = :status OR attribute_exists(session_id)) AND fence = :fence"',
            "unit/test_open_approvals.py::test_what_changed_since_it_was_read_is_not_closed",
        ),
        (
            "nothing is closed that was claimed since",
            "open_waits:OpenWaits.close",
            '"#status = :status AND fence = :fence"',
            '"#status = :status AND (fence = :fence OR attribute_exists(session_id))"',
            "unit/test_open_approvals.py::test_what_a_worker_came_for_is_not_closed",
        ),
        (
            "closing leaves a decision as it is",
            "open_waits:OpenWaits.close",
            "values if wait.status == Status.PENDING else {}",
            "values",
            "unit/test_open_approvals.py::test_closing_leaves_a_decision_as_it_is",
        ),
        (
            "what DynamoDB leaves is asked for again",
            "open_waits:OpenWaits._statuses",
            "keys = left",
            "keys = []",
            "unit/test_open_approvals.py::"
            "test_what_dynamodb_leaves_to_the_next_call_is_asked_for_again",
        ),
        (
            "what DynamoDB never answers is a fault",
            "open_waits:OpenWaits._statuses",
            "raise NotAnsweredError(NotAnsweredError.__doc__)",
            "return",
            "unit/test_open_approvals.py::test_what_dynamodb_never_answers_is_a_fault",
        ),
        (
            "an item without a status is looked at",
            "open_waits:OpenWaits.decided_among",
            'i.get("status")',
            'i.get("status", Status.PENDING)',
            "unit/test_open_approvals.py::"
            "test_an_entry_without_the_time_it_was_asked_at_hides_no_other",
        ),
        (
            "a stray entry of the index hides no other",
            "open_waits:OpenWaits.entries",
            'item.get("requested_at", item["due_at"])',
            'item["requested_at"]',
            "unit/test_open_approvals.py::"
            "test_an_entry_without_the_time_it_was_asked_at_hides_no_other",
        ),
        (
            "the first to write replaces the note",
            "open_waits:OpenWaits.write_note",
            '"attribute_not_exists(session_id)" if was is None else "looked_at = :was"',
            '"attribute_not_exists(nothing)" if was is None else "(looked_at = :was OR '
            'attribute_exists(session_id))"',
            "unit/test_audit.py::test_the_note_in_the_table_is_replaced_by_the_first_who_read_it",
        ),
        (
            "closing takes it off the index",
            "open_waits:OpenWaits.close",
            '" REMOVE open_shard, due_at"',
            '" REMOVE due_at_all"',
            "unit/test_open_approvals.py::test_closing_cancels_an_open_question",
        ),
        (
            "an index that is behind does nothing",
            "sweeper:Sweeper._look_after",
            "approval is None or approval.due_at is None",
            "approval is None",
            "unit/test_sweeper.py::test_an_index_that_is_a_moment_behind_costs_one_look",
        ),
        (
            "a record that is gone does nothing",
            "sweeper:Sweeper._look_after",
            "approval is None or approval.due_at is None",
            "approval and approval.due_at is None",
            "unit/test_sweeper.py::test_an_index_that_is_a_moment_behind_costs_one_look",
        ),
        (
            "what no session waits for is closed",
            "sweeper:Sweeper._look_after",
            "approval.tool_use_id not in turn",
            "False",
            "unit/test_sweeper.py::test_a_decision_that_no_session_waits_for_is_closed_as_it_is",
        ),
        (
            "the session is read after the record",
            "sweeper:Sweeper._look_after",
            "approval = self.approvals.get(entry.session_id, entry.tool_use_id)",
            """
            early = self.read_turn(entry.session_id, "post-generator")
            approval = self.approvals.get(entry.session_id, entry.tool_use_id)
            self = replace(self, read_turn=lambda *_: early)
            """,
            "unit/test_sweeper.py::test_the_session_is_read_after_the_record",
        ),
        (
            "what is decided is told and not expired",
            "sweeper:Sweeper._look_after",
            """
            if approval.status != Status.PENDING:
                return self._tell_again(approval, turn, is_busy)
            """,
            """
            if False:
                return self._tell_again(approval, turn, is_busy)
            """,
            "unit/test_sweeper.py::test_a_decision_that_no_worker_came_for_is_told_again",
        ),
        (
            "what nobody decided expires",
            "sweeper:Sweeper._look_after",
            "approval.decide_by <= now",
            "False",
            "unit/test_sweeper.py::test_an_expiry_whose_message_was_lost_is_told_again",
        ),
        (
            "who expires it tells the agent",
            "sweeper:Sweeper._expire",
            """
            if expired:
                self.send_message(wake_up_message(expired))
            """,
            "",
            "unit/test_sweeper.py::test_a_tool_that_is_no_approval_expires_too",
        ),
        (
            "only who expires it tells the agent",
            "sweeper:Sweeper._expire",
            """
            if expired:
                self.send_message(wake_up_message(expired))
            """,
            "self.send_message(wake_up_message(expired or approval))",
            "unit/test_sweeper.py::test_of_two_sweepers_at_the_same_moment_the_first_acts_alone",
        ),
        (
            "a step is taken before the e-mail",
            "sweeper:Sweeper._remind",
            "now + RETRY_SECONDS",
            "now",
            "unit/test_sweeper.py::test_a_reminder_that_fails_comes_five_minutes_later",
        ),
        (
            "only who takes a step sends the e-mail",
            "sweeper:Sweeper._remind",
            """
            if not (due and taken):
                return "nothing"
            """,
            """
            taken = taken or approval
            if not due:
                return "nothing"
            """,
            "unit/test_sweeper.py::test_of_two_sweepers_at_the_same_moment_the_first_acts_alone",
        ),
        (
            "a step is noted after the e-mail",
            "sweeper:Sweeper._remind",
            "continue",
            "",
            "unit/test_sweeper.py::test_a_reminder_that_fails_comes_five_minutes_later",
        ),
        (
            "a step that fails keeps no other back",
            "sweeper:Sweeper._remind",
            """
            next_at = taken.due_at
            continue
            """,
            'return "failed"',
            "unit/test_sweeper.py::test_an_escalation_that_fails_keeps_no_reminder_from_being_sent",
        ),
        (
            "a step that failed is tried again after five minutes",
            "sweeper:Sweeper._remind",
            "next_at or done.next_step_at",
            "done.next_step_at",
            "unit/test_sweeper.py::test_an_escalation_that_fails_keeps_no_reminder_from_being_sent",
        ),
        (
            "a step that is done is noted",
            "sweeper:Sweeper._remind",
            "self.approvals.step_done(taken, done, next_at or done.next_step_at)",
            "",
            "unit/test_sweeper.py::test_after_an_outage_each_step_is_still_made_up_for",
        ),
        (
            "nothing is told again at once",
            "sweeper:Sweeper._look_after",
            "approval.status != Status.PENDING and now < _told_again_at(approval)",
            "False",
            "unit/test_sweeper.py::test_what_is_decided_is_not_reminded_of",
        ),
        (
            "it is told ever more rarely",
            "sweeper:_told_again_at",
            "first << min(approval.resends or 0, 10)",
            "first",
            "unit/test_sweeper.py::test_it_is_told_again_ever_more_rarely",
        ),
        (
            "it is told once an hour at least",
            "sweeper:_told_again_at",
            "min(first << min(approval.resends or 0, 10), most)",
            "first << min(approval.resends or 0, 10)",
            "unit/test_sweeper.py::test_it_is_told_again_ever_more_rarely",
        ),
        (
            "a turn with an open question is not resumed",
            "sweeper:Sweeper._tell_again",
            "approval.acknowledged or any(other.status == Status.PENDING for other in read if "
            "other)",
            "approval.acknowledged",
            "unit/test_sweeper.py::"
            "test_a_turn_with_an_open_question_is_resumed_by_the_last_decision",
        ),
        (
            "of two sweepers one tells again",
            "sweeper:Sweeper._tell_again",
            "self.approvals.take_resend(approval, now)",
            "self.approvals.take_resend(approval, now) or approval",
            "unit/test_sweeper.py::test_of_two_sweepers_at_the_same_moment_the_first_acts_alone",
        ),
        (
            "one bad item never stops the rest",
            "sweeper:Sweeper._look",
            """
            try:
                return do(item)
            except Exception as error:
                note_failure(error, session_id=item.session_id, tool_use_id=item.tool_use_id)
                return "failed"
            """,
            "return do(item)",
            "unit/test_sweeper.py::test_an_item_that_cannot_be_read_never_stops_the_rest",
        ),
        (
            "a mailbox gets no more than it may",
            "sweeper:Sweeper._mail",
            "self.sleep(1 / MAILS_PER_SECOND)",
            "",
            "unit/test_sweeper.py::"
            "test_a_sweep_sends_no_more_mails_a_second_than_a_mailbox_may_get",
        ),
        (
            "a sweep ends in time",
            "sweeper:Sweeper._look",
            "self.clock() >= deadline",
            "False",
            "unit/test_sweeper.py::test_what_there_is_no_time_for_is_left_to_the_next_sweep",
        ),
        (
            "what is decided and not due is found",
            "sweeper:Sweeper.sweep",
            "audit.find(threads.map)",
            "[]",
            "unit/test_sweeper.py::test_a_decision_that_no_worker_came_for_is_told_again",
        ),
        (
            "neither what is due nor what is decided waits for the other",
            "sweeper:_in_turn",
            "[entry for pair in zip_longest(due, decided) for entry in pair if entry]",
            "[*due, *decided]",
            "unit/test_sweeper.py::"
            "test_neither_what_is_due_nor_a_lost_decision_waits_for_the_other",
        ),
        (
            "what is due longest comes first",
            "sweeper:Sweeper.sweep",
            "sorted((e for e in entries if e.due_at <= now), key=lambda e: e.due_at)",
            "[e for e in entries if e.due_at <= now]",
            "unit/test_sweeper.py::test_what_is_due_longest_is_looked_at_first_whatever_its_shard",
        ),
        (
            "the audit goes on only after what was looked after",
            "sweeper:Sweeper.sweep",
            '"left" not in decided',
            "True",
            "unit/test_sweeper.py::"
            "test_a_part_that_could_not_be_looked_at_is_looked_at_again[no time]",
        ),
        (
            "a long queue is not made longer",
            "sweeper:Sweeper._tell_again",
            "now < _told_again_at(approval, is_busy=True) and is_busy()",
            "False",
            "flow/test_sweep.py::test_a_queue_that_is_simply_long_is_not_made_longer",
        ),
        (
            "a long queue hides no lost decision for ever",
            "sweeper:Sweeper._tell_again",
            "now < _told_again_at(approval, is_busy=True) and is_busy()",
            "is_busy()",
            "flow/test_sweep.py::"
            "test_a_lost_decision_is_found_within_the_hour_also_while_the_queue_is_long",
        ),
        (
            "while messages wait it is told ever more rarely, eight hours at least",
            "sweeper:_told_again_at",
            "MAX_BUSY_RESEND_SECONDS if is_busy else MAX_RESEND_SECONDS",
            "MAX_RESEND_SECONDS",
            "unit/test_sweeper.py::"
            "test_while_messages_wait_it_is_told_again_after_an_hour_at_the_earliest",
        ),
        (
            "a queue that says nothing holds nothing back",
            "sweeper:Sweeper._is_queue_busy",
            "return False",
            "return True",
            "unit/test_sweeper.py::test_a_queue_that_says_nothing_holds_no_decision_back",
        ),
        (
            "the queue is asked once a sweep",
            "sweeper:_Once.__call__",
            "self._answer is None",
            "True",
            "unit/test_sweeper.py::"
            "test_the_queue_is_asked_once_a_sweep_and_only_if_a_message_is_to_be_sent",
        ),
        (
            "what came too early is not told again",
            "sweeper:Sweeper._tell_again",
            "approval.acknowledged or any(other.status == Status.PENDING for other in read if "
            "other)",
            "any(other.status == Status.PENDING for other in read if other)",
            "unit/test_sweeper.py::"
            "test_a_turn_with_an_open_question_is_resumed_by_the_last_decision",
        ),
        (
            "of very many each sweep looks at a part",
            "audit:width_of",
            "min(RING, -(-RING * AUDITED_PER_MINUTE * seconds // (60 * count)))",
            "RING",
            "unit/test_sweeper.py::test_of_very_many_open_ones_each_sweep_looks_at_a_part",
        ),
        (
            "a window is as wide as the last one is ago",
            "audit:width_of",
            "-RING * AUDITED_PER_MINUTE * seconds // (60 * count)",
            "-RING * AUDITED_PER_MINUTE // count",
            "unit/test_audit.py::test_every_place_comes_by_within_the_bound",
        ),
        (
            "every part comes to be looked at",
            "audit:Window.end",
            "(self.start + self.width) % RING",
            "self.start",
            "unit/test_sweeper.py::test_of_very_many_open_ones_each_sweep_looks_at_a_part",
        ),
        (
            "the first window is as wide as any",
            "audit:make_plan",
            "now - MAX_PAUSE_SECONDS",
            "now - 60",
            "unit/test_audit.py::test_every_place_comes_by_within_the_bound",
        ),
        (
            "an outage widens no window without end",
            "audit:width_of",
            "min(max(seconds, 0), MAX_PAUSE_SECONDS)",
            "max(seconds, 0)",
            "unit/test_audit.py::"
            "test_a_window_is_wider_the_longer_the_last_one_is_ago_within_reason",
        ),
        (
            "a clock that is behind makes no window of less than nothing",
            "audit:width_of",
            "max(seconds, 0)",
            "seconds",
            "unit/test_audit.py::"
            "test_a_window_is_wider_the_longer_the_last_one_is_ago_within_reason",
        ),
        (
            "a window of nothing is not noted",
            "audit:make_plan",
            """
            if not width:
                return Plan(windows)
            """,
            "",
            "unit/test_audit.py::test_a_second_sweep_in_the_same_second_skips_no_part",
        ),
        (
            "up to 500 cost no note",
            "audit:make_plan",
            "count <= AUDITED_PER_MINUTE",
            "False",
            "unit/test_audit.py::test_up_to_500_are_all_looked_up_and_no_note_is_read",
        ),
        (
            "what was not looked up is not noted",
            "audit:Audit.find",
            "return []",
            "decided = []",
            "unit/test_audit.py::test_what_could_not_be_looked_up_is_looked_up_by_the_next_sweep",
        ),
        (
            "what is due does not wait for the audit",
            "audit:Audit.find",
            """
            except Exception as error:
                note_failure(error)
                return []
            """,
            """
            except Exception:
                raise
            """,
            "unit/test_sweeper.py::test_what_is_due_does_not_wait_for_the_look_at_the_others",
        ),
        (
            "what is due does not wait for the note",
            "audit:Audit._place",
            """
            except Exception as error:
                note_failure(error)
                return Place()
            """,
            """
            except Exception:
                raise
            """,
            "unit/test_audit.py::test_a_note_that_cannot_be_read_keeps_nothing_due_waiting",
        ),
        (
            "a note that cannot be written undoes no sweep",
            "audit:Audit.done",
            """
            except Exception as error:
                note_failure(error)
            """,
            """
            except ZeroDivisionError as error:
                note_failure(error)
            """,
            "unit/test_audit.py::test_a_note_that_cannot_be_written_undoes_no_sweep",
        ),
        (
            "what lies beyond what a sweep reads is read in turn",
            "audit:Audit._read",
            "part[-1] if len(part) == most else None",
            "None",
            "unit/test_audit.py::test_what_lies_beyond_what_a_sweep_reads_is_no_blind_spot",
        ),
        (
            "all parts of a shard are seen through one window",
            "audit:make_plan",
            "p.width or width",
            "width",
            "unit/test_audit.py::test_all_parts_of_a_shard_are_seen_through_one_window",
        ),
        (
            "a window moves on only at the end of its shard",
            "audit:_next",
            "Place(window.start, window.width, stopped_at) if stopped_at else Place(window.end)",
            "Place(window.end, 0, stopped_at)",
            "unit/test_audit.py::test_all_parts_of_a_shard_are_seen_through_one_window",
        ),
        (
            "what is due is read wherever the reading has come",
            "audit:Audit._read",
            "[entry for entry in found if entry.due_at <= self._now]",
            "[]",
            "unit/test_audit.py::test_what_is_due_is_read_by_every_sweep_wherever_it_has_come",
        ),
        (
            "an entry that moves while it is read is looked up once",
            "audit:_chosen",
            "list(chosen.values())",
            "[e for s, w in windows.items() for e in entries[s] if w.holds(place_of(e))]",
            "unit/test_audit.py::test_an_entry_that_moves_while_it_is_read_is_looked_up_once",
        ),
        (
            "a topic that cannot be read stops no sweep",
            "gauges:Subscribers._read",
            "Exception",
            "ZeroDivisionError",
            "flow/test_sweep.py::test_a_topic_that_cannot_be_read_does_not_stop_the_sweep",
        ),
        (
            "what reaches nobody is not sent",
            "gauges:Subscribers.check",
            "self._confirmed.get(topic_arn) == 0",
            "False",
            "flow/test_sweep.py::test_what_would_reach_nobody_is_not_done_but_tried_again",
        ),
        (
            "a topic that cannot be read is taken to be well",
            "gauges:Subscribers.check",
            "self._confirmed.get(topic_arn) == 0",
            "not self._confirmed.get(topic_arn)",
            "flow/test_sweep.py::test_a_topic_that_cannot_be_read_is_sent_to",
        ),
        (
            "of an earlier look nothing is kept",
            "gauges:Subscribers._read",
            "self._confirmed.pop(topic_arn, None)",
            "",
            "flow/test_sweep.py::test_a_topic_that_cannot_be_read_is_sent_to",
        ),
        (
            "a slow topic does not lengthen the sweep",
            "sweeper_handler:handler",
            "resources.measure_subscriptions()",
            """
            resources.measure_subscriptions()
            deadline = time.time() + seconds_left
            """,
            "flow/test_sweep.py::test_a_topic_that_answers_late_does_not_lengthen_the_sweep",
        ),
        (
            "an escalation without a topic is a reminder",
            "sweeper_handler:_notify",
            "occasion == notifications.ESCALATION and not escalation_topic_arn",
            "False",
            "flow/test_sweep.py::"
            "test_where_nobody_is_asked_in_escalation_any_more_those_asked_first_are_reminded",
        ),
        (
            "an escalation goes to the second topic",
            "sweeper_handler:_notify",
            'escalation_topic_arn if is_escalation else os.environ["APPROVAL_TOPIC_ARN"]',
            'os.environ["APPROVAL_TOPIC_ARN"]',
            "flow/test_sweep.py::test_an_escalation_asks_others_before_the_end",
        ),
        (
            "two sweeps at a time share one pace",
            "sweeper_handler:_resources",
            'SharedPace(dynamodb, table_name, "sweepers", time.time, time.sleep)',
            'SharedPace(dynamodb, table_name, "sweepers", time.time, lambda _: None)',
            "flow/test_mail_pace.py::test_a_sweep_beside_another_waits_for_its_place",
        ),
        (
            "SNS's client repeats no reminder by itself",
            "sweeper_handler:_resources",
            'config.merge(Config(retries={"total_max_attempts": 1}))',
            "config",
            "flow/test_mail_pace.py::test_a_sweep_repeats_no_e_mail_behind_the_back_of_its_pace",
        ),
        (
            "waiting never ends",
            "timeouts:Timeouts.longest_wait_seconds",
            "WITHOUT_END_SECONDS if self.on_silence == WAIT else self.decide_within_seconds",
            "self.decide_within_seconds",
            "unit/test_timeouts.py::test_waiting_has_no_end_but_the_same_reminder",
        ),
        (
            "a policy is one of three",
            "timeouts:Timeouts.parse",
            "on_silence not in (DENY, ESCALATE, WAIT)",
            "False",
            "unit/test_timeouts.py::test_anything_else_is_refused_by_name",
        ),
        (
            "a reminder comes before the end",
            "timeouts:Timeouts.schedule",
            "0 < self._before < self.decide_within_seconds",
            "0 < self._before",
            "unit/test_timeouts.py::test_no_reminder_is_none_and_none_comes_before_the_question",
        ),
        (
            "an operator has an identity",
            "operator_requests:caller_of",
            "not name",
            "False",
            "unit/test_operator_handler.py::TestCallers::test_nobody_gets_in_without_an_identity",
        ),
        (
            "an address that nobody verified is none",
            "operator_requests:caller_of",
            'str(claims.get("email_verified")).lower() == "true"',
            "True",
            "unit/test_operator_handler.py::TestCallers::test_nobody_gets_in_without_an_identity",
        ),
        (
            "a cancellation is JSON",
            "operator_requests:_body",
            'http.media_types(http.headers(event).get("content-type", "")) != ["application/json"]',
            "False",
            "unit/test_operator_handler.py::TestCancelling::test_only_json_is_taken",
        ),
        (
            "a position of the list is one of the index",
            "open_pages:_entry",
            "shard in SHARDS and type(due_at) is int and 0 <= due_at < MAX_TIME",
            "True",
            "unit/test_operator_handler.py::TestListing::test_a_next_that_no_page_gave_is_400",
        ),
        (
            "a cancellation tells the agent",
            "cancelling:cancel",
            "tell_agent(services, decided.approval)",
            "",
            "unit/test_operator_handler.py::TestCancelling::test_the_agent_is_told",
        ),
        (
            "a cancellation again tells the agent again",
            "cancelling:cancel",
            'decided.outcome in ("decided", "repeated")',
            'decided.outcome == "decided"',
            "unit/test_operator_handler.py::"
            "TestCancelling::test_twice_changes_nothing_and_tells_the_agent_again",
        ),
        (
            "nobody operates without an identity",
            "operator_handler:_route",
            "caller_of(event)",
            '"x"',
            "unit/test_operator_handler.py::TestCallers::test_nobody_gets_in_without_an_identity",
        ),
    )
)
