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
            'if outcome == "expired":\n        return _closed(',
            "if False:\n        return _closed(",
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
            "an approver's unknown field is not logged",
            '"reason": refusal.logged}',
            '"reason": refusal.reason}',
            "unit/test_approval_handler.py::"
            "TestWhatIsWritten::test_no_log_line_holds_a_token_or_a_text",
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
            "the page's denial leaves its text out",
            'if choice.content is None or (choice.is_from_page and choice.decision == "denied"):',
            "if choice.content is None:",
            "unit/test_approval_handler.py::TestEditing::"
            "test_a_denial_on_the_page_leaves_the_edit_out",
        ),
        (
            "a program's denial with an edit is refused",
            "        _check_untouched(choice.content, approval)\n",
            "",
            "unit/test_approval_handler.py::TestEditing::"
            "test_a_program_that_denies_and_edits_is_refused",
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
            "return normalise_newlines(submitted) == ",
            "return submitted == ",
            "unit/test_approval_edits.py::test_an_untouched_text_is_no_edit",
        ),
        (
            "an untouched text is no edit",
            "if is_untouched(submitted, approval):",
            "if False:",
            "unit/test_approval_edits.py::test_an_untouched_text_is_no_edit",
        ),
        (
            "an edit has plain newlines",
            "edited = normalise_newlines(submitted)",
            "edited = submitted",
            "unit/test_approval_edits.py::test_an_edit_has_plain_newlines",
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
            "if not _fits(approval, edited):",
            "if False:",
            "unit/test_approval_edits.py::test_content_and_edit_fit_one_item_together",
        ),
        (
            "an edit fits what its turn has room for",
            "if approval.max_edit_bytes is not None and size_bytes > approval.max_edit_bytes:",
            "if False:",
            "unit/test_approval_edits.py::test_an_edit_has_the_room_that_its_turn_left_it",
        ),
        (
            "what is no text is not edited",
            "    if not _takes_text(schema):",
            "    if False:",
            "unit/test_approval_edits.py::test_only_a_text_can_be_edited",
        ),
        (
            "what is no text has no editor",
            "if not _takes_text(approval.content_schema):",
            "if False:",
            "unit/test_approval_edits.py::test_only_a_text_can_be_edited",
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
            "what would not be done is refused",
            "    http.only_known(fields, FIELDS)\n",
            "",
            "unit/test_approval_request.py::test_a_field_that_is_not_known_is_400_and_named",
        ),
        (
            "a query decides nothing else",
            '    http.no_query(request.event, "decision")\n',
            "",
            "unit/test_approval_request.py::"
            "test_a_post_says_nothing_but_the_decision_in_its_query",
        ),
        (
            "JSON is no form",
            'if text.lstrip().startswith("{"):',
            "if False:",
            "unit/test_approval_request.py::"
            "test_json_that_calls_itself_a_form_decides_nothing_by_the_links_own_answer",
        ),
        (
            "only our own form is our page's",
            "return self.wants_html and self.content_type == FORM",
            "return self.wants_html",
            "unit/test_approval_handler.py::TestEditing::"
            "test_a_program_that_denies_and_edits_is_refused",
        ),
        (
            "a program's form is not our page's",
            "return self.wants_html and self.content_type == FORM",
            "return self.content_type == FORM",
            "unit/test_approval_handler.py::TestEditing::"
            "test_a_program_that_denies_and_edits_is_refused",
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
            "unit/test_approval_request.py::test_a_form_of_many_fields_is_not_read",
        ),
        (
            "a form is UTF-8",
            'keep_blank_values=True, errors="strict", max',
            'keep_blank_values=True, errors="replace", max',
            "unit/test_approval_request.py::test_a_malformed_form_is_400",
        ),
        (
            "another type is refused",
            "    raise RefusedError(415, f",
            "    return {}\n    raise RefusedError(415, f",
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
            "        if name in fields:\n",
            "        if False:\n",
            "unit/test_http.py::test_an_object_has_every_field_once_at_every_depth",
        ),
        (
            "what is not known is refused",
            "if name not in known:",
            "if False:",
            "unit/test_http.py::test_only_known_fields_are_taken_and_the_first_other_is_named",
        ),
        (
            "a query says nothing that a body is for",
            "if name not in but:",
            "if False:",
            "unit/test_http.py::test_a_query_says_nothing_that_a_body_is_for",
        ),
        (
            "the name of an unknown field is not logged",
            "self.logged = logged or reason",
            "self.logged = reason",
            "unit/test_approval_handler.py::"
            "TestWhatIsWritten::test_no_log_line_holds_a_token_or_a_text",
        ),
        (
            "the name of an unknown field is short",
            "visible(name[:MAX_NAME_CHARS]).split()",
            "visible(name).split()",
            "unit/test_approval_request.py::"
            "test_a_name_is_shown_short_on_one_line_and_with_what_is_invisible",
        ),
        (
            "the name of an unknown field is seen",
            "visible(name[:MAX_NAME_CHARS]).split()",
            "name[:MAX_NAME_CHARS].split()",
            "unit/test_approval_request.py::"
            "test_a_name_is_shown_short_on_one_line_and_with_what_is_invisible",
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
            "what nobody decided is expired before the sweeper says so",
            "CANCELLED if approval.status == CANCELLED else EXPIRED",
            "approval.status",
            "unit/test_approval_handler.py::"
            "TestClosed::test_an_expired_one_is_too_late_and_says_what_it_was_about",
        ),
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
            "what was withdrawn is not too late",
            "heading = WITHDRAWN if is_withdrawn else HEADINGS[410]",
            "heading = HEADINGS[410]",
            "unit/test_approval_handler.py::"
            "TestClosed::test_a_cancelled_one_is_withdrawn_by_whom_when_and_why",
        ),
        (
            "a decided page has no other text",
            "content=shown(approval.text),",
            "content=shown(approval.content),",
            "unit/test_approval_handler.py::TestEditing::test_the_answer_shows_the_text_in_force",
        ),
    ),
    *of_file(
        LAYER + "effects.py",
        (
            "what was refused is not done",
            "return REFUSED if approval.refused or said_no else DONE",
            "return DONE",
            "unit/test_effects.py::test_an_effect_is_told_by_the_record",
        ),
        (
            "a refusal that is only an answer counts",
            "return REFUSED if approval.refused or said_no else DONE",
            "return REFUSED if approval.refused else DONE",
            "unit/test_effects.py::test_an_effect_is_told_by_the_record",
        ),
        (
            "what was never made is told",
            "if approval.status == APPROVED and approval.not_done is not None:",
            "if False:",
            "unit/test_approval_handler.py::"
            "TestWhatBecameOfIt::test_one_that_was_never_made_says_so_and_why",
        ),
        (
            "what was made after all is done",
            "if approval.status == APPROVED and approval.not_done is not None:",
            "if approval.not_done is not None:",
            "unit/test_effects.py::test_an_effect_is_told_by_the_record",
        ),
        (
            "a reason is short",
            "return str(text)[:MAX_REASON_CHARS] if text else None",
            "return str(text) if text else None",
            "unit/test_effects.py::test_a_reason_is_no_longer_than_a_list_can_bear",
        ),
    ),
    *of_file(
        "src/approval_api/effect_words.py",
        (
            "what is not done is no longer going on",
            "        case effects.NOT_DONE:\n            return f\"{action} was",
            "        case 0:\n            return f\"{action} was",
            "unit/test_approval_handler.py::"
            "TestWhatBecameOfIt::test_one_that_was_never_made_says_so_and_why",
        ),
        (
            "a receiver's words are escaped",
            "<q>{shown(said)}</q>",
            "<q>{said}</q>",
            "unit/test_approval_handler.py::"
            "TestWhatBecameOfIt::test_one_that_its_receiver_refused_says_so_and_why",
        ),
        (
            "only what its receiver has answered is called done",
            "case effects.DONE if approval.answer:",
            "case effects.DONE:",
            "unit/test_approval_handler.py::"
            "TestWhatBecameOfIt::test_one_whose_call_was_made_says_so",
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
    *of_file(
        "src/operator_api/operator_requests.py",
        (
            "a cancellation does what was sent or nothing",
            "    http.only_known(fields, CANCELLATION_FIELDS)\n",
            "",
            "unit/test_operator_handler.py::TestCancelling::"
            "test_a_field_that_is_not_known_is_400_and_named",
        ),
        (
            "a cancellation has nothing in its query",
            "    http.no_query(event, *http.SIGNATURE_NAMES)\n",
            "",
            "unit/test_operator_handler.py::TestCancelling::"
            "test_what_stands_in_the_query_is_400_and_named",
        ),
    ),
    *of_file(
        "src/operator_api/operator_handler.py",
        (
            "an operator's unknown field is not logged",
            '"reason": refusal.logged}',
            '"reason": refusal.reason}',
            "unit/test_operator_handler.py::"
            "test_the_name_of_an_unknown_field_is_answered_and_not_logged",
        ),
    ),
    *of_file(
        "src/unitok/unitok_requests.py",
        (
            "a post has all that was sent",
            "    http.only_known(document, SUBMISSION_FIELDS)\n",
            "",
            "unit/test_unitok.py::test_a_field_that_is_not_known_is_400_and_named",
        ),
        (
            "a post has nothing in its query",
            "    http.no_query(event, *http.SIGNATURE_NAMES)\n",
            "",
            "unit/test_unitok.py::test_a_field_in_the_query_of_a_post_is_400_and_named",
        ),
    ),
    *of_file(
        "src/unitok/unitok_handler.py",
        (
            "what anybody may read has a bound of bytes",
            "if len(parts) == most or (parts and size_bytes > MAX_POSTS_BYTES):",
            "if len(parts) == most:",
            "unit/test_unitok.py::"
            "test_an_unsigned_answer_has_a_bound_of_bytes_and_so_has_what_is_read_for_it",
        ),
        (
            "the largest post is shown",
            "if len(parts) == most or (parts and size_bytes > MAX_POSTS_BYTES):",
            "if len(parts) == most or size_bytes > MAX_POSTS_BYTES:",
            "unit/test_unitok.py::test_the_largest_post_has_an_answer_of_its_own",
        ),
        (
            "what anybody may read has few posts",
            "most = min(page.limit or POSTS_PER_ANSWER, MAX_POSTS_PER_ANSWER)",
            "most = min(page.limit or 10**9, MAX_POSTS_PER_ANSWER)",
            "unit/test_unitok.py::"
            "test_twenty_posts_are_listed_unless_a_limit_is_asked_for",
        ),
        (
            "no limit is larger than a hundred",
            "most = min(page.limit or POSTS_PER_ANSWER, MAX_POSTS_PER_ANSWER)",
            "most = page.limit or POSTS_PER_ANSWER",
            "unit/test_unitok.py::test_a_hundred_posts_are_listed_at_most",
        ),
        (
            "UniTok's unknown field is not logged",
            '"reason": refusal.logged}',
            '"reason": refusal.reason}',
            "unit/test_unitok.py::test_content_is_never_logged_or_repeated_in_a_reason",
        ),
    ),
    *of_file(
        "src/agent/gate.py",
        (
            "a content is a plain text",
            'if not isinstance(schema, dict) or schema.get("type") != "string":',
            "if not isinstance(schema, dict):",
            "unit/test_gate.py::"
            "test_a_content_that_is_no_plain_text_is_refused_when_the_tool_is_made",
        ),
        (
            "a content is among the arguments",
            'if not isinstance(schema, dict) or schema.get("type") != "string":',
            'if schema and schema.get("type") != "string":',
            "unit/test_gate.py::"
            "test_a_content_that_is_no_plain_text_is_refused_when_the_tool_is_made",
        ),
        (
            "an edit is held to all of the content's schema",
            "if unheld := sorted(schema.keys() - {*self.HELD, *self.NOTES}):",
            "if unheld := []:",
            "unit/test_gate.py::"
            "test_what_an_edit_could_not_be_held_to_is_refused_when_the_tool_is_made",
        ),
        (
            "a content's pattern is one",
            're.compile(schema.get("pattern", ""))',
            "pass",
            "unit/test_gate.py::"
            "test_what_an_edit_could_not_be_held_to_is_refused_when_the_tool_is_made",
        ),
        (
            "a call has its content",
            'complete.pop(self.content_field, "")',
            "complete.pop(self.content_field)",
            "unit/test_gate.py::test_a_call_without_its_content_tells_the_model_why",
        ),
    ),
    *of_file(
        "src/operator_api/session_facts.py",
        (
            "no message of a conversation is read",
            '", ".join(f"#{name}" for name in ATTRIBUTES)',
            '", ".join(f"#{name}" for name in ATTRIBUTES) + ", messages"',
            "unit/test_operator_handler.py::"
            "TestHistoryOfASession::test_no_message_of_the_conversation_is_read",
        ),
        (
            "what a session has not is null",
            "item.get(name) or None",
            "item.get(name)",
            "unit/test_operator_handler.py::"
            "TestHistoryOfASession::test_what_a_session_has_not_is_null",
        ),
    ),
    *of_file(
        "src/operator_api/listing.py",
        (
            "the session shown is that of the agent that asked last",
            "by_agent.get(asked_last) or next(iter(sessions), None)",
            "next(iter(sessions), None)",
            "unit/test_operator_handler.py::"
            "TestHistoryOfASession::test_of_two_agents_sessions_it_is_the_one_that_asked_last",
        ),
    ),
    *of_file(
        "src/operator_api/operator_handler.py",
        (
            "a session that asked nobody has a history",
            "if not asked and not found:",
            "if not asked:",
            "unit/test_operator_handler.py::"
            "TestHistoryOfASession::test_a_session_that_ended_without_asking_anybody_is_told_too",
        ),
        (
            "a session that is gone leaves its approvals",
            "if not asked and not found:",
            "if not found:",
            "unit/test_operator_handler.py::"
            "TestHistoryOfASession::test_a_session_that_is_gone_is_null_and_its_approvals_are_there",
        ),
    ),
    *of_file(
        "src/unitok/unitok_posts.py",
        (
            "few posts are read in vain",
            "POSTS_PER_BATCH = 5\n",
            "POSTS_PER_BATCH = 40\n",
            "unit/test_unitok.py::"
            "test_an_unsigned_answer_has_a_bound_of_bytes_and_so_has_what_is_read_for_it",
        ),
    ),
)
