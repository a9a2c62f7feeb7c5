"""Guards of what operators do: decide in their own name, give more time, send an e-mail again."""

from mutants import Mutant, of_code

_UNIT = "unit/test_operator_people.py::"
_FLOW = "flow/test_operators_decide.py::"
_MAKE = "flow/test_operate_approvals.py::"
_EXTEND = '"#status = :pending AND decide_by = :read"'
_AGAIN = '"#status = :pending AND decide_by > :now"'

OPERATORS: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "C3x changes only what is undecided",
            "deadlines:Deadlines.extend",
            _EXTEND,
            '"decide_by = :read AND :pending <> :read"',
            _UNIT + "TestTheWriteItself::test_a_decision_in_between_stands",
        ),
        (
            "C3x moves the deadline that was read",
            "deadlines:Deadlines.extend",
            _EXTEND,
            '"#status = :pending AND :read <> :pending"',
            _UNIT + "TestTheWriteItself::test_of_two_at_once_the_first_one_counts",
        ),
        (
            "the first deadline is kept",
            "deadlines:Deadlines.extend",
            "found.first_decide_by or found.decide_by",
            "found.decide_by",
            _UNIT + "TestExtending::test_seven_days_in_all_and_not_a_second_more",
        ),
        (
            "a repeat is by the same operator",
            "deadlines:Deadlines.extend",
            "is_done and old.asked_again_by == by",
            "is_done",
            _UNIT + "TestTheWriteItself::test_a_write_whose_answer_was_lost_is_told_as_done",
        ),
        (
            "a later end sends new links at once",
            "deadlines:_extended",
            "found.asked_again(now)",
            "found",
            _FLOW + "test_more_time_sends_new_links_within_a_minute_and_the_old_ones_end",
        ),
        (
            "a reminder that is due is not planned again",
            "deadlines:_extended",
            "planned > now",
            "True",
            _UNIT + "TestExtending::test_a_reminder_that_is_due_is_not_sent_twice",
        ),
        (
            "seven days in all",
            "deadlines:latest_end",
            "(wait.first_decide_by or wait.decide_by)",
            "wait.decide_by",
            _UNIT + "TestExtending::test_seven_days_in_all_and_not_a_second_more",
        ),
        (
            "a record outlives its end",
            "deadlines:latest_end",
            "min(latest, wait.expires_at - KEPT_AFTER_SECONDS)",
            "latest",
            _UNIT + "TestExtending::test_its_record_is_kept_long_enough_after_the_end",
        ),
        (
            "C3y changes only what is undecided",
            "deadlines:Deadlines.ask_again",
            _AGAIN,
            '"decide_by > :now AND :pending <> :now"',
            _UNIT + "TestTheWriteItself::test_a_decision_in_between_stands",
        ),
        (
            "C3y comes in time",
            "deadlines:Deadlines.ask_again",
            _AGAIN,
            '"#status = :pending AND :now <> :pending"',
            _UNIT + "TestTheWriteItself::test_its_time_may_be_over_when_the_e_mail_is_to_be_sent",
        ),
        (
            "an e-mail that is due is not made due again",
            "deadlines:Deadlines.ask_again",
            "max(found.remind_at or now + 1, found.due_at or now + 1) <= now",
            "False",
            _UNIT + "TestResending::test_while_it_is_due_the_same_again_changes_nothing",
        ),
        (
            "a planned reminder outlives an e-mail again",
            "item:Wait.asked_again",
            "replace(self, remind_at=now, due_at=now, planned_remind_at=planned)",
            "replace(self, remind_at=now, due_at=now)",
            _FLOW + "test_the_e_mail_is_sent_again_with_the_same_links_and_then_as_planned",
        ),
        (
            "what is over has no more time",
            "extending:extend",
            "not found.is_open(now)",
            "False",
            _UNIT + "TestExtending::test_what_is_over_or_decided_is_409_and_what_stands",
        ),
        (
            "a deadline is not moved beyond what is kept",
            "extending:_check",
            "until > (latest := latest_end(found))",
            "(latest := latest_end(found)) < 0",
            _UNIT + "TestExtending::test_seven_days_in_all_and_not_a_second_more",
        ),
        (
            "what another agent waits for is not moved",
            "extending:_check",
            "found.depth is not None",
            "False",
            _UNIT + "TestExtending::test_what_another_agent_waits_for_ends_in_time_for_it",
        ),
        (
            "what has no end is not moved",
            "extending:_check",
            "not has_deadline(found.requested_at, found.decide_by)",
            "False",
            _UNIT + "TestExtending::test_what_has_no_end_has_none_to_move",
        ),
        (
            "a deadline that was read and has moved since is told",
            "extending:extend",
            "found.decide_by != read_at",
            "False",
            _UNIT + "TestExtending::"
            "test_the_same_again_changes_nothing_where_it_names_the_deadline_that_was_read",
        ),
        (
            "who decides is a person",
            "approving:_person",
            "is_whole and person.iam == name",
            "is_whole",
            _UNIT + "TestDeciding::test_who_is_nobody_in_people_toml_is_403_and_nothing_is_read",
        ),
        (
            "a name that was cut is nobody's",
            "approving:_person",
            "way == VIA_IAM and len(caller) < MAX_CALLER_CHARS",
            "way == VIA_IAM",
            _UNIT + "TestDeciding::test_who_is_nobody_in_people_toml_is_403_and_nothing_is_read",
        ),
        (
            "a token is nobody's signature",
            "approving:_person",
            "way == VIA_IAM and len(caller) < MAX_CALLER_CHARS",
            "len(caller) < MAX_CALLER_CHARS",
            _UNIT + "TestDeciding::test_who_is_nobody_in_people_toml_is_403_and_nothing_is_read",
        ),
        (
            "who decides is asked by name",
            "approving:_check",
            "person.id not in (found.approvers or ())",
            "False",
            _UNIT + "TestDeciding::test_who_is_not_asked_is_403_also_once_it_is_decided",
        ),
        (
            "what was read is what is decided",
            "approving:_check",
            "found.needed is None and choice.seen not in (None, found.in_force.digest)",
            "False",
            _UNIT + "TestDeciding::test_what_was_read_is_checked_where_it_is_said",
        ),
        (
            "one of several says what was read",
            "approving:_check",
            "found.needed is not None and choice.seen is None",
            "False",
            _UNIT + "TestVoting::test_what_was_read_must_be_said",
        ),
        (
            "a question is answered and all else decided",
            "approving:_check",
            "found.is_question != (choice.decision in OF_QUESTIONS)",
            "False",
            _UNIT + "TestDeciding::test_what_cannot_be_read_is_400_and_named",
        ),
        (
            "nobody is told before an operator's vote is the last one",
            "approving:decide",
            "decided.status != Status.PENDING",
            "True",
            _UNIT + "TestVoting::test_each_vote_is_counted_and_the_last_one_decides",
        ),
        (
            "an operator's repeat tells the agent again",
            "approving:decide",
            'done.outcome in ("decided", "repeated")',
            'done.outcome == "decided"',
            _UNIT + "TestDeciding::test_the_same_again_tells_the_agent_again_and_changes_nothing",
        ),
        (
            "an operator's conflict tells nobody",
            "approving:decide",
            'done.outcome in ("decided", "repeated")',
            "True",
            _UNIT + "TestDeciding::test_the_opposite_is_409_and_what_stands",
        ),
        (
            "make approvals asks before it approves",
            "approvals:_approve",
            "_consent(wanted)",
            "",
            _MAKE + "test_approve_wants_a_yes",
        ),
        (
            "make approvals sends what it has shown",
            "approvals:_approve",
            'found["digest"]',
            'api.get("approval", **wanted.ids)["digest"]',
            _MAKE + "test_what_was_edited_after_it_was_shown_is_not_approved",
        ),
        (
            "make approvals shows what an agent wrote as it is",
            "approvals_text:_block",
            "visible(content)",
            "content",
            _MAKE + "test_what_an_agent_wrote_moves_no_cursor",
        ),
        (
            "make approvals lists what an agent wrote as it is",
            "approvals_text:_line",
            "visible(text)",
            "text",
            _MAKE + "test_what_an_agent_wrote_moves_no_cursor",
        ),
    )
)
