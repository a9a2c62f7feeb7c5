"""Long-running tools: their contract, their hints, agents that ask one another, callbacks."""

from mutants import Mutant, of_code

_JOBS = "flow/test_long_running.py::"
_AGENTS = "example/test_agents_as_tools.py::"
_CALLBACKS = "flow/test_callbacks.py::"
_TIMERS = "example/test_wait_until.py::"
_GUARDS = "example/test_guards_of_waits.py::"
_CRASHES = "example/test_hints_after_a_crash.py::"
_TOOL = "unit/test_long_tool.py::"
_RUN_JOB = "example/test_run_job.py::"

_DEFINITIONS = of_code(
    (
        "a tool's first parameter is the wait",
        "long_running:LongTool.__post_init__",
        'first.name != "wait"',
        "False",
        f"{_TOOL}test_the_first_parameter_is_the_wait",
    ),
    (
        "no parameter has a reserved name",
        "long_running:LongTool.__post_init__",
        'parameter.name in RESERVED_NAMES or parameter.name.startswith("_")',
        "False",
        f"{_TOOL}test_a_reserved_name_is_refused_at_once",
    ),
    (
        "every parameter has a name",
        "long_running:LongTool.__post_init__",
        "parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)",
        "False",
        f"{_TOOL}test_parameters_need_names",
    ),
    (
        "no other tool is called human_approval",
        "long_running:LongTool.__post_init__",
        'self.name == HUMAN_APPROVAL["name"]',
        "False",
        f"{_TOOL}test_human_approval_is_no_name_for_another_tool",
    ),
    (
        "a fixed time is in bounds",
        "long_running:LongTool.__post_init__",
        'raise ValueError(f"{self.name}: {problem}")',
        "pass",
        f"{_TOOL}test_a_fixed_time_out_of_bounds_is_refused_at_once",
    ),
    (
        "a hook names only parameters that there are",
        "long_running:LongTool._add",
        "raise TypeError(f\"{self.name}.{name}: the tool has no parameter {', '.join(unknown)}\")",
        "pass",
        f"{_TOOL}test_a_hook_that_names_an_unknown_parameter_is_refused_at_once",
    ),
    (
        "a result has a text",
        "long_running:Result.__post_init__",
        "not isinstance(self.text, str) or not self.text.strip()",
        "not isinstance(self.text, str)",
        f"{_TOOL}test_a_result_has_a_text",
    ),
    (
        "a look gives a result or none",
        "long_running:LongTool.ask_source",
        'raise TypeError(f"{self.name}.look: expected a Result or None, got {type(found)}")',
        "pass",
        f"{_TOOL}test_a_look_gives_a_result_or_none",
    ),
    (
        "no two tools of an agent have one name",
        "definition:AgentDefinition.__post_init__",
        "raise ValueError(f\"{self.name}: more than one tool is called {', '.join(twice)}\")",
        "pass",
        f"{_TOOL}test_two_tools_of_one_name_are_refused",
    ),
    (
        "no two agents have one name",
        "definition:Agents.__init__",
        "not self._all or len(self._by_name) < len(self._all)",
        "not self._all",
        f"{_TOOL}test_there_is_one_agent_at_least_and_no_two_of_one_name",
    ),
    (
        "an agent is found by its name",
        "definition:Agents.named",
        "name not in self._by_name",
        "False",
        f"{_TOOL}test_agents_are_found_by_name_and_the_first_is_the_default",
    ),
)

