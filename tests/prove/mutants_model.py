"""Guards of the model that no other table switches off."""

from mutants import LAYER, of_file

MODEL = (
    *of_file(
        LAYER + "approvals.py",
        (
            "a question is put once",
            "ConditionExpression=_IF_ABSENT,",
            'ConditionExpression="attribute_not_exists(nothing)",',
            "unit/test_approvals.py::test_the_first_put_counts",
        ),
        (
            "a claim is conditional on what is over by then",
            'same += " AND attribute_not_exists(acknowledged)"',
            'same += ""',
            "flow/test_early_messages.py::"
            "test_a_message_that_is_over_while_it_claims_does_not_claim",
        ),
    ),
    *of_file(
        LAYER + "approval_item.py",
        (
            "a question is open from the moment that it is put",
            'item["open_shard"] = ',
            'item["nothing"] = ',
            "flow/test_sweep.py::"
            "test_an_approval_that_nobody_decides_expires_and_the_agent_goes_on",
        ),
    ),
    *of_file(
        "src/agent/worker.py",
        (
            "a pause that was cut off is finished",
            "not_started = self.pausing.finish(session, notify_again=made_it)",
            "not_started: list[str] = []",
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "who paused notifies until it succeeds",
            "notify_again=made_it",
            "notify_again=False",
            "flow/test_detours.py::test_a_failed_notification_is_tried_again",
        ),
        (
            "an older worker saves nothing",
            "            self.sessions.fence_off(session, fence)\n",
            "            pass\n",
            "flow/test_overtaken.py::test_a_worker_that_was_overtaken_saves_nothing",
        ),
    ),
    *of_file(
        "src/sweeper/sweeper.py",
        (
            "what nobody decided has an end",
            "return self._expire(approval, now)",
            'return "nothing"',
            "flow/test_sweep.py::"
            "test_an_approval_that_nobody_decides_expires_and_the_agent_goes_on",
        ),
    ),
    *of_file(
        "src/agent/tool_results.py",
        (
            "the saved call runs, whatever the model says next",
            "status, text = gate.spend_and_perform(approval)",
            'status, text = "success", "Published."',
            "unit/test_tool_results.py::test_spent_redoes_the_effect_and_says_so",
        ),
    ),
)
