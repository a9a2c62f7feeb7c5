"""The local stack: what the scripted model plays, and what becomes running code while one edits."""

from mutants import Mutant, of_file

LOCAL: tuple[Mutant, ...] = (
    *of_file(
        "src/agent/scripted_player.py",
        (
            "the same call is not made twice",
            "    return tool_input if is_new else None",
            "    return tool_input",
            "unit/test_scripted_player.py::test_the_same_call_is_not_made_twice",
        ),
        (
            "after three denials a tool is left alone",
            " or denials >= MAX_DRAFTS):",
            "):",
            "unit/test_scripted_player.py::"
            "test_a_denial_is_answered_with_the_comment_twice_at_most",
        ),
        (
            "a call that nobody decides ends the script",
            "if not any(made.verdict in STOPS for made in calls):",
            "if True:",
            "flow/test_scripted_tools.py::test_a_call_that_nobody_decides_ends_the_script",
        ),
    ),
    *of_file(
        "src/agent/scripted_values.py",
        (
            "a text goes only where it fits",
            "if self._validator.is_valid(with_text):",
            "if True:",
            "unit/test_scripted_values.py::test_a_text_that_does_not_fit_is_left_out",
        ),
        (
            "an input that does not fit is never played",
            "if error := jsonschema.exceptions.best_match(self._validator.iter_errors(made)):",
            "if error := None:",
            "unit/test_scripted_values.py::"
            "test_what_no_value_is_known_for_is_said_with_its_place",
        ),
    ),
    *of_file(
        "src/agent/scripted_turns.py",
        (
            "a tool that is not there is named",
            'if block["tool"] not in tool_names]:',
            "if False]:",
            "unit/test_scripted_turns.py::"
            "test_an_unknown_tool_is_named_beside_those_that_there_are",
        ),
    ),
    *of_file(
        "local/reload.py",
        (
            "code that cannot be imported is not taken over",
            "            if name in problems:",
            "            if False:",
            "unit/test_local_reload.py::test_a_mistake_is_said_and_nothing_is_taken_over",
        ),
        (
            "a layer is taken over with all that changed beside it or not at all",
            "        if layers and problems:",
            "        if False:",
            "unit/test_local_reload.py::"
            "test_a_layer_that_a_function_cannot_import_is_not_taken_over",
        ),
    ),
    *of_file(
        "local/trial_process.py",
        (
            "what is imported only later is tried too",
            "for name in sorted(_imported(trees) & _own_modules(parts)):",
            "for name in ():",
            "unit/test_local_reload.py::test_a_module_that_is_imported_only_later_is_tried_too",
        ),
    ),
    *of_file(
        "local/early_failures.py",
        (
            "a message whose function spoke is left alone",
            'if message["visible_at"] == until:',
            "if True:",
            "unit/test_local_reload.py::"
            "test_a_message_whose_function_said_when_it_comes_back_is_left_alone",
        ),
        (
            "a try that no function took is not counted",
            'message["receive_count"] -= 1',
            'message["receive_count"] -= 0',
            "unit/test_local_reload.py::"
            "test_a_message_that_nobody_took_comes_back_in_seconds_and_uncounted",
        ),
    ),
    *of_file(
        "local/endings.py",
        (
            "a model's words do not steer the terminal",
            "c if c.isprintable() else",
            "c if True else",
            "unit/test_local_parts.py::test_an_ending_is_one_line_that_no_terminal_obeys",
        ),
    ),
    *of_file(
        "local/lifecycle.py",
        (
            "a deleted folder that is another run's by now is left alone",
            "if _is_held(lock, path) or not path.exists():",
            "if True:",
            "unit/test_local_parts.py::"
            "test_a_run_whose_folder_was_deleted_leaves_the_next_ones_alone",
        ),
    ),
)