_BEFORE_THE_PAUSE = of_code(
    (
        "an input is held to the schema before the pause",
        "gate:Gate._check_input",
        "check_schema(jsonschema.Draft202012Validator(schema), complete)",
        "",
        "flow/test_waits.py::test_a_jobs_input_is_checked_before_anything_waits",
    ),
    (
        "a tool is started with the completed input",
        "gate:Gate._check_input",
        'event.tool_use["input"] = complete',
        "",
        "flow/test_waits.py::test_a_starter_gets_the_input_as_the_schema_completes_it",
    ),
    (
        "an input has the types of the signature before the pause",
        "long_running:LongTool._pause",
        'given = self._parsed(tool["input"], ValueError)',
        'given = dict(tool["input"])',
        f"{_JOBS}test_an_input_that_does_not_fit_is_an_error_and_nothing_waits",
    ),
    (
        "an input has no field that the tool does not know",
        "long_running:LongTool._model",
        'pydantic.ConfigDict(extra="forbid")',
        "pydantic.ConfigDict()",
        f"{_JOBS}test_an_input_that_does_not_fit_is_an_error_and_nothing_waits",
    ),
    (
        "a tool's own check comes before the pause",
        "long_running:LongTool._pause",
        """
        if "check" in self.hooks:
            self._call("check", None, given)
        """,
        "",
        f"{_JOBS}test_what_the_check_refuses_is_an_error_at_once",
    ),
    (
        "a fault of a check stops the run",
        "long_running:LongTool._pause",
        'state["stop_run"](state["agent"], fault)',
        "",
        f"{_JOBS}test_a_fault_of_the_check_is_a_fault_and_no_word_to_the_model",
    ),
    (
        "a time that depends on the input is in bounds",
        "long_running:LongTool._within",
        "raise ValueError(problem)",
        "",
        f"{_GUARDS}test_a_time_that_depends_on_the_input_is_held_to_the_same_bounds",
    ),
    (
        "work starts after the save",
        "worker:Worker.start",
        "saved = self.sessions.create(self._after(agent, run, gate, delivery, new))",
        """
        after = self._after(agent, run, gate, delivery, new)
        self.asking.ask(after, agent)
        saved = self.sessions.create(after)
        """,
        f"{_GUARDS}test_work_starts_only_once_its_session_is_saved",
    ),
    (
        "a tool that is gone cannot start",
        "asking:Asking._start",
        "pending is None or (tool is None and pending.look_at is None)",
        "pending is None or tool is None",
        f"{_GUARDS}test_a_tool_that_is_gone_before_it_starts_is_told_to_the_model",
    ),
    (
        "one session waits for a tool as often as that may be",
        "human_approval:_too_often",
        "most is not None and before.get(name, 0) + _count(waiting, name) > most",
        "False",
        f"{_AGENTS}test_a_session_asks_five_times_at_most",
    ),
    (
        "a session waits as often as its agent may",
        "human_approval:_too_often",
        "sum(before.values()) + len(waiting) > most_in_all",
        "False",
        f"{_JOBS}test_a_session_waits_as_often_as_its_agent_may",
    ),
    (
        "a session counts what it has waited for",
        "afterwards:session_after",
        "dict(waits) or None",
        "None",
        f"{_JOBS}test_a_session_waits_as_often_as_its_agent_may",
    ),
    (
        "a turn waits for twenty tools",
        "human_approval:",
        "MAX_WAITS = 20",
        "MAX_WAITS = 21",
        f"{_JOBS}test_a_turn_waits_for_twenty_tools_at_most",
    ),
)

_HINTS = of_code(
    (
        "a source is asked before anything is recorded",
        "incoming:Incoming._record_one",
        "_look(tool, wait, session, pending)",
        "_look(tool, wait, session, pending) or brought",
        f"{_JOBS}test_a_forged_answer_is_only_a_hint",
    ),
    (
        "what is recorded is what the source says",
        "incoming:Incoming._record_one",
        "self._resolve(session, agent, pending, found)",
        "self._resolve(session, agent, pending, brought)",
        f"{_JOBS}test_it_is_started_after_the_save_and_answers_when_its_source_does",
    ),
    (
        "no message answers for a tool that is gone",
        "incoming:_is_told",
        "pending.look_at is None and not pending.by_callback",
        "True",
        f"{_JOBS}test_a_tool_that_is_gone_by_then_is_told_to_the_model",
    ),
    (
        "no message answers for a callback",
        "incoming:_is_told",
        "pending.look_at is None and not pending.by_callback",
        "pending.look_at is None",
        f"{_CALLBACKS}test_a_message_alone_answers_nothing_for_a_tool_that_is_gone",
    ),
    (
        "no message answers for a tool that can look by now",
        "incoming:_is_told",
        "was_told and (tool is None or tool.is_told)",
        "was_told",
        f"{_JOBS}test_a_tool_that_can_look_by_now_is_looked_at",
    ),
    (
        "a look resumes by a message of its own",
        "incoming:Incoming._record_one",
        """
        if found and (answered := self._resolve(session, agent, pending, found)):
            self.send_message(wake_up_message(answered))
        return False
        """,
        """
        if found:
            self._resolve(session, agent, pending, found)
        return bool(found)
        """,
        f"{_CRASHES}test_a_hint_that_found_nothing_yet_does_not_resume_when_it_comes_twice",
    ),
    (
        "whoever resumes stops what ended",
        "worker:Worker.go_on",
        "self.incoming.end_all(session, agent, claimed)",
        "",
        f"{_CRASHES}test_a_job_that_expired_is_stopped_also_if_another_answer_resumes_its_turn",
    ),
    (
        "whoever is asked no more does not ask again",
        "worker:Worker._run",
        "any(wait.decided_by == PARENT for wait in gate.effects.claimed)",
        "False",
        f"{_CRASHES}test_a_child_that_is_given_up_cannot_wait_again",
    ),
    (
        "a tool with a callback is not told by messages",
        "long_running:LongTool.is_told",
        "self.can_look or self.by_callback",
        "self.can_look",
        f"{_CALLBACKS}test_a_message_alone_answers_nothing_for_a_tool_that_has_a_callback_by_now",
    ),
    (
        "a hint that comes late says nothing",
        "incoming:Incoming.record",
        "tool is None or tool.is_told",
        "True",
        f"{_GUARDS}test_a_hint_after_the_end_of_its_wait_says_nothing",
    ),
    (
        "what the source has not ended is not gone on with",
        "incoming:Incoming.record",
        "any(heard)",
        "True",
        f"{_GUARDS}test_a_hint_without_an_answer_claims_nothing",
    ),
    (
        "what is answered already is not looked at again",
        "incoming:Incoming._record_one",
        "wait is None or wait.status != Status.PENDING",
        "wait is None",
        f"{_GUARDS}test_an_answered_wait_is_not_looked_at_again",
    ),
    (
        "what is not recorded yet is made up for",
        "incoming:Incoming._record_one",
        "wait is None or wait.status != Status.PENDING",
        "wait is not None and wait.status != Status.PENDING",
        f"{_GUARDS}test_a_message_that_comes_before_its_record_has_the_source_looked_at_later",
    ),
    (
        "only a tool that looks can be hinted by another name",
        "worker:Worker.look",
        "tool is None or not tool.can_look",
        "tool is None",
        f"{_GUARDS}test_a_hint_by_name_for_a_tool_that_cannot_look_is_a_dead_letter_at_once",
    ),
    (
        "a hint for no tool is malformed",
        "worker:Worker.look",
        'raise MalformedMessageError("toolName: not a tool that is looked at")',
        "return",
        f"{_JOBS}test_a_hint_about_nothing_of_ours_is_a_dead_letter_at_once",
    ),
    (
        "a hint about nothing of the tool's is malformed",
        "worker:Worker.look",
        'raise MalformedMessageError(f"about: {problem}") from problem',
        "raise",
        f"{_JOBS}test_a_hint_about_nothing_of_ours_is_a_dead_letter_at_once",
    ),
    (
        "a tool that finds nothing by another name says so",
        "long_running:LongTool.place_of",
        '"locate" not in self.hooks',
        "False",
        f"{_GUARDS}test_a_hint_for_a_tool_that_finds_nothing_by_name_is_a_dead_letter_at_once",
    ),
    (
        "an input that fits no more ends the wait",
        "incoming:_look",
        """
        except CannotStart as problem:
            return tool_result(wait.tool_use_id, "error", str(problem))
        """,
        """
        except CannotStart:
            raise
        """,
        f"{_GUARDS}test_a_tool_that_changed_meanwhile_ends_its_waits_with_an_error",
    ),
)

