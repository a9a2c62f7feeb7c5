"""Models and clocks that misbehave, and the one guard each that stands in their way.

Each test lets a model or a clock do its worst; without the guard it would succeed.
"""

from mutants import Mutant, of_code

MISBEHAVIOUR: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "a model that publishes without asking",
            "gate:Gate.register_hooks",
            "registry.add_callback(BeforeToolCallEvent, self.before_tool)",
            "pass",
            "flow/test_detours.py::test_publishing_without_asking_pauses_for_that_exact_call",
        ),
        (
            "a model that publishes another text than the approved one",
            "gate:Gate._known",
            "approval.allows(call)",
            "True",
            "flow/test_detours.py::test_publishing_anything_but_what_was_approved_pauses",
        ),
        (
            "a model that publishes twice",
            "effects:Effects._call",
            "tool.function(**arguments, idempotency_key=approval.key)",
            'tool.function(**arguments, idempotency_key=__import__("uuid").uuid4().hex)',
            "flow/test_detours.py::test_publishing_twice_publishes_once_and_asks_once",
        ),
        (
            "a model that asks again for what was denied",
            "gate:",
            "Status.DENIED",
            "None",
            "flow/test_detours.py::test_a_denied_text_is_refused_without_asking_again",
        ),
        (
            "a model that asks and publishes in one turn",
            "gate:Gate._too_much",
            "any(call.digest == asked.digest for asked in self._asked)",
            "any(())",
            "flow/test_detours.py::test_asking_and_publishing_in_one_turn_asks_once",
        ),
        (
            "a model that uses an id again",
            "tool_uses:name_apart",
            'use["toolUseId"] in taken',
            'use["toolUseId"] in ()',
            "flow/test_odd_cases.py::test_an_id_used_in_an_earlier_turn_is_a_question_of_its_own",
        ),
        (
            "a model that publishes the text from before an edit",
            "item:Wait.allows",
            "self.in_force.digest",
            "self.asked.digest",
            "flow/test_detours.py::test_after_an_edit_the_asked_text_is_not_published",
        ),
        (
            "a model that never stops",
            "agent.run:run_agent",
            '{"turns": definition.max_turns}',
            '{"turns": definition.max_turns + 9}',
            "flow/test_detours.py::test_a_run_over_its_turns_ends_as_failed",
        ),
        (
            "a model that forgets a post that was begun",
            "worker:Worker._results",
            "session.waits_for(wait.tool_use_id) or wait.status == Status.SPENT",
            "session.waits_for(wait.tool_use_id)",
            "flow/test_overtaken.py::"
            "test_what_an_earlier_turn_approved_and_was_spent_still_happens",
        ),
        (
            "an API whose clock is behind, after the sweeper has ended it",
            "waits.answers:Answers.decide",
            '"#status = :pending AND decide_by > :now AND attribute_exists(#action)"',
            '"(#status = :pending OR attribute_exists(session_id)) AND decide_by > :now AND '
            'attribute_exists(#action)"',
            "flow/test_clocks.py::"
            "test_an_api_that_is_behind_and_the_sweeper_agree_on_one_end[sweep]",
        ),
        (
            "a sweeper whose clock is ahead",
            "reviewing:decide",
            """
            case "expired":
                return _closed(request, approval)
            """,
            """
            case "not so":
                pass
            """,
            "flow/test_clocks.py::"
            "test_a_sweeper_that_is_ahead_ends_it_early_and_a_click_is_too_late",
        ),
        (
            "an agent whose clock jumps back while a lease is held",
            "deliveries:Deliveries._take",
            "held.until - self.clock() + 1",
            "1",
            "flow/test_clocks.py::test_a_lease_from_before_the_clock_jumped_back_is_waited_for",
        ),
        (
            "an API whose clock is ahead of the sweeper's",
            "sweeper:Sweeper._look_after",
            "_told_again_at(approval)",
            "_told_again_at(approval) - 2 * MAX_RESEND_SECONDS",
            "flow/test_clocks.py::test_a_decision_from_the_future_is_told_again_in_the_end",
        ),
    )
)
