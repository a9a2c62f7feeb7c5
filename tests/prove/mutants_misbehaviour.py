"""Models and clocks that misbehave, and the one guard each that stands in their way.

Each test lets a model or a clock do its worst; without the guard it would succeed.
"""

from mutants import LAYER, Mutant

GATE, WORKER = "src/agent/gate.py", "src/agent/worker.py"
APPROVALS, SWEEPER = LAYER + "approvals.py", "src/sweeper/sweeper.py"

MISBEHAVIOUR = (
    Mutant(
        "a model that publishes without asking",
        GATE,
        "registry.add_callback(BeforeToolCallEvent, self.before_tool)",
        "pass",
        "tests/flow/test_detours.py::test_publishing_without_asking_pauses_for_that_exact_call",
    ),
    Mutant(
        "a model that publishes another text than the approved one",
        GATE,
        "same = [a for a in self._approvals_for(call) if call.is_that_of(a)]",
        "same = list(self._approvals_for(call))",
        "tests/flow/test_detours.py::test_publishing_anything_but_what_was_approved_pauses",
    ),
    Mutant(
        "a model that publishes twice",
        GATE,
        "idempotency_key=approval.key)",
        "idempotency_key=uuid.uuid4().hex)",
        "tests/flow/test_detours.py::test_publishing_twice_publishes_once_and_asks_once",
    ),
    Mutant(
        "a model that asks again for what was denied",
        GATE,
        "        if approvals.DENIED in statuses:",
        "        if approvals.DENIED in ():",
        "tests/flow/test_detours.py::test_a_denied_text_is_refused_without_asking_again",
    ),
    Mutant(
        "a model that asks and publishes in one turn",
        GATE,
        "        if call in self._asked:",
        "        if call in ():",
        "tests/flow/test_detours.py::test_asking_and_publishing_in_one_turn_asks_once",
    ),
    Mutant(
        "a model that uses an id again",
        GATE,
        'if use["toolUseId"] in taken or not',
        'if use["toolUseId"] in () or not',
        "tests/flow/test_odd_cases.py::test_an_id_used_in_an_earlier_turn_is_a_question_of_its_own",
    ),
    Mutant(
        "a model that publishes the text from before an edit",
        LAYER + "approval_item.py",
        "return digest(self.text)",
        "return digest(self.content)",
        "tests/flow/test_detours.py::test_after_an_edit_the_asked_text_is_not_published",
    ),
    Mutant(
        "a model that never stops",
        "src/agent/agent_run.py",
        'limits={"turns": agent_definition.MAX_TURNS},',
        'limits={"turns": agent_definition.MAX_TURNS + 9},',
        "tests/flow/test_detours.py::test_a_run_over_its_turns_ends_as_failed",
    ),
    Mutant(
        "a model that forgets a post that was begun",
        WORKER,
        "or approval.status == approvals.SPENT\n            }",
        "\n            }",
        "tests/flow/test_overtaken.py::test_what_an_earlier_turn_approved_and_was_spent_still_happens",
    ),
    Mutant(
        "an API whose clock is behind, after the sweeper has ended it",
        APPROVALS,
        '"#status = :pending AND decide_by > :now AND attribute_exists(#action)"',
        '"(#status = :pending OR attribute_exists(session_id)) AND decide_by > :now '
        'AND attribute_exists(#action)"',
        "tests/flow/test_clocks.py::"
        "test_an_api_that_is_behind_and_the_sweeper_agree_on_one_end[sweep]",
    ),
    Mutant(
        "a sweeper whose clock is ahead",
        "src/approval_api/approval_handler.py",
        '    if outcome == "expired":\n        raise _closed(approval)',
        "",
        "tests/flow/test_clocks.py::"
        "test_a_sweeper_that_is_ahead_ends_it_early_and_a_click_is_too_late",
    ),
    Mutant(
        "an agent whose clock jumps back while a lease is held",
        "src/agent/agent_handler.py",
        "        come_back_after(held.until - time.time() + 1)\n",
        "        come_back_after(1)\n",
        "tests/flow/test_clocks.py::test_a_lease_from_before_the_clock_jumped_back_is_waited_for",
    ),
    Mutant(
        "an API whose clock is ahead of the sweeper's",
        SWEEPER,
        "now < _told_again_at(approval):",
        "now < _told_again_at(approval) - 2 * MAX_RESEND_SECONDS:",
        "tests/flow/test_clocks.py::test_a_decision_from_the_future_is_told_again_in_the_end",
    ),
)