_SWEEPS = of_code(
    (
        "the sweeper has sources looked at",
        "sweeper:Sweeper._look_after",
        """
        if approval.call is None:
            return self._hint(approval, now)
        """,
        "",
        f"{_JOBS}test_a_lost_message_is_found_by_the_sweeper",
    ),
    (
        "a source is asked first after five minutes",
        "long_running:",
        "FIRST_LOOK = timedelta(minutes=5)",
        "FIRST_LOOK = timedelta(minutes=4)",
        f"{_JOBS}test_a_lost_message_is_found_by_the_sweeper",
    ),
    (
        "a source is asked first when its tool says so",
        "long_running:LongTool._first_look",
        "self.look_at is None",
        "True",
        f"{_TIMERS}test_it_is_never_early_and_at_most_one_sweep_late",
    ),
    (
        "a source is asked ever more rarely",
        "sweeper:Sweeper._hint",
        "min(max(now - wait.requested_at, MIN_LOOK_SECONDS), MAX_LOOK_SECONDS)",
        "MIN_LOOK_SECONDS",
        f"{_JOBS}test_a_source_is_asked_ever_more_rarely_and_no_mail_goes",
    ),
    (
        "a source is asked once an hour at least",
        "sweeper:Sweeper._hint",
        "min(max(now - wait.requested_at, MIN_LOOK_SECONDS), MAX_LOOK_SECONDS)",
        "max(now - wait.requested_at, MIN_LOOK_SECONDS)",
        f"{_JOBS}test_a_source_is_asked_ever_more_rarely_and_no_mail_goes",
    ),
    (
        "a source is asked at the end, not later",
        "sweeper:Sweeper._hint",
        "min(now + waited, wait.decide_by)",
        "now + waited",
        f"{_GUARDS}test_the_last_look_is_at_the_end_however_long_after_the_one_before",
    ),
    (
        "a source is asked once more before its wait expires",
        "sweeper:Sweeper._look_after",
        "approval.decide_by <= now and not _is_looked_at_once_more(approval)",
        "approval.decide_by <= now",
        f"{_JOBS}test_at_its_end_it_is_looked_at_once_more_before_it_expires",
    ),
    (
        "a last look has some minutes",
        "sweeper:Sweeper._hint",
        """
        if wait.decide_by <= now:
            until = now + LAST_LOOK_SECONDS
        """,
        "",
        f"{_JOBS}test_a_source_that_stays_silent_expires_with_the_tools_own_words_and_is_stopped",
    ),
    (
        "there is one last look",
        "sweeper:_is_looked_at_once_more",
        "(wait.due_at or 0) <= wait.decide_by",
        "True",
        f"{_JOBS}test_a_source_that_stays_silent_expires_with_the_tools_own_words_and_is_stopped",
    ),
    (
        "what has no source has no last look",
        "sweeper:_is_looked_at_once_more",
        "wait.remind_at is not None",
        "True",
        "flow/test_waits.py::test_a_result_after_the_end_of_its_wait_is_kept_as_a_dead_letter",
    ),
    (
        "no person is looked at once more",
        "sweeper:_is_looked_at_once_more",
        "wait.call is None",
        "True",
        f"{_GUARDS}test_a_question_whose_reminder_is_late_expires_all_the_same",
    ),
    (
        "a wait that is no approval is open elsewhere",
        "item:to_item",
        'f"{shard}" if wait.call else f"{TOOL_SHARD}{shard}"',
        'f"{shard}"',
        f"{_JOBS}test_an_open_job_is_no_open_approval",
    ),
    (
        "only approvals are counted as open ones",
        "audit:Audit.open_approvals",
        "APPROVAL_SHARDS",
        "SHARDS",
        f"{_JOBS}test_an_open_job_is_no_open_approval",
    ),
    (
        "the sweeper reads all shards",
        "open_waits:",
        'SHARDS = (*APPROVAL_SHARDS, *(f"{TOOL_SHARD}{shard}" for shard in APPROVAL_SHARDS))',
        "SHARDS = APPROVAL_SHARDS",
        f"{_JOBS}test_a_lost_message_is_found_by_the_sweeper",
    ),
)

