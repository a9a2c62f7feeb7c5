"""The local stack: what the scripted model plays, and what becomes running code while one edits."""

from mutants import Mutant, of_code

LOCAL: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "the same call is not made twice",
            "player:_next_input",
            "tool_input if is_new else None",
            "tool_input",
            "unit/test_scripted_player.py::test_the_same_call_is_not_made_twice",
        ),
        (
            "after three denials a tool is left alone",
            "player:_next_input",
            'earlier[-1].verdict != "denied" or denials >= MAX_DRAFTS',
            'earlier[-1].verdict != "denied"',
            "unit/test_scripted_player.py::"
            "test_a_denial_is_answered_with_the_comment_twice_at_most",
        ),
        (
            "a call that nobody decides ends the script",
            "player:play",
            "not any(made.verdict in STOPS for made in calls)",
            "True",
            "flow/test_scripted_tools.py::test_a_call_that_nobody_decides_ends_the_script",
        ),
        (
            "a text goes only where it fits",
            "values:_Maker.make",
            "self._validator.is_valid(with_text)",
            "True",
            "unit/test_scripted_values.py::test_a_text_that_does_not_fit_is_left_out",
        ),
        (
            "an input that does not fit is never played",
            "values:_Maker.make",
            "jsonschema.exceptions.best_match(self._validator.iter_errors(made))",
            "None",
            "unit/test_scripted_values.py::test_what_no_value_is_known_for_is_said_with_its_place",
        ),
        (
            "a tool that is not there is named",
            "turns:play",
            'block["tool"] not in tool_names',
            "False",
            "unit/test_scripted_turns.py::"
            "test_an_unknown_tool_is_named_beside_those_that_there_are",
        ),
        (
            "code that cannot be imported is not taken over",
            "reload:Reloader._take",
            "name in problems",
            "False",
            "unit/test_local_reload.py::test_a_mistake_is_said_and_nothing_is_taken_over",
        ),
        (
            "a layer is taken over with all that changed beside it or not at all",
            "reload:Reloader._take",
            "layers and problems",
            "False",
            "unit/test_local_reload.py::"
            "test_a_layer_that_a_function_cannot_import_is_not_taken_over",
        ),
        (
            "what is imported only later is tried too",
            "trial_process:main",
            "sorted(_imported(trees) & _own_modules(parts))",
            "()",
            "unit/test_local_reload.py::test_a_module_that_is_imported_only_later_is_tried_too",
        ),
        (
            "a message whose function spoke is left alone",
            "early_failures:give_back",
            'message["visible_at"] == until',
            "True",
            "unit/test_local_reload.py::"
            "test_a_message_whose_function_said_when_it_comes_back_is_left_alone",
        ),
        (
            "a try that no function took is not counted",
            "early_failures:give_back",
            'message["receive_count"] -= 1',
            'message["receive_count"] -= 0',
            "unit/test_local_reload.py::"
            "test_a_message_that_nobody_took_comes_back_in_seconds_and_uncounted",
        ),
        (
            "a model's words do not steer the terminal",
            "endings:ending",
            "c.isprintable()",
            "True",
            "unit/test_local_parts.py::test_an_ending_is_one_line_that_no_terminal_obeys",
        ),
        (
            "a deleted folder that is another run's by now is left alone",
            "lifecycle:_own_folder",
            "_is_held(lock, path) or not path.exists()",
            "True",
            "unit/test_local_parts.py::"
            "test_a_run_whose_folder_was_deleted_leaves_the_next_ones_alone",
        ),
    )
)
