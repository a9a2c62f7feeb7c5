"""Links, requests, pages, e-mails, and what is logged."""

from mutants import LAYER, Mutant, of_file

API: tuple[Mutant, ...] = (
    *of_file(
        LAYER + "links.py",
        (
            "a signature is compared",
            "if hmac.compare_digest(_signature(key, payload), signature)",
            "if True",
            "unit/test_links.py::test_every_flipped_bit_is_refused",
        ),
        (
            "a signature is compared in constant time",
            "if hmac.compare_digest(_signature(key, payload), signature)",
            "if _signature(key, payload) == signature",
            "unit/test_links.py::test_every_key_is_compared_in_constant_time",
        ),
        (
            "the whole signature counts",
            "hmac.compare_digest(_signature(key, payload), signature)",
            "hmac.compare_digest(_signature(key, payload)[:20], signature[:20])",
            "unit/test_links.py::test_every_flipped_bit_is_refused",
        ),
        (
            "the version is signed and counts",
            "if version != VERSION or key_id not in signers:",
            "if key_id not in signers:",
            "unit/test_links.py::test_a_token_of_another_version_is_refused",
        ),
        (
            "the key id is the signer's",
            "if version != VERSION or key_id not in signers:",
            "if version != VERSION:",
            "unit/test_links.py::test_a_key_under_another_id_is_refused",
        ),
        (
            "a token is matched as a whole",
            "parts = _TOKEN_PATTERN.fullmatch(token)",
            "parts = _TOKEN_PATTERN.match(token)",
            "unit/test_links.py::test_what_is_no_token_is_refused",
        ),
        (
            "a key is long enough",
            "return named and isinstance(key, str) and len(key) >= MIN_KEY_CHARS",
            "return named and isinstance(key, str)",
            "unit/test_links.py::test_a_secret_of_another_form_is_refused",
        ),
        (
            "there are two keys at most",
            "usable = current in keys and len(keys) <= MAX_KEYS",
            "usable = current in keys",
            "unit/test_links.py::test_a_secret_of_another_form_is_refused",
        ),
        (
            "keys are not shown",
            "by_id: dict[str, bytes] = field(repr=False)",
            "by_id: dict[str, bytes] = field()",
            "unit/test_links.py::test_keys_do_not_show_in_a_repr",
        ),
        (
            "a link ends inside the token",
            "fields = [VERSION, session_id, tool_use_id, expires_at, keys.current]",
            "fields = [VERSION, session_id, tool_use_id, 2**40, keys.current]",
            "unit/test_links.py::test_new_links_are_signed_with_the_current_key",
        ),
    ),
    *of_file(
        "src/approval_api/approval_handler.py",
        (
            "a link expires",
            "if link.expires_at <= now:",
            "if False:",
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_an_expired_link_decides_nothing",
        ),
        (
            "a link ends at its second",
            "if link.expires_at <= now:",
            "if link.expires_at < now:",
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_an_expired_link_decides_nothing",
        ),
        (
            "GET changes nothing",
            'case "GET" | "HEAD":\n            return _show(',
            'case "GET" | "HEAD":\n            return _decide(',
            "unit/test_approval_handler.py::TestLooking::test_json_shows_the_same",
        ),
        (
            "OPTIONS changes nothing",
            'case "OPTIONS":\n            return answers.allowed_methods()',
            'case "OPTIONS":\n            return _decide(request, _link(request, now), now)',
            "unit/test_approval_handler.py::TestLooking::test_get_head_and_options_change_nothing",
        ),
        (
            "another method changes nothing",
            'case "POST":\n            return _decide',
            "case _:\n            return _decide",
            "unit/test_approval_handler.py::TestLooking::test_other_methods_are_405",
        ),
        (
            "what is no approval is not shown",
            "if approval is None or not approval.is_approval:",
            "if approval is None:",
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_all_of_them_are_404_with_one_constant_answer",
        ),
        (
            "what is over has no form",
            "return approval.status == PENDING and approval.decide_by > now",
            "return True",
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_a_closed_approval_is_410_and_says_why",
        ),
        (
            "who was too late is told so",
            'if outcome == "expired":\n        raise _closed(approval)',
            "if False:\n        raise _closed(approval)",
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_a_closed_approval_is_410_and_says_why",
        ),
        (
            "the opposite click is told what stands",
            '409 if outcome == "conflict" else 200',
            "200",
            "unit/test_approval_handler.py::"
            "TestDeciding::test_the_opposite_is_409_and_says_what_was_decided",
        ),
        (
            "an unknown link decides nothing",
            'if approval is None or outcome == "unknown":',
            "if approval is None:",
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_all_of_them_are_404_with_one_constant_answer",
        ),
        (
            "a message that was not sent is told",
            "    except decisions.NotSentError as error:",
            "    except ZeroDivisionError as error:",
            "unit/test_approval_handler.py::"
            "TestDeciding::test_the_page_after_a_failed_send_has_a_button_that_sends_again",
        ),
        (
            "a service that fails is told",
            "    except (BotoCoreError, ClientError) as error:",
            "    except ZeroDivisionError as error:",
            "unit/test_approval_handler.py::TestDeciding::test_a_failed_read_or_write_is_503",
        ),
        (
            "HEAD has no body",
            'return {**response, "body": ""} if request.method == "HEAD" else response',
            "return response",
            "unit/test_approval_handler.py::TestLooking::test_head_answers_as_get_without_the_body",
        ),
    ),
    *of_file(
        "src/approval_api/decisions.py",
        (
            "the record comes before the message",
            "        _tell_agent(services, decided.approval)\n    return decided",
            "    return decided",
            "unit/test_approval_handler.py::TestDeciding::test_then_the_agent_is_told",
        ),
        (
            "a repeated click tells the agent again",
            'if decided.approval and decided.outcome in ("decided", "repeated"):',
            'if decided.approval and decided.outcome == "decided":',
            "unit/test_approval_handler.py::"
            "TestDeciding::test_the_same_again_is_200_after_the_effect_too",
        ),
        (
            "a conflict tells the agent nothing",
            'if decided.approval and decided.outcome in ("decided", "repeated"):',
            "if decided.approval:",
            "unit/test_approval_handler.py::"
            "TestDeciding::test_the_opposite_is_409_and_says_what_was_decided",
        ),
        (
            "a denial carries no edit",
            'if choice.content is None or choice.decision != "approved":',
            "if choice.content is None:",
            "unit/test_approval_handler.py::TestEditing::test_a_denial_leaves_the_edit_out",
        ),
        (
            "somebody else's edit counts",
            "if edited is None and approval.edited_content is not None:",
            "if False:",
            "unit/test_approval_handler.py::"
            "TestEditing::test_the_untouched_text_after_an_edit_is_409",
        ),
        (
            "a comment is cleaned",
            "comment=clean_comment(choice.comment),",
            "comment=choice.comment,",
            "unit/test_approval_handler.py::"
            "TestDeciding::test_what_cannot_be_taken_is_refused_and_changes_nothing",
        ),
    ),
    *of_file(
        "src/approval_api/edits.py",
        (
            "newlines alone are no edit",
            "edited = normalise_newlines(submitted)",
            "edited = submitted",
            "unit/test_approval_edits.py::test_an_untouched_text_is_no_edit",
        ),
        (
            "an untouched text is no edit",
            "if edited == _as_browsers_return(approval.content):",
            "if False:",
            "unit/test_approval_edits.py::test_an_untouched_text_is_no_edit",
        ),
        (
            "what a browser makes of NUL is no edit",
            'return normalise_newlines(content).replace("\\0", "\\ufffd")',
            "return normalise_newlines(content)",
            "unit/test_approval_edits.py::test_an_untouched_text_is_no_edit",
        ),
        (
            "an edit can be passed on",
            '    check_sendable("content", edited)\n',
            "",
            "unit/test_approval_edits.py::test_an_edit_with_what_no_queue_takes_is_400",
        ),
        (
            "an edit has a limit",
            "if len(edited.encode()) > MAX_CONTENT_BYTES:",
            "if False:",
            "unit/test_approval_edits.py::test_an_edit_is_no_longer_than_a_content_may_be",
        ),
        (
            "text and edit fit one item",
            "if not fits(approval.content, edited):",
            "if False:",
            "unit/test_approval_edits.py::test_content_and_edit_fit_one_item_together",
        ),
        (
            "an edit fits the tool's schema",
            "    if problem:\n        raise RefusedError(422",
            "    if False:\n        raise RefusedError(422",
            "unit/test_approval_edits.py::test_an_edit_says_something",
        ),
        (
            "an edit says something",
            "if not text.strip():",
            "if False:",
            "unit/test_approval_edits.py::test_an_edit_says_something",
        ),
        (
            "an edit is not too long for the tool",
            "if length > at_most:",
            "if False:",
            "unit/test_approval_edits.py::test_an_edit_satisfies_the_tools_schema",
        ),
    ),
    *of_file(
        "src/approval_api/review_request.py",
        (
            "a decision is one of two",
            "if decision not in DECISIONS:",
            "if decision is None:",
            "unit/test_approval_request.py::test_no_decision_or_another_word_is_400",
        ),
        (
            "two decisions in a form are none",
            "return http.once(_form(http.body_text(request.event)))",
            "return dict(_form(http.body_text(request.event)))",
            "unit/test_approval_request.py::test_a_malformed_form_is_400",
        ),
        (
            "two decisions in a query are none",
            'query_decision=",".join(decisions) if decisions else None,',
            "query_decision=decisions[0] if decisions else None,",
            "unit/test_approval_request.py::test_no_decision_or_another_word_is_400",
        ),
        (
            "a form has few fields",
            "max_num_fields=MAX_FIELDS",
            "max_num_fields=10**6",
            "unit/test_approval_request.py::test_a_malformed_form_is_400",
        ),
        (
            "a form is UTF-8",
            'keep_blank_values=True, errors="strict", max',
            'keep_blank_values=True, errors="replace", max',
            "unit/test_approval_request.py::test_a_malformed_form_is_400",
        ),
        (
            "another type is refused",
            "    raise RefusedError(\n        415,",
            "    return {}\n    raise RefusedError(\n        415,",
            "unit/test_approval_request.py::test_a_body_of_another_type_is_415",
        ),
        (
            "a request is not logged with its body",
            "event: Event = field(repr=False)",
            "event: Event = field()",
            "unit/test_approval_request.py::test_a_request_that_is_logged_shows_no_body",
        ),
    ),
    *of_file(
        LAYER + "http.py",
        (
            "a field comes once",
            "if len(fields) != len(pairs):",
            "if False:",
            "unit/test_http.py::test_an_object_has_every_field_once_at_every_depth",
        ),
        (
            "base64 is base64",
            "base64.b64decode(text, validate=True)",
            "base64.b64decode(text, validate=False)",
            "unit/test_approval_request.py::"
            "test_a_body_that_is_not_base64_though_it_says_so_is_400",
        ),
        (
            "deep JSON is refused",
            "except (ValueError, RecursionError) as error:\n"
            '        raise RefusedError(400, "body: expected JSON")',
            'except ValueError as error:\n        raise RefusedError(400, "body: expected JSON")',
            "unit/test_http.py::test_anything_but_an_object_is_400",
        ),
        (
            "a document is an object",
            "    if not isinstance(document, dict):\n        raise RefusedError(400",
            "    if False:\n        raise RefusedError(400",
            "unit/test_http.py::test_anything_but_an_object_is_400",
        ),
        (
            "a field is a text",
            "if value is not None and not isinstance(value, str):",
            "if False:",
            "unit/test_http.py::test_a_field_is_a_text_or_not_there",
        ),
        (
            "a comment can be passed on",
            '    check_sendable("comment", comment)\n',
            "",
            "unit/test_http.py::test_a_comment_with_what_no_queue_takes_is_400",
        ),
        (
            "a comment has a limit",
            "if len(cleaned) > MAX_COMMENT_CHARS:",
            "if False:",
            "unit/test_http.py::test_a_comment_has_a_limit_counted_as_browsers_count",
        ),
    ),
    *of_file(
        "src/approval_api/answers.py",
        (
            "every answer has the policy",
            '        "content-security-policy": page_parts.content_security_policy(),\n',
            "",
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "no answer is stored",
            '"cache-control": "no-store"',
            '"cache-control": "max-age=60"',
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "no link is passed on",
            '"referrer-policy": "no-referrer"',
            '"referrer-policy": "origin"',
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "no answer is taken for something else",
            '        "x-content-type-options": "nosniff",\n',
            "",
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "no answer is indexed",
            '        "x-robots-tag": "noindex, nofollow",\n',
            "",
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
    ),
    *of_file(
        "src/approval_api/page_parts.py",
        (
            "a text is escaped",
            "return visible(html.escape(text), lambda",
            "return visible(text, lambda",
            "unit/test_approval_handler.py::"
            "TestDecidedAlready::test_the_page_says_what_was_decided_by_whom_and_when",
        ),
        (
            "what is invisible is shown",
            'return visible(html.escape(text), lambda run: f"<mark>{code_points(run)}</mark>")',
            "return html.escape(text)",
            "unit/test_approval_handler.py::TestLooking::test_what_cannot_be_seen_is_marked",
        ),
        (
            "a title is escaped",
            "title=html.escape(visible(title)),",
            "title=visible(title),",
            "unit/test_approval_handler.py::TestLooking::test_markup_in_any_field_is_text",
        ),
        (
            "an editor's text is escaped",
            "text=html.escape(approval.content if edited is None else edited),",
            "text=approval.content if edited is None else edited,",
            "unit/test_approval_handler.py::TestLooking::test_markup_in_any_field_is_text",
        ),
        (
            "the policy allows nothing",
            "f\"default-src 'none'; style-src",
            'f"default-src *; style-src',
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "a form goes nowhere else",
            "form-action 'self'; \"",
            '"',
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "the page is in no frame",
            "\"frame-ancestors 'none'; base-uri 'none'\"",
            "\"base-uri 'none'\"",
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "the page has no other base",
            "\"frame-ancestors 'none'; base-uri 'none'\"",
            "\"frame-ancestors 'none'\"",
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "a style is known by its hash",
            "style-src 'sha256-{digest}';",
            "style-src 'unsafe-inline';",
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
    ),
    *of_file(
        "src/approval_api/review_pages.py",
        (
            "a comment that comes back is escaped",
            'comment=html.escape(draft.comment or "") if draft else "",',
            'comment=(draft.comment or "") if draft else "",',
            "unit/test_approval_handler.py::"
            "TestEditing::test_the_page_comes_back_with_what_was_typed",
        ),
        (
            "a decided page has no other text",
            "content=shown(approval.text),",
            "content=shown(approval.content),",
            "unit/test_approval_handler.py::TestEditing::test_the_answer_shows_the_text_in_force",
        ),
    ),
    *of_file(
        LAYER + "text.py",
        (
            "direction is shown",
            "\\u2028-\\u202e",
            "\\u2028-\\u2029",
            "unit/test_text.py::test_an_invisible_character_is_shown_as_its_code_point",
        ),
        (
            "tags are shown",
            '"\\U000e0000-\\U000e0fff"',
            '""',
            "unit/test_text.py::test_every_character_of_a_run_is_shown",
        ),
        (
            "controls are shown",
            '"\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f"',
            '"\\x00-\\x08\\x0b-\\x1f"',
            "unit/test_text.py::test_an_invisible_character_is_shown_as_its_code_point",
        ),
        (
            "a variant that hides is shown",
            "(?<![{_SYMBOLS}])\\ufe0f(?!\\u20e3)",
            "(?<![{_SYMBOLS}])\\ufe0f\\ufe0f",
            "unit/test_text.py::test_an_emoji_variant_is_shown_where_no_emoji_is",
        ),
        (
            "a pile of accents is shown",
            "_NOT_LATIN_RUN.sub(lambda run: _without_piles(run[0], mark), seen)",
            "seen",
            "unit/test_text.py::test_of_a_pile_of_accents_only_the_first_six_stay",
        ),
    ),
    *of_file(
        LAYER + "email_parts.py",
        (
            "the e-mail shows what is invisible",
            "data = visible(text).encode()",
            "data = text.encode()",
            "unit/test_notifications.py::test_invisible_characters_are_shown",
        ),
        (
            "no line of a text looks like ours",
            'lines = before_lines + shown.replace("\\n", f"\\n{before_lines}")',
            "lines = before_lines + shown",
            "unit/test_notifications.py::"
            "test_no_text_can_pass_for_a_link_or_for_another_question",
        ),
        (
            "the lines of a text may not fill more than its share",
            "    if len(shown.encode()) <= room:\n        return shown\n"
            "    return content(text, min(max_bytes, room // len(f\"{QUOTE}\\n\")), QUOTE)",
            "    return shown",
            "unit/test_notifications.py::"
            "test_long_texts_share_the_e_mail_and_each_says_that_the_page_shows_all",
        ),
        (
            "the arguments may not fill more than their share",
            "if len(lines) == _MAX_ARGUMENTS or max_bytes < 0:",
            "if len(lines) == _MAX_ARGUMENTS:",
            "unit/test_notifications.py::"
            "test_long_texts_share_the_e_mail_and_each_says_that_the_page_shows_all",
        ),
        (
            "a subject is a line of ASCII",
            'return " ".join(visible(name).split())[:_MAX_ARGUMENT_CHARS]',
            "return name",
            "unit/test_notifications.py::"
            "test_the_subject_is_one_line_of_ascii_under_100_characters",
        ),
        (
            "a subject holds no link of the agent's",
            '_LINK.sub("[link]", one_line(text[:_MAX_ARGUMENT_CHARS]))',
            "one_line(text[:_MAX_ARGUMENT_CHARS])",
            "unit/test_notifications.py::"
            "test_the_subject_ends_with_how_the_text_begins_where_ascii_can_say_it",
        ),
        (
            "a subject quotes what it can say",
            "if room < _MIN_CASE_CHARS or 2 * len(plain) < len(line):",
            "if False:",
            "unit/test_notifications.py::"
            "test_the_subject_ends_with_how_the_text_begins_where_ascii_can_say_it",
        ),
    ),
    *of_file(
        LAYER + "emails.py",
        (
            "the questions of a turn share the bytes of an e-mail",
            "share = (MAX_EMAIL_BYTES - len(head.encode())) // len(questions)",
            "share = MAX_EMAIL_BYTES",
            "unit/test_notifications.py::"
            "test_long_texts_share_the_e_mail_and_each_says_that_the_page_shows_all",
        ),
        (
            "a subject has a limit",
            "MAX_SUBJECT_CHARS - len(f'{fixed}: \"\"')",
            "MAX_SUBJECT_CHARS - 40",
            "unit/test_notifications.py::"
            "test_the_subject_ends_with_how_the_text_begins_where_ascii_can_say_it",
        ),
    ),
    *of_file(
        LAYER + "pace.py",
        (
            "an e-mail waits until its message is a second old",
            "at = min(self._earliest, now + 1)",
            "at = now",
            "unit/test_pace.py::test_all_senders_together_stay_within_sns_rate[5-200]",
        ),
        (
            "an e-mail that is sent again waits for a second",
            "self._earliest = math.inf  # What",
            "pass  # What",
            "unit/test_pace.py::"
            "test_a_short_run_waits_for_the_rest_of_its_second_and_a_repeat_for_a_whole_one",
        ),
        (
            "a wait is no longer than the function",
            "            if at > self._deadline - MARGIN_SECONDS:\n",
            "            if False:\n",
            "unit/test_pace.py::"
            "test_too_late_for_the_function_comes_back_and_sends_nothing_too_fast[message]",
        ),
    ),
    *of_file(
        LAYER + "shared_pace.py",
        (
            "a place in the queue has one owner",
            '("free_ms", "free_ms > :now"),',
            '(":now", "free_ms > :now"),',
            "unit/test_pace.py::test_each_later_one_takes_the_next_place",
        ),
        (
            "who takes a place waits for it",
            "        self.sleep(max(0, at - now))",
            "        pass",
            "unit/test_pace.py::test_all_senders_together_stay_within_sns_rate[50-300]",
        ),
        (
            "a place after the function's end is not waited for",
            "        if at > max(now, self._deadline - MARGIN_SECONDS):\n",
            "        if False:\n",
            "unit/test_pace.py::"
            "test_too_late_for_the_function_comes_back_and_sends_nothing_too_fast[shared]",
        ),
        (
            "a place after the function's end is kept",
            "            self._keep(key, at_ms)\n",
            "",
            "unit/test_pace.py::"
            "test_a_place_after_the_functions_end_is_kept_for_the_next_delivery",
        ),
        (
            "a kept place is taken once",
            '"REMOVE kept"',
            '"SET at_ms = at_ms"',
            "unit/test_pace.py::test_a_kept_place_is_taken_once_and_not_after_its_time",
        ),
        (
            "a kept place whose time is over is none",
            '"kept > :now"',
            '"kept > :now OR kept <= :now"',
            "unit/test_pace.py::test_a_kept_place_is_taken_once_and_not_after_its_time",
        ),
        (
            "nobody is sent away for longer than SQS can",
            "min(max(now, at - LEAD_SECONDS), now + MAX_AWAY_SECONDS)",
            "max(now, at - LEAD_SECONDS)",
            "unit/test_pace.py::test_nobody_is_sent_away_for_longer_than_sqs_can",
        ),
        (
            "who has a far place comes back before it",
            "max(now, at - LEAD_SECONDS)",
            "max(now, at)",
            "unit/test_pace.py::"
            "test_a_place_after_the_functions_end_is_kept_for_the_next_delivery",
        ),
    ),
    *of_file(
        LAYER + "notifications.py",
        (
            "each try of an e-mail waits for its pace",
            "            self.pace.wait(approvals[0].key)\n",
            "            if not is_last_try:\n                self.pace.wait(approvals[0].key)\n",
            "unit/test_notifications.py::"
            "test_a_connection_that_broke_is_tried_once_more_in_the_pace",
        ),
        (
            "what SNS refuses is not sent again",
            "if is_last_try or _is_refused(error):",
            "if is_last_try:",
            "unit/test_notifications.py::test_what_sns_refuses_is_not_sent_again",
        ),
        (
            "the same link goes out each time",
            "self.read_keys(), approval.session_id, approval.tool_use_id, approval.decide_by\n",
            "self.read_keys(), approval.session_id, approval.tool_use_id, "
            "approval.decide_by + len(occasion)\n",
            "flow/test_sweep.py::test_a_reminder_at_half_time_has_the_same_links_and_comes_once",
        ),
    ),
    *of_file(
        LAYER + "observability.py",
        (
            "a fault is logged without its text",
            '"error": type(fault).__name__,\n        "cause"',
            '"error": repr(fault),\n        "cause"',
            "unit/test_agent_handler.py::test_a_fault_is_logged_with_its_first_cause",
        ),
    ),
    *of_file(
        LAYER + "tracing.py",
        (
            "a trace has no exception's text",
            "        Entity.add_exception = lambda entity, *_, **__: entity.add_fault_flag()\n",
            "",
            "unit/test_tracing.py::test_the_text_of_an_aws_error_is_not_sent",
        ),
    ),
)