_ENDS = of_code(
    (
        "what expires is stopped",
        "incoming:Incoming.end_all",
        "self._stop(tool, wait, session, pending)",
        "",
        f"{_JOBS}test_a_source_that_stays_silent_expires_with_the_tools_own_words_and_is_stopped",
    ),
    (
        "an expired wait has ended",
        "incoming:",
        "ENDED = (Status.EXPIRED, Status.CANCELLED)",
        "ENDED = (Status.CANCELLED,)",
        f"{_JOBS}test_a_source_that_stays_silent_expires_with_the_tools_own_words_and_is_stopped",
    ),
    (
        "a cancelled wait has ended",
        "incoming:",
        "ENDED = (Status.EXPIRED, Status.CANCELLED)",
        "ENDED = (Status.EXPIRED,)",
        f"{_AGENTS}test_a_parent_that_is_cancelled_withdraws_what_its_child_asks",
    ),
    (
        "what expires is stopped also while its turn waits for more",
        "worker:Worker.go_on",
        "self.incoming.end(session, agent, pending)",
        "",
        f"{_JOBS}test_work_is_stopped_as_soon_as_its_wait_ends_without_a_result",
    ),
    (
        "what is answered is not stopped",
        "incoming:Incoming.end_all",
        "wait.status in ENDED",
        "True",
        f"{_JOBS}test_work_is_stopped_as_soon_as_its_wait_ends_without_a_result",
    ),
    (
        "what is answered is not stopped at the claim",
        "incoming:Incoming.end_all",
        "pending and tool and wait.status in ENDED",
        "pending and tool",
        f"{_GUARDS}test_a_tool_whose_result_a_message_brings_is_stopped_only_without_one",
    ),
    (
        "a failure to stop is only logged",
        "incoming:Incoming._stop",
        """
        except Exception as error:
            ids = {"session_id": wait.session_id, "tool_use_id": wait.tool_use_id}
            _logger.warning("not stopped", extra={**facts_of(error), **ids})
        """,
        """
        except Exception:
            raise
        """,
        f"{_JOBS}test_a_cancel_that_fails_is_logged_and_the_agent_goes_on",
    ),
    (
        "the model reads the tool's own words",
        "worker:Worker._results",
        "tool.expired if tool else None",
        "None",
        f"{_JOBS}test_a_source_that_stays_silent_expires_with_the_tools_own_words_and_is_stopped",
    ),
)

_OTHER_AGENTS = of_code(
    (
        "a child begins only while its parent waits",
        "worker:Worker.start",
        "task.parent and not self.ending.is_awaited(task.parent)",
        "False",
        f"{_AGENTS}test_a_child_whose_parent_gave_up_before_it_began_never_runs",
    ),
    (
        "a child asks nobody for a parent that gave up meanwhile",
        "worker:Worker.ask",
        "not self.withdraw_if_given_up(saved)",
        "True",
        f"{_AGENTS}test_a_child_whose_parent_gives_up_while_it_runs_asks_nobody",
    ),
    (
        "a child that died asks nobody for a parent that gave up",
        "recovery:finish_pause",
        "session.status == WAITING and not worker.withdraw_if_given_up(session)",
        "session.status == WAITING",
        f"{_GUARDS}test_a_child_that_died_asks_nobody_once_its_parent_gave_up",
    ),
    (
        "a cancel is true only if the parent's record says so",
        "worker:Worker.withdraw_if_given_up",
        "session.parent is None or self.ending.is_awaited(session.parent)",
        "session.parent is None",
        f"{_AGENTS}test_a_forged_cancel_cancels_nothing",
    ),
    (
        "a parent waits while its record is pending",
        "ending:Ending.is_awaited",
        "wait is not None and wait.status == Status.PENDING",
        "wait is not None",
        f"{_AGENTS}test_a_parent_that_is_cancelled_withdraws_what_its_child_asks",
    ),
    (
        "a parent whose record is gone waits no more",
        "ending:Ending.is_awaited",
        "wait is not None and wait.status == Status.PENDING",
        "wait is None or wait.status == Status.PENDING",
        f"{_GUARDS}test_a_task_of_a_parent_that_there_is_not_never_runs",
    ),
    (
        "a cancel for a session of its own is malformed",
        "worker:Worker.cancel",
        'raise MalformedMessageError("session_id: no other agent asked for this session")',
        "return",
        f"{_AGENTS}test_a_forged_cancel_cancels_nothing",
    ),
    (
        "a cancel for a session that has not begun is no fault",
        "worker:Worker.cancel",
        "session is None",
        "False",
        f"{_AGENTS}test_a_forged_cancel_cancels_nothing",
    ),
    (
        "what is withdrawn is recorded before",
        "asking:Asking._withdraw",
        "recorded, is_first = self.answers.put_if_absent(cancelled)",
        "recorded, is_first = cancelled, True",
        f"{_AGENTS}test_a_child_whose_parent_gives_up_while_it_runs_asks_nobody",
    ),
    (
        "a child goes on with what is withdrawn",
        "worker:Worker.withdraw_if_given_up",
        "self.send_message(wake_up_message(wait))",
        "",
        f"{_AGENTS}test_a_parent_that_is_cancelled_withdraws_what_its_child_asks",
    ),
    (
        "a parent hears of its child's end",
        "ending:Ending.tell",
        "self._tell_parent(session.parent)",
        "",
        f"{_AGENTS}test_another_agents_end_is_the_answer",
    ),
    (
        "a parent is told after the save",
        "worker:Worker.start",
        "saved = self.sessions.create(self._after(agent, run, gate, delivery, new))",
        """
        after = self._after(agent, run, gate, delivery, new)
        if not after.pending:
            self.ending.tell(after)
        saved = self.sessions.create(after)
        """,
        f"{_GUARDS}test_a_parent_is_told_by_a_child_that_is_saved",
    ),
    (
        "a parent is told after the save of a resumed child, too",
        "worker:Worker.go_on",
        "saved = self._resume_claimed(session, claimed, delivery)",
        """
        if session.parent:
            self.ending.tell(session)
        saved = self._resume_claimed(session, claimed, delivery)
        """,
        f"{_GUARDS}test_a_parent_is_told_by_a_child_that_is_saved_again",
    ),
    (
        "a parent is told again by a redelivery",
        "recovery:finish_pause",
        "worker.ending.tell(session)",
        "",
        f"{_GUARDS}test_a_child_that_dies_before_it_tells_its_parent_tells_it_later",
    ),
    (
        "a child's wait ends before its parent's",
        "asking:Asking._scheduled",
        "times = times.ending_by(session.parent.decide_by - ENDS_BEFORE_PARENT_SECONDS)",
        "",
        f"{_AGENTS}test_a_parent_that_expires_takes_its_childs_question_with_it",
    ),
    (
        "a child's wait ends in time for its parent to hear",
        "asking:",
        "ENDS_BEFORE_PARENT_SECONDS = 300",
        "ENDS_BEFORE_PARENT_SECONDS = 0",
        f"{_AGENTS}test_a_parent_that_expires_takes_its_childs_question_with_it",
    ),
    (
        "nothing is due after an end that comes earlier",
        "timeouts:Schedule.ending_by",
        "at if at and at < latest else None",
        "at",
        "unit/test_timeouts.py::test_a_wait_for_another_agent_ends_before_that_one_does",
    ),
    (
        "an end that comes earlier anyway stays",
        "timeouts:Schedule.ending_by",
        "self.decide_by <= latest",
        "False",
        f"{_GUARDS}test_a_parent_is_told_by_a_child_that_is_saved_again",
    ),
    (
        "agents ask one another three deep",
        "ask_agent:make_ask_agent",
        "depth > MAX_DEPTH",
        "False",
        f"{_AGENTS}test_agents_ask_one_another_three_deep_at_most",
    ),
    (
        "each level counts",
        "ask_agent:make_ask_agent",
        "(wait.depth or 0) + 1",
        "1",
        f"{_AGENTS}test_agents_ask_one_another_three_deep_at_most",
    ),
    (
        "a record knows how deep it is",
        "asking:Asking._made",
        "session.parent.depth if session.parent else None",
        "None",
        f"{_AGENTS}test_agents_ask_one_another_three_deep_at_most",
    ),
    (
        "a session asks five times",
        "ask_agent:make_ask_agent",
        "long_running(within=timedelta(days=7), most=MAX_ASKS)",
        "long_running(within=timedelta(days=7))",
        f"{_AGENTS}test_a_session_asks_five_times_at_most",
    ),
    (
        "only agents that there are can be asked",
        "ask_agent:make_ask_agent",
        "one_of(names)",
        '"other"',
        f"{_AGENTS}test_an_agent_that_does_not_exist_is_an_error_at_once",
    ),
    (
        "the other agent's session has the wait's name",
        "ask_agent:make_ask_agent",
        "build_new(task, wait.name, name, parent, wait.requested_by)",
        "build_new(task, wait.tool_use_id, name, parent, wait.requested_by)",
        f"{_AGENTS}test_another_agents_end_is_the_answer",
    ),
    (
        "a start that is repeated asks the same session",
        "recovery:_is_task_of",
        "session.task_digest == digest_of(task)",
        "False",
        f"{_GUARDS}test_a_task_that_comes_again_is_the_same_one_and_no_dead_letter",
    ),
    (
        "another agent has answered once it has ended",
        "ask_agent:make_ask_agent",
        "session is None or session.status != sessions.COMPLETED",
        "session is None",
        f"{_AGENTS}test_a_forged_answer_says_nothing",
    ),
    (
        "another agent that has not begun has no answer",
        "ask_agent:make_ask_agent",
        "session is None or session.status != sessions.COMPLETED",
        "session.status != sessions.COMPLETED",
        f"{_GUARDS}test_a_look_before_the_other_agent_has_begun_says_nothing",
    ),
    (
        "another agent's failure is an error",
        "ask_agent:make_ask_agent",
        "session.outcome not in WELL",
        "False",
        f"{_AGENTS}test_another_agent_that_fails_is_an_error",
    ),
    (
        "an agent is told that nobody waits for it",
        "ask_agent:make_ask_agent",
        "send_message(build_cancel(wait.name))",
        "",
        f"{_AGENTS}test_a_parent_that_is_cancelled_withdraws_what_its_child_asks",
    ),
    (
        "a result is for the agent of the session",
        "worker:Worker.resume",
        "results.agent_name not in (None, session.agent_name)",
        "False",
        f"{_AGENTS}test_a_result_for_another_agents_session_is_a_dead_letter",
    ),
    (
        "an agent that there is not is malformed",
        "worker:Worker.agent_named",
        "raise MalformedMessageError(str(error)) from error",
        "raise",
        f"{_AGENTS}test_a_message_that_names_no_agent_of_ours_is_a_dead_letter",
    ),
    (
        "a task is for the agent that it names",
        "worker:Worker.start",
        "self.agent_named(task.agent_name)",
        "self.agent_named(None)",
        f"{_AGENTS}test_a_task_names_its_agent",
    ),
    (
        "what a message brings is for the session's agent",
        "worker:Worker.resume",
        "self.agent_named(session.agent_name)",
        "self.agent_named(None)",
        f"{_GUARDS}test_each_session_goes_on_with_the_agent_that_it_began_with",
    ),
    (
        "a session goes on with its agent",
        "worker:Worker._resume_claimed",
        "self.agent_named(session.agent_name)",
        "self.agent_named(None)",
        f"{_GUARDS}test_each_session_goes_on_with_the_agent_that_it_began_with",
    ),
    (
        "a session is asked for by its agent",
        "worker:Worker.ask",
        "self.agent_named(saved.agent_name)",
        "self.agent_named(None)",
        f"{_GUARDS}test_each_session_goes_on_with_the_agent_that_it_began_with",
    ),
    (
        "a session is found by its id alone",
        "worker:Worker._load",
        "self.sessions.find(session_id)",
        "self.sessions.load(session_id, self.agents.named(None).name)",
        f"{_AGENTS}test_a_person_is_asked_for_days_by_the_other_agent_and_its_post_is_told",
    ),
    (
        "a session is found as it was last saved",
        "sessions:SessionStore.find",
        """
        found = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="session_id = :s",
            ExpressionAttributeValues={":s": {"S": session_id}},
            ConsistentRead=True,
            Limit=1,
        )
        """,
        """
        found = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="session_id = :s",
            ExpressionAttributeValues={":s": {"S": session_id}},
            ConsistentRead=False,
            Limit=1,
        )
        """,
        f"{_GUARDS}test_a_session_is_found_as_it_was_last_saved",
    ),
    (
        "a parent is described in full",
        "messages:_parse_parent",
        '_expect(is_number, f"parent.{name}", "a whole number above 0", value)',
        "",
        f"{_AGENTS}test_a_message_that_names_no_agent_of_ours_is_a_dead_letter",
    ),
)

_TIMER = of_code(
    (
        "a timer is never early",
        "agent.wait_until:look",
        "_ahead(time) <= timedelta()",
        "True",
        f"{_TIMERS}test_a_hint_before_its_time_does_nothing",
    ),
    (
        "a timer looks at its time",
        "agent.wait_until:wait_until",
        "lambda time: time",
        "None",
        f"{_TIMERS}test_it_is_never_early_and_at_most_one_sweep_late",
    ),
    (
        "a time that is past needs no wait",
        "agent.wait_until:check",
        "_ahead(time) <= timedelta()",
        "False",
        f"{_TIMERS}test_a_time_that_is_past_answers_at_once",
    ),
    (
        "a timer is five years at most",
        "agent.wait_until:check",
        "_ahead(time) > LONGEST",
        "False",
        f"{_TIMERS}test_a_time_beyond_five_years_is_an_error_at_once",
    ),
    (
        "a timer of five years is in bounds",
        "agent.wait_until:wait_until",
        "min(_ahead(time) + timedelta(hours=1), LONGEST)",
        "_ahead(time) + timedelta(hours=1)",
        f"{_TIMERS}test_it_is_never_early_and_at_most_one_sweep_late",
    ),
    (
        "a time without a zone is UTC for the timer",
        "agent.wait_until:_ahead",
        "time if time.tzinfo else time.replace(tzinfo=UTC)",
        "time",
        f"{_TIMERS}test_a_time_without_a_zone_is_utc",
    ),
)

_JOB = of_code(
    (
        "a job is named after its wait",
        "run_job:make_run_job",
        "wait.name",
        "wait.tool_use_id",
        f"{_RUN_JOB}test_an_execution_is_named_after_the_wait",
    ),
    (
        "a job that exists already has been started",
        "run_job:make_run_job",
        """
        except states().exceptions.ExecutionAlreadyExists:
            pass
        """,
        """
        except states().exceptions.ExecutionAlreadyExists:
            raise
        """,
        f"{_RUN_JOB}test_one_that_exists_was_started_by_an_earlier_attempt",
    ),
    (
        "a job that is not there yet has no answer",
        "run_job:make_run_job",
        """
        except states().exceptions.ExecutionDoesNotExist:
            return None
        """,
        """
        except states().exceptions.ExecutionDoesNotExist:
            raise
        """,
        f"{_RUN_JOB}test_one_that_is_not_there_yet_has_no_answer",
    ),
    (
        "a job that runs has no answer",
        "run_job:make_run_job",
        """
        case "RUNNING" | "PENDING_REDRIVE":
            return None
        """,
        """
        case "RUNNING":
            return None
        """,
        f"{_RUN_JOB}test_a_running_execution_has_no_answer",
    ),
    (
        "a job's bad end is a failure",
        "run_job:make_run_job",
        """Result(f"{found['status']}: {why or 'no reason given'}", failed=True)""",
        """Result(f"{found['status']}: {why or 'no reason given'}")""",
        f"{_RUN_JOB}test_another_end_is_a_failure_that_says_why",
    ),
    (
        "a foreign execution is no job",
        "run_job:make_run_job",
        'error.response["Error"]["Code"] not in UNKNOWN',
        "True",
        f"{_RUN_JOB}test_a_foreign_execution_is_no_job_of_ours",
    ),
    (
        "a throttled look is no foreign execution",
        "run_job:make_run_job",
        'error.response["Error"]["Code"] not in UNKNOWN',
        "False",
        f"{_RUN_JOB}test_a_throttled_lookup_is_a_fault",
    ),
    (
        "an execution without a wait is no job",
        "run_job:make_run_job",
        """
        except (ValueError, KeyError, TypeError):
            pass
        """,
        """
        except ValueError:
            pass
        """,
        f"{_RUN_JOB}test_a_foreign_execution_is_no_job_of_ours",
    ),
    (
        "a job that nobody waits for is stopped",
        "run_job:make_run_job",
        "states().stop_execution(executionArn=_execution(machines[job], wait))",
        "",
        f"{_RUN_JOB}test_it_is_stopped_when_nobody_waits_any_more",
    ),
)

_CALLBACK = of_code(
    (
        "a callback is no approval's page",
        "callbacks:is_callback",
        'event.get("routeKey") == ROUTE',
        "False",
        f"{_CALLBACKS}test_a_system_answers_and_the_agent_goes_on",
    ),
    (
        "a token that is not ours is no callback",
        "callbacks:_link",
        "raise RefusedError(404, NOT_FOUND) from error",
        "raise",
        f"{_CALLBACKS}test_whatever_is_no_callback_is_one_404",
    ),
    (
        "a callback's token ends with its wait",
        "callbacks:_link",
        "link.expires_at <= now",
        "False",
        f"{_CALLBACKS}test_nobody_waits_any_more",
    ),
    (
        "an approval's token is no callback",
        "callbacks:_recorded",
        'done.approval is None or done.outcome == "unknown"',
        "done.approval is None",
        f"{_CALLBACKS}test_whatever_is_no_callback_is_one_404",
    ),
    (
        "another answer is a conflict",
        "callbacks:_recorded",
        'case "conflict":\n    raise RefusedError(409, OTHER)',
        'case "nothing":\n    pass',
        f"{_CALLBACKS}test_the_first_answer_wins",
    ),
    (
        "an answer after the end of its wait is too late",
        "callbacks:_recorded",
        'case "expired":\n    raise RefusedError(410, OVER)',
        'case "nothing":\n    pass',
        f"{_CALLBACKS}test_nobody_waits_any_more",
    ),
    (
        "an answer is recorded before it is told",
        "callbacks:answer",
        "wait = _recorded(services, event, now)",
        """
        link = _link(services, event, now)
        wait = services.approvals.get(link.session_id, link.tool_use_id)
        services.sqs.send_message(
            QueueUrl=services.task_queue_url, MessageBody=wake_up_message(wait)
        )
        wait = _recorded(services, event, now)
        """,
        f"{_GUARDS}test_an_answer_that_is_not_recorded_is_not_told_either",
    ),
    (
        "a system hears that its answer was not told",
        "callbacks:answer",
        "return http.json_answer(503, {'error': NOT_SENT}, retry_after=RETRY_AFTER_SECONDS)",
        "pass",
        f"{_CALLBACKS}test_the_queue_fails_after_the_record",
    ),
    (
        "a callback is JSON",
        "callbacks:_fields",
        'content_type != "application/json"',
        "False",
        f"{_CALLBACKS}test_what_cannot_be_read_changes_nothing_and_says_why",
    ),
    (
        "a callback's body is not too long",
        "callbacks:_fields",
        'len(http.body_text(event).encode(errors="surrogatepass")) > MAX_BODY_BYTES',
        "False",
        f"{_GUARDS}test_an_answer_as_long_as_may_be_is_taken_and_no_longer_one",
    ),
    (
        "a body that is far too long is not decoded",
        "callbacks:_fields",
        'len(event.get("body") or "") > 2 * MAX_BODY_BYTES',
        "False",
        f"{_GUARDS}test_what_is_far_too_long_is_not_even_decoded",
    ),
    (
        "a callback takes nothing from the query",
        "callbacks:_fields",
        "http.no_query(event)",
        "",
        f"{_CALLBACKS}test_an_answer_in_the_query_is_none",
    ),
    (
        "a callback has no field that is not known",
        "callbacks:_fields",
        "http.only_known(fields, FIELDS)",
        "",
        f"{_CALLBACKS}test_what_cannot_be_read_changes_nothing_and_says_why",
    ),
    (
        "a callback says how it went",
        "callbacks:_fields",
        'fields.get("status") not in STATUSES',
        "False",
        f"{_CALLBACKS}test_what_cannot_be_read_changes_nothing_and_says_why",
    ),
    (
        "a callback has a result",
        "callbacks:_fields",
        '"result" not in fields',
        "False",
        f"{_CALLBACKS}test_what_cannot_be_read_changes_nothing_and_says_why",
    ),
    (
        "a callback's text is Unicode",
        "callbacks:_text",
        'raise RefusedError(400, "result: expected valid Unicode") from error',
        "pass",
        f"{_CALLBACKS}test_what_cannot_be_read_changes_nothing_and_says_why",
    ),
    (
        "a callback's text is not blank",
        "callbacks:_text",
        "not text.strip()",
        "False",
        f"{_CALLBACKS}test_what_cannot_be_read_changes_nothing_and_says_why",
    ),
    (
        "a callback's token gets no page back",
        "reviewing:_ask_again",
        "approval is not None and approval.call is not None and approval.is_open(now)",
        "approval is not None and approval.is_open(now)",
        f"{_CALLBACKS}test_a_link_of_what_is_no_approval_has_no_page",
    ),
    (
        "an answer to an approval is none",
        "waits.answers:Answers.answer",
        "old is None or old.call is not None",
        "old is None",
        f"{_CALLBACKS}test_whatever_is_no_callback_is_one_404",
    ),
    (
        "an answer that comes late is told apart from another one",
        "waits.answers:Answers.answer",
        "old.status != Status.RESOLVED",
        "False",
        f"{_CALLBACKS}test_nobody_waits_any_more",
    ),
    (
        "the same answer again is no other one",
        "waits.answers:Answers.answer",
        '"repeated" if old.result == result else "conflict"',
        '"conflict"',
        f"{_CALLBACKS}test_the_first_answer_wins",
    ),
    (
        "another answer is not the same again",
        "waits.answers:Answers.answer",
        '"repeated" if old.result == result else "conflict"',
        '"repeated"',
        f"{_CALLBACKS}test_the_first_answer_wins",
    ),
)

WAITS: tuple[Mutant, ...] = (
    *_DEFINITIONS,
    *_BEFORE_THE_PAUSE,
    *_HINTS,
    *_SWEEPS,
    *_ENDS,
    *_OTHER_AGENTS,
    *_TIMER,
    *_JOB,
    *_CALLBACK,
)
