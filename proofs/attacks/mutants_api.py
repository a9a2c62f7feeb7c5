"""Links, requests, pages, e-mails, and what is logged."""

from mutants import Mutant, of_code

INVISIBLE = r"""
(
    "\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2"
    "\u1680\u2000-\u200f\u2028-\u202e\u205f-\u206f"
    "\u2800\u3164\uffa0\ufffc\U0001d159"
    "\ufe00-\ufe0e\ufeff\ufff0-\ufffb\ufdd0-\ufdef"
    "\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
    "\ud800-\udfff"
)
"""

HEADERS = """
{
    "content-type": content_type,
    "cache-control": "no-store",
    "content-security-policy": page_parts.content_security_policy(),
    "referrer-policy": "no-referrer",
    "vary": "accept",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}
"""

API: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "a signature is compared",
            "links:said",
            "hmac.compare_digest(_signature(key, payload), signature)",
            "True",
            "unit/test_links.py::test_every_flipped_bit_is_refused",
        ),
        (
            "a signature is compared in constant time",
            "links:said",
            "hmac.compare_digest(_signature(key, payload), signature)",
            "_signature(key, payload) == signature",
            "unit/test_links.py::test_every_key_is_compared_in_constant_time",
        ),
        (
            "the whole signature counts",
            "links:said",
            "hmac.compare_digest(_signature(key, payload), signature)",
            "hmac.compare_digest(_signature(key, payload)[:20], signature[:20])",
            "unit/test_links.py::test_every_flipped_bit_is_refused",
        ),
        (
            "the key id is the signer's",
            "links:said",
            "kind not in kinds or key_id not in signers",
            "kind not in kinds",
            "unit/test_links.py::test_a_key_under_another_id_is_refused",
        ),
        (
            "a token is matched as a whole",
            "links:said",
            "_TOKEN_PATTERN.fullmatch(token)",
            "_TOKEN_PATTERN.match(token)",
            "unit/test_links.py::test_what_is_no_token_is_refused",
        ),
        (
            "a key is long enough",
            "links:_usable",
            "named and isinstance(key, str) and len(key) >= MIN_KEY_CHARS",
            "named and isinstance(key, str)",
            "unit/test_links.py::test_a_secret_of_another_form_is_refused",
        ),
        (
            "there are two keys at most",
            "links:LinkKeys.parse",
            "current in keys and len(keys) <= MAX_KEYS",
            "current in keys",
            "unit/test_links.py::test_a_secret_of_another_form_is_refused",
        ),
        (
            "keys are not shown",
            "links:LinkKeys",
            "field(repr=False)",
            "field()",
            "unit/test_links.py::test_keys_do_not_show_in_a_repr",
        ),
        (
            "a link ends inside the token",
            "links:make_token",
            "(session_id, tool_use_id, expires_at)",
            "(session_id, tool_use_id, 2**40)",
            "unit/test_links.py::test_new_links_are_signed_with_the_current_key",
        ),
        (
            "a link expires",
            "approval_handler:_link",
            "link.expires_at <= now",
            "False",
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_an_expired_link_decides_nothing",
        ),
        (
            "a link ends at its second",
            "approval_handler:_link",
            "link.expires_at <= now",
            "link.expires_at < now",
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_an_expired_link_decides_nothing",
        ),
        (
            "GET changes nothing",
            "approval_handler:_answer",
            'decide if request.method == "POST" else show',
            "decide",
            "unit/test_approval_handler.py::TestLooking::test_json_shows_the_same",
        ),
        (
            "OPTIONS changes nothing",
            "approval_handler:_answer",
            "answers.allowed_methods()",
            "decide(services(), request, _link(request, now), now)",
            "unit/test_approval_handler.py::TestLooking::test_get_head_and_options_change_nothing",
        ),
        (
            "another method changes nothing",
            "approval_handler:_answer",
            """
            case "GET" | "HEAD" | "POST":
                link = _link(request, now)
                answer = decide if request.method == "POST" else show
                return answer(services(), request, link, now)
            """,
            """
            case _:
                link = _link(request, now)
                answer = decide if request.method == "POST" else show
                return answer(services(), request, link, now)
            """,
            "unit/test_approval_handler.py::TestLooking::test_other_methods_are_405",
        ),
        (
            "what is no approval is not shown",
            "reviewing:show",
            "approval is None or approval.call is None",
            "approval is None",
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_all_of_them_are_404_with_one_constant_answer",
        ),
        (
            "what is over has no form",
            "item:Wait.is_open",
            "self.status == Status.PENDING and self.decide_by > now",
            "True",
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_a_closed_approval_is_410_and_says_why",
        ),
        (
            "who was too late is told so",
            "reviewing:decide",
            """
            case "expired":
                return _closed(request, approval)
            """,
            """
            case "never":
                pass
            """,
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_a_closed_approval_is_410_and_says_why",
        ),
        (
            "the opposite click is told what stands",
            "reviewing:decide",
            '409 if outcome == "conflict" else 200',
            "200",
            "unit/test_approval_handler.py::"
            "TestDeciding::test_the_opposite_is_409_and_says_what_was_decided",
        ),
        (
            "an unknown link decides nothing",
            "reviewing:decide",
            'approval is None or outcome == "unknown"',
            "approval is None",
            "unit/test_approval_handler.py::"
            "TestLinksThatOpenNothing::test_all_of_them_are_404_with_one_constant_answer",
        ),
        (
            "a message that was not sent is told",
            "approval_handler:handler",
            "decisions.NotSentError",
            "ZeroDivisionError",
            "unit/test_approval_handler.py::"
            "TestDeciding::test_the_page_after_a_failed_send_has_a_button_that_sends_again",
        ),
        (
            "a service that fails is told",
            "approval_handler:handler",
            "(BotoCoreError, ClientError, TooManyAtOnceError)",
            "ZeroDivisionError",
            "unit/test_approval_handler.py::TestDeciding::test_a_failed_read_or_write_is_503",
        ),
        (
            "an approver's unknown field is not logged",
            "reviewing:note",
            '{"status": refusal.status, "reason": refusal.logged}',
            '{"status": refusal.status, "reason": refusal.reason}',
            "unit/test_approval_handler.py::"
            "TestWhatIsWritten::test_no_log_line_holds_a_token_or_a_text",
        ),
        (
            "HEAD has no body",
            "approval_handler:handler",
            '{**response, "body": ""} if request.method == "HEAD" else response',
            "response",
            "unit/test_approval_handler.py::TestLooking::test_head_answers_as_get_without_the_body",
        ),
        (
            "the record comes before the message",
            "decisions:decide",
            "tell_agent(services, approval, again=_again(approval, link))",
            "",
            "unit/test_approval_handler.py::TestDeciding::test_then_the_agent_is_told",
        ),
        (
            "a repeated click tells the agent again",
            "decisions:decide",
            'decided.outcome in ("decided", "repeated")',
            'decided.outcome == "decided"',
            "unit/test_approval_handler.py::"
            "TestDeciding::test_the_same_again_is_200_after_the_effect_too",
        ),
        (
            "a conflict tells the agent nothing",
            "decisions:decide",
            'approval and decided.outcome in ("decided", "repeated") and approval.decision',
            "approval and approval.decision",
            "unit/test_approval_handler.py::"
            "TestDeciding::test_the_opposite_is_409_and_says_what_was_decided",
        ),
        (
            "the page's denial leaves its text out",
            "decisions:_says_edit",
            'choice.has_edit and not (choice.is_from_page and choice.decision == "denied")',
            "choice.has_edit",
            "unit/test_approval_handler.py::"
            "TestEditing::test_a_denial_on_the_page_leaves_the_edit_out",
        ),
        (
            "a program's denial with an edit is refused",
            "decisions:_edit_of",
            "_check_untouched(choice, approval)",
            "",
            "unit/test_approval_handler.py::"
            "TestEditing::test_a_program_that_denies_and_edits_is_refused",
        ),
        (
            "somebody else's edit counts",
            "waits.answers:_repeat_outcome",
            "edit is None or old.edited(edit).digest == old.in_force.digest",
            "edit is None or edit == Edit() or old.edited(edit).digest == old.in_force.digest",
            "unit/test_approvals.py::test_a_repeat_of_an_edited_approval_is_measured_on_the_edit",
        ),
        (
            "a comment is cleaned",
            "decisions:_decide_alone",
            "clean_comment(choice.comment)",
            "choice.comment",
            "unit/test_approval_handler.py::"
            "TestDeciding::test_what_cannot_be_taken_is_refused_and_changes_nothing",
        ),
        (
            "newlines alone are no edit",
            "edits:_is_text",
            "normalise_newlines(submitted)",
            "submitted",
            "unit/test_approval_edits.py::test_an_untouched_text_is_no_edit",
        ),
        (
            "an untouched text is no edit",
            "edits:_wanted_content",
            "_is_text(submitted, asked)",
            "False",
            "unit/test_approval_edits.py::test_an_untouched_text_is_no_edit",
        ),
        (
            "an edit has plain newlines",
            "edits:_wanted_content",
            "normalise_newlines(submitted)",
            "submitted",
            "unit/test_approval_edits.py::test_an_edit_has_plain_newlines",
        ),
        (
            "what a browser makes of NUL is no edit",
            "edits:_as_browsers_return",
            r'normalise_newlines(content).replace("\0", "\ufffd")',
            "normalise_newlines(content)",
            "unit/test_approval_edits.py::test_an_untouched_text_is_no_edit",
        ),
        (
            "an edit can be passed on",
            "edits:_wanted_content",
            'check_sendable("content", edited)',
            "",
            "unit/test_approval_edits.py::test_an_edit_with_what_no_queue_takes_is_400",
        ),
        (
            "an edit has a limit",
            "edits:_wanted_content",
            "_size(edited) > MAX_CONTENT_BYTES",
            "False",
            "unit/test_approval_edits.py::test_an_edit_is_no_longer_than_a_content_may_be",
        ),
        (
            "text and edit fit one item",
            "edits:_wanted_content",
            "not _fits(approval, edited)",
            "False",
            "unit/test_approval_edits.py::test_content_and_edit_fit_one_item_together",
        ),
        (
            "an edit fits what its turn has room for",
            "edits:_fits",
            "approval.max_edit_bytes is not None and size_bytes > approval.max_edit_bytes",
            "False",
            "unit/test_approval_edits.py::test_an_edit_has_the_room_that_its_turn_left_it",
        ),
        (
            "what is no text is not edited",
            "edits:_problem",
            "not _takes_text(schema)",
            "False",
            "unit/test_approval_edits.py::test_only_a_text_can_be_edited",
        ),
        (
            "what is no text has no editor",
            "edits:obstacle",
            "not _takes_text(approval.content_schema)",
            "False",
            "unit/test_approval_edits.py::test_only_a_text_can_be_edited",
        ),
        (
            "an edit fits the tool's schema",
            "edits:_wanted_content",
            "_problem(edited, approval.content_schema)",
            "None",
            "unit/test_approval_edits.py::test_an_edit_says_something",
        ),
        (
            "only some arguments can be changed",
            "edits:_wanted_arguments",
            "name not in (approval.editable or {})",
            "False",
            "flow/test_any_call.py::test_an_edit_that_cannot_be_taken_changes_nothing",
        ),
        (
            "an edited argument fits its schema",
            "edits:_value",
            "forms.problem_of(value, schema)",
            "None",
            "flow/test_any_call.py::test_an_edit_that_cannot_be_taken_changes_nothing",
        ),
        (
            "an edited argument can be passed on",
            "edits:_value",
            "check_texts(where, value)",
            "",
            "flow/test_any_call.py::test_an_edit_that_cannot_be_taken_changes_nothing",
        ),
        (
            "edited arguments fit the item",
            "edits:edit_of",
            "_size(as_json(approval.edited(edit).arguments)) > MAX_ARGUMENTS_BYTES",
            "False",
            "flow/test_any_call.py::test_an_edit_that_cannot_be_taken_changes_nothing",
        ),
        (
            "an untouched argument is no edit",
            "edits:_wanted_arguments",
            "_is_as_in(name, sent, asked)",
            "False",
            "unit/test_approval_edits.py::"
            "test_an_argument_that_was_missing_and_comes_back_empty_takes_an_edit_back",
        ),
        (
            "a denial edits no arguments",
            "edits:is_untouched",
            "any(_is_as_in(name, value, call) for call in calls)",
            "True",
            "flow/test_any_call.py::test_a_denial_edits_nothing",
        ),
        (
            "an edit says something",
            "edits:_problem",
            "not text.strip()",
            "False",
            "unit/test_approval_edits.py::test_an_edit_says_something",
        ),
        (
            "an edit is not too long for the tool",
            "forms:_problem_of_text",
            "length > at_most",
            "False",
            "unit/test_approval_edits.py::test_an_edit_satisfies_the_tools_schema",
        ),
        (
            "a decision is one of two",
            "review_request:parse_choice",
            "decision not in DECISIONS",
            "decision is None",
            "unit/test_approval_request.py::test_no_decision_or_another_word_is_400",
        ),
        (
            "what would not be done is refused",
            "review_request:parse_choice",
            "http.only_known(fields, FIELDS)",
            "",
            "unit/test_approval_request.py::test_a_field_that_is_not_known_is_400_and_named",
        ),
        (
            "a query decides nothing else",
            "review_request:parse_choice",
            'http.no_query(request.event, "decision")',
            "",
            "unit/test_approval_request.py::test_a_post_says_nothing_but_the_decision_in_its_query",
        ),
        (
            "JSON is no form",
            "review_request:_form",
            'text.lstrip().startswith("{")',
            "False",
            "unit/test_approval_request.py::"
            "test_json_that_calls_itself_a_form_decides_nothing_by_the_links_own_answer",
        ),
        (
            "only our own form is our page's",
            "review_request:ReviewRequest.is_from_page",
            "self.wants_html and self.content_type == FORM",
            "self.wants_html",
            "unit/test_approval_handler.py::"
            "TestEditing::test_a_program_that_denies_and_edits_is_refused",
        ),
        (
            "a program's form is not our page's",
            "review_request:ReviewRequest.is_from_page",
            "self.wants_html and self.content_type == FORM",
            "self.content_type == FORM",
            "unit/test_approval_handler.py::"
            "TestEditing::test_a_program_that_denies_and_edits_is_refused",
        ),
        (
            "two decisions in a form are none",
            "review_request:_fields",
            "http.once(_form(http.body_text(request.event)))",
            "dict(_form(http.body_text(request.event)))",
            "unit/test_approval_request.py::test_a_malformed_form_is_400",
        ),
        (
            "two decisions in a query are none",
            "review_request:parse_request",
            '",".join(decisions)',
            "decisions[0]",
            "unit/test_approval_request.py::test_no_decision_or_another_word_is_400",
        ),
        (
            "a form has few fields",
            "review_request:_form",
            'parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)',
            'parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=10**6)',
            "unit/test_approval_request.py::test_a_form_of_many_fields_is_not_read",
        ),
        (
            "a form is UTF-8",
            "review_request:_form",
            '"strict"',
            '"replace"',
            "unit/test_approval_request.py::test_a_malformed_form_is_400",
        ),
        (
            "another type is refused",
            "review_request:_fields",
            """
            match request.content_type:
                case "application/json":
                    return http.json_object(request.event)
                case content_type if content_type == FORM:
                    return http.once(_form(http.body_text(request.event)))
            """,
            """
            match request.content_type:
                case "application/json":
                    return http.json_object(request.event)
                case content_type if content_type == FORM:
                    return http.once(_form(http.body_text(request.event)))
            return {}
            """,
            "unit/test_approval_request.py::test_a_body_of_another_type_is_415",
        ),
        (
            "a request is not logged with its body",
            "review_request:ReviewRequest",
            "field(repr=False)",
            "field()",
            "unit/test_approval_request.py::test_a_request_that_is_logged_shows_no_body",
        ),
        (
            "a field comes once",
            "http:once",
            "name in fields",
            "False",
            "unit/test_http.py::test_an_object_has_every_field_once_at_every_depth",
        ),
        (
            "what is not known is refused",
            "http:only_known",
            "name not in known",
            "False",
            "unit/test_http.py::test_only_known_fields_are_taken_and_the_first_other_is_named",
        ),
        (
            "a query says nothing that a body is for",
            "http:no_query",
            "name not in but",
            "False",
            "unit/test_http.py::test_a_query_says_nothing_that_a_body_is_for",
        ),
        (
            "the name of an unknown field is not logged",
            "http:RefusedError.__init__",
            "logged or reason",
            "reason",
            "unit/test_approval_handler.py::"
            "TestWhatIsWritten::test_no_log_line_holds_a_token_or_a_text",
        ),
        (
            "the name of an unknown field is short",
            "http:shown_name",
            "name[:MAX_NAME_CHARS]",
            "name",
            "unit/test_approval_request.py::"
            "test_a_name_is_shown_short_on_one_line_and_with_what_is_invisible",
        ),
        (
            "the name of an unknown field is seen",
            "http:shown_name",
            "visible(name[:MAX_NAME_CHARS])",
            "name[:MAX_NAME_CHARS]",
            "unit/test_approval_request.py::"
            "test_a_name_is_shown_short_on_one_line_and_with_what_is_invisible",
        ),
        (
            "base64 is base64",
            "http:body_text",
            "base64.b64decode(text, validate=True)",
            "base64.b64decode(text, validate=False)",
            "unit/test_approval_request.py::"
            "test_a_body_that_is_not_base64_though_it_says_so_is_400",
        ),
        (
            "deep JSON is refused",
            "http:json_object",
            "(ValueError, RecursionError)",
            "ValueError",
            "unit/test_http.py::test_anything_but_an_object_is_400",
        ),
        (
            "a document is an object",
            "http:json_object",
            "not isinstance(document, dict)",
            "False",
            "unit/test_http.py::test_anything_but_an_object_is_400",
        ),
        (
            "a field is a text",
            "http:text_field",
            "value is not None and not isinstance(value, str)",
            "False",
            "unit/test_http.py::test_a_field_is_a_text_or_not_there",
        ),
        (
            "a comment can be passed on",
            "http:clean_comment",
            'check_sendable("comment", comment)',
            "",
            "unit/test_http.py::test_a_comment_with_what_no_queue_takes_is_400",
        ),
        (
            "a comment has a limit",
            "http:clean_comment",
            "len(cleaned) > MAX_COMMENT_CHARS",
            "False",
            "unit/test_http.py::test_a_comment_has_a_limit_counted_as_browsers_count",
        ),
        (
            "what nobody decided is expired before the sweeper says so",
            "approval_api.answers:closed",
            "Status.CANCELLED if approval.status == Status.CANCELLED else Status.EXPIRED",
            "approval.status",
            "unit/test_approval_handler.py::"
            "TestClosed::test_an_expired_one_is_too_late_and_says_what_it_was_about",
        ),
        (
            "every answer has the policy",
            "approval_api.answers:_response",
            HEADERS,
            HEADERS.replace('"content-security-policy": page_parts.content_security_policy(),', ""),
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "no answer is stored",
            "approval_api.answers:_response",
            '"no-store"',
            '"max-age=60"',
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "no link is passed on",
            "approval_api.answers:_response",
            '"no-referrer"',
            '"origin"',
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "no answer is taken for something else",
            "approval_api.answers:_response",
            HEADERS,
            HEADERS.replace('"x-content-type-options": "nosniff",', ""),
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "no answer is indexed",
            "approval_api.answers:_response",
            HEADERS,
            HEADERS.replace('"x-robots-tag": "noindex, nofollow",', ""),
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "a text is escaped",
            "page_parts:shown",
            "html.escape(text)",
            "text",
            "unit/test_approval_handler.py::"
            "TestDecidedAlready::test_the_page_says_what_was_decided_by_whom_and_when",
        ),
        (
            "what is invisible is shown",
            "page_parts:shown",
            'visible(html.escape(text), lambda run: f"<mark>{code_points(run)}</mark>")',
            "html.escape(text)",
            "unit/test_approval_handler.py::TestLooking::test_what_cannot_be_seen_is_marked",
        ),
        (
            "a title is escaped",
            "page_parts:page",
            "html.escape(visible(title))",
            "visible(title)",
            "unit/test_approval_handler.py::TestLooking::test_markup_in_any_field_is_text",
        ),
        (
            "an editor's text is escaped",
            "form_parts:_text_field",
            "html.escape(now if edited is None else edited)",
            "now if edited is None else edited",
            "unit/test_approval_handler.py::TestLooking::test_markup_in_any_field_is_text",
        ),
        (
            "the policy allows nothing",
            "page_parts:content_security_policy",
            """
            (
                f"default-src 'none'; style-src {styles}; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'"
            )
            """,
            """
            (
                f"default-src *; style-src {styles}; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'"
            )
            """,
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "a form goes nowhere else",
            "page_parts:content_security_policy",
            """
            (
                f"default-src 'none'; style-src {styles}; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'"
            )
            """,
            """
            (
                f"default-src 'none'; style-src {styles}; "
                "frame-ancestors 'none'; base-uri 'none'"
            )
            """,
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "the page is in no frame",
            "page_parts:content_security_policy",
            """
            (
                f"default-src 'none'; style-src {styles}; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'"
            )
            """,
            """
            (
                f"default-src 'none'; style-src {styles}; form-action 'self'; "
                "base-uri 'none'"
            )
            """,
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "the page has no other base",
            "page_parts:content_security_policy",
            """
            (
                f"default-src 'none'; style-src {styles}; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'"
            )
            """,
            """
            (
                f"default-src 'none'; style-src {styles}; form-action 'self'; "
                "frame-ancestors 'none'"
            )
            """,
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "a style is known by its hash",
            "page_parts:content_security_policy",
            """
            (
                f"default-src 'none'; style-src {styles}; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'"
            )
            """,
            """
            (
                f"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'"
            )
            """,
            "unit/test_approval_handler.py::"
            "TestHeaders::test_every_answer_is_private_and_forbids_all_but_its_form",
        ),
        (
            "a comment that comes back is escaped",
            "review_pages:_form",
            'html.escape(draft.comment or "")',
            'draft.comment or ""',
            "unit/test_approval_handler.py::"
            "TestEditing::test_the_page_comes_back_with_what_was_typed",
        ),
        (
            "what was withdrawn is not too late",
            "review_pages:closed_page",
            "WITHDRAWN if is_withdrawn else HEADINGS[410]",
            "HEADINGS[410]",
            "unit/test_approval_handler.py::"
            "TestClosed::test_a_cancelled_one_is_withdrawn_by_whom_when_and_why",
        ),
        (
            "a decided page has no other text",
            "review_pages:text_shown",
            "approval.in_force.content, approval.asked.content",
            "approval.asked.content, approval.asked.content",
            "unit/test_approval_handler.py::TestEditing::test_the_answer_shows_the_text_in_force",
        ),
        (
            "what was refused is not done",
            "outcomes:effect_of",
            "REFUSED if approval.refused or said_no else DONE",
            "DONE",
            "unit/test_outcomes.py::test_an_effect_is_told_by_the_record",
        ),
        (
            "a refusal that is only an answer counts",
            "outcomes:effect_of",
            "approval.refused or said_no",
            "approval.refused",
            "unit/test_outcomes.py::test_an_effect_is_told_by_the_record",
        ),
        (
            "what was never made is told",
            "outcomes:effect_of",
            "approval.status == Status.APPROVED and approval.not_done is not None",
            "False",
            "unit/test_approval_handler.py::"
            "TestWhatBecameOfIt::test_one_that_was_never_made_says_so_and_why",
        ),
        (
            "what was made after all is done",
            "outcomes:effect_of",
            "approval.status == Status.APPROVED and approval.not_done is not None",
            "approval.not_done is not None",
            "unit/test_outcomes.py::test_an_effect_is_told_by_the_record",
        ),
        (
            "a reason is short",
            "outcomes:reason_of",
            "str(text)[:MAX_REASON_CHARS]",
            "str(text)",
            "unit/test_outcomes.py::test_a_reason_is_no_longer_than_a_list_can_bear",
        ),
        (
            "what is not done is no longer going on",
            "effect_words:next_step",
            "effects.NOT_DONE",
            "0",
            "unit/test_approval_handler.py::"
            "TestWhatBecameOfIt::test_one_that_was_never_made_says_so_and_why",
        ),
        (
            "a receiver's words are escaped",
            "effect_words:_answer",
            "shown(said)",
            "said",
            "unit/test_approval_handler.py::"
            "TestWhatBecameOfIt::test_one_that_its_receiver_refused_says_so_and_why",
        ),
        (
            "only what its receiver has answered is called done",
            "effect_words:verdict",
            """
            case effects.DONE if approval.answer:
                return words.say("decided.done"), "✓", "yes"
            """,
            """
            case effects.DONE:
                return words.say("decided.done"), "✓", "yes"
            """,
            "unit/test_approval_handler.py::"
            "TestWhatBecameOfIt::test_one_whose_call_was_made_says_so",
        ),
        (
            "direction is shown",
            "text:",
            INVISIBLE,
            INVISIBLE.replace(r"\u2028-\u202e", r"\u2028-\u2029"),
            "unit/test_text.py::test_an_invisible_character_is_shown_as_its_code_point",
        ),
        (
            "tags are shown",
            "text:",
            INVISIBLE,
            INVISIBLE.replace(r'"\U000e0000-\U000e0fff"', '""'),
            "unit/test_text.py::test_every_character_of_a_run_is_shown",
        ),
        (
            "controls are shown",
            "text:",
            INVISIBLE,
            INVISIBLE.replace(r"\x1f\x7f-\x9f", r"\x1f"),
            "unit/test_text.py::test_an_invisible_character_is_shown_as_its_code_point",
        ),
        (
            "a variant that hides is shown",
            "text:",
            r'f"(?:[{_INVISIBLE}]|(?<![{_SYMBOLS}])\ufe0f(?!\u20e3))+"',
            r'f"(?:[{_INVISIBLE}]|(?<![{_SYMBOLS}])\ufe0f\ufe0f)+"',
            "unit/test_text.py::test_an_emoji_variant_is_shown_where_no_emoji_is",
        ),
        (
            "a pile of accents is shown",
            "text:visible",
            "_NOT_LATIN_RUN.sub(lambda run: _without_piles(run[0], mark), seen)",
            "seen",
            "unit/test_text.py::test_of_a_pile_of_accents_only_the_first_six_stay",
        ),
        (
            "the e-mail shows what is invisible",
            "email_parts:content",
            "visible(text)",
            "text",
            "unit/test_notifications.py::test_invisible_characters_are_shown",
        ),
        (
            "no line of a text looks like ours",
            "email_parts:content",
            r'shown.replace("\n", f"\n{before_lines}")',
            "shown",
            "unit/test_notifications.py::test_no_text_can_pass_for_a_link_or_for_another_question",
        ),
        (
            "the lines of a text may not fill more than its share",
            "email_parts:quoted",
            r"""
            if len(shown.encode()) <= room:
                return shown
            return content(text, min(max_bytes, room // len(f"{QUOTE}\n")), QUOTE, words)
            """,
            "return shown",
            "unit/test_notifications.py::"
            "test_long_texts_share_the_e_mail_and_each_says_that_the_page_shows_all",
        ),
        (
            "the arguments may not fill more than their share",
            "email_parts:argument_lines",
            "len(lines) == _MAX_ARGUMENTS or max_bytes < 0",
            "len(lines) == _MAX_ARGUMENTS",
            "unit/test_notifications.py::"
            "test_long_texts_share_the_e_mail_and_each_says_that_the_page_shows_all",
        ),
        (
            "a subject is a line of ASCII",
            "email_parts:one_line",
            '" ".join(visible(name).split())[:_MAX_ARGUMENT_CHARS]',
            "name",
            "unit/test_notifications.py::"
            "test_the_subject_is_one_line_of_ascii_under_100_characters",
        ),
        (
            "a subject holds no link of the agent's",
            "email_parts:beginning",
            '_LINK.sub("[link]", one_line(text[:_MAX_ARGUMENT_CHARS]))',
            "one_line(text[:_MAX_ARGUMENT_CHARS])",
            "unit/test_notifications.py::"
            "test_the_subject_ends_with_how_the_text_begins_where_ascii_can_say_it",
        ),
        (
            "a subject quotes what it can say",
            "email_parts:beginning",
            "room < _MIN_CASE_CHARS or 2 * len(plain) < len(line)",
            "False",
            "unit/test_notifications.py::"
            "test_the_subject_ends_with_how_the_text_begins_where_ascii_can_say_it",
        ),
        (
            "the questions of a turn share the bytes of an e-mail",
            "emails:_several",
            "(MAX_EMAIL_BYTES - len(head.encode())) // len(questions)",
            "MAX_EMAIL_BYTES",
            "unit/test_notifications.py::"
            "test_long_texts_share_the_e_mail_and_each_says_that_the_page_shows_all",
        ),
        (
            "a subject has a limit",
            "emails:_subject",
            "len(f'{fixed}: \"\"')",
            "40",
            "unit/test_notifications.py::"
            "test_the_subject_ends_with_how_the_text_begins_where_ascii_can_say_it",
        ),
        (
            "a subject is cut at what SNS takes",
            "emails:_subject",
            'subject.encode("ascii", "replace").decode()[:MAX_SUBJECT_CHARS]',
            'subject.encode("ascii", "replace").decode()',
            "unit/test_notifications.py::"
            "test_the_longest_subject_of_a_turn_is_under_100_characters",
        ),
        (
            "a language is one that there is",
            "directory:_problem_of_words",
            "person.language not in words.languages()",
            "False",
            "unit/test_words.py::test_an_unknown_language_is_refused_and_those_there_are_are_named",
        ),
        (
            "a zone is one that there is",
            "directory:_problem_of_words",
            "not words.is_zone(person.time_zone)",
            "False",
            "unit/test_words.py::test_an_unknown_zone_is_refused",
        ),
        (
            "without zone data nobody is refused",
            "words:is_zone",
            "_zone(_A_ZONE) is None",
            "False",
            "unit/test_words.py::test_without_zone_data_times_are_in_utc_and_say_so",
        ),
        (
            "what a language lacks is said in English",
            "words:_texts",
            "{**_texts(folder, _ENGLISH), **own}",
            "own",
            "unit/test_words.py::test_what_a_copy_lacks_is_said_in_english",
        ),
        (
            "a refusal speaks the language of its reader",
            "approval_handler:handler",
            "_for_reader(request)",
            "request",
            "flow/test_languages.py::"
            "test_a_german_is_refused_in_german_and_programs_and_the_log_in_english",
        ),
        (
            "an e-mail waits until its message is a second old",
            "pace:MessagePace.wait",
            "min(self._earliest, now + 1)",
            "now",
            "unit/test_pace.py::test_all_senders_together_stay_within_sns_rate[5-200]",
        ),
        (
            "an e-mail that is sent again waits for a second",
            "pace:MessagePace.wait",
            "self._earliest = math.inf",
            "pass",
            "unit/test_pace.py::"
            "test_a_short_run_waits_for_the_rest_of_its_second_and_a_repeat_for_a_whole_one",
        ),
        (
            "a wait is no longer than the function",
            "pace:MessagePace.wait",
            "at > self.deadline - MARGIN_SECONDS",
            "False",
            "unit/test_pace.py::"
            "test_too_late_for_the_function_comes_back_and_sends_nothing_too_fast[message]",
        ),
        (
            "a place in the queue has one owner",
            "shared_pace:SharedPace._take_free",
            '("free_ms", "free_ms > :now")',
            '(":now", "free_ms > :now")',
            "unit/test_pace.py::test_each_later_one_takes_the_next_place",
        ),
        (
            "who takes a place waits for it",
            "shared_pace:SharedPace.wait",
            "self.sleep(max(0, at - now))",
            "pass",
            "unit/test_pace.py::test_all_senders_together_stay_within_sns_rate[50-300]",
        ),
        (
            "a place after the function's end is not waited for",
            "shared_pace:SharedPace.wait",
            "at > max(now, self.deadline - MARGIN_SECONDS)",
            "False",
            "unit/test_pace.py::"
            "test_too_late_for_the_function_comes_back_and_sends_nothing_too_fast[shared]",
        ),
        (
            "a place after the function's end is kept",
            "shared_pace:SharedPace.wait",
            "self._keep(key, at_ms)",
            "",
            "unit/test_pace.py::test_a_place_after_the_functions_end_is_kept_for_the_next_delivery",
        ),
        (
            "a kept place is taken once",
            "shared_pace:SharedPace._take_kept",
            'self._update(key, "REMOVE kept", {"now": self._now_ms()}, "kept > :now")',
            'self._update(key, "SET at_ms = at_ms", {"now": self._now_ms()}, "kept > :now")',
            "unit/test_pace.py::test_a_kept_place_is_taken_once_and_not_after_its_time",
        ),
        (
            "a kept place whose time is over is none",
            "shared_pace:SharedPace._take_kept",
            'self._update(key, "REMOVE kept", {"now": self._now_ms()}, "kept > :now")',
            'self._update(key, "REMOVE kept", {"now": self._now_ms()}, "kept > :now OR kept <= '
            ':now")',
            "unit/test_pace.py::test_a_kept_place_is_taken_once_and_not_after_its_time",
        ),
        (
            "nobody is sent away for longer than SQS can",
            "shared_pace:SharedPace.wait",
            "min(max(now, at - LEAD_SECONDS), now + MAX_AWAY_SECONDS)",
            "max(now, at - LEAD_SECONDS)",
            "unit/test_pace.py::test_nobody_is_sent_away_for_longer_than_sqs_can",
        ),
        (
            "who has a far place comes back before it",
            "shared_pace:SharedPace.wait",
            "at - LEAD_SECONDS",
            "at",
            "unit/test_pace.py::test_a_place_after_the_functions_end_is_kept_for_the_next_delivery",
        ),
        (
            "each try of an e-mail waits for its pace",
            "notifications:Notifier._publish",
            "self.pace.wait(key)",
            """
            if not is_last_try:
                self.pace.wait(key)
            """,
            "unit/test_notifications.py::"
            "test_a_connection_that_broke_is_tried_once_more_in_the_pace",
        ),
        (
            "what SNS refuses is not sent again",
            "notifications:Notifier._publish",
            "is_last_try or _is_refused(error)",
            "is_last_try",
            "unit/test_notifications.py::test_what_sns_refuses_is_not_sent_again",
        ),
        (
            "the same link goes out each time",
            "notifications:Notifier._question",
            "approval.decide_by",
            "approval.decide_by + len(occasion)",
            "flow/test_sweep.py::test_a_reminder_at_half_time_has_the_same_links_and_comes_once",
        ),
        (
            "a fault is logged without its text",
            "observability:facts_of",
            "type(fault).__name__",
            "repr(fault)",
            "unit/test_agent_handler.py::test_a_fault_is_logged_with_its_first_cause",
        ),
        (
            "a trace has no exception's text",
            "tracing:enable",
            "Entity.add_exception = lambda entity, *_, **__: entity.add_fault_flag()",
            "",
            "unit/test_tracing.py::test_the_text_of_an_aws_error_is_not_sent",
        ),
        (
            "a cancellation does what was sent or nothing",
            "operator_requests:_body",
            "http.only_known(fields, known)",
            "",
            "unit/test_operator_handler.py::"
            "TestCancelling::test_a_field_that_is_not_known_is_400_and_named",
        ),
        (
            "a cancellation has nothing in its query",
            "operator_requests:_body",
            "http.no_query(event, *http.SIGNATURE_NAMES)",
            "",
            "unit/test_operator_handler.py::"
            "TestCancelling::test_what_stands_in_the_query_is_400_and_named",
        ),
        (
            "an operator's unknown field is not logged",
            "operator_handler:handler",
            '{"status": refusal.status, "reason": refusal.logged}',
            '{"status": refusal.status, "reason": refusal.reason}',
            "unit/test_operator_handler.py::"
            "test_the_name_of_an_unknown_field_is_answered_and_not_logged",
        ),
        (
            "a post has all that was sent",
            "unitok_requests:parse_submission",
            "http.only_known(document, SUBMISSION_FIELDS)",
            "",
            "example/test_unitok.py::test_a_field_that_is_not_known_is_400_and_named",
        ),
        (
            "a post has nothing in its query",
            "unitok_requests:parse_submission",
            "http.no_query(event, *http.SIGNATURE_NAMES)",
            "",
            "example/test_unitok.py::test_a_field_in_the_query_of_a_post_is_400_and_named",
        ),
        (
            "what anybody may read has a bound of bytes",
            "unitok_handler:_read",
            "len(parts) == most or (parts and size_bytes > MAX_POSTS_BYTES)",
            "len(parts) == most",
            "example/test_unitok.py::"
            "test_an_unsigned_answer_has_a_bound_of_bytes_and_so_has_what_is_read_for_it",
        ),
        (
            "the largest post is shown",
            "unitok_handler:_read",
            "parts and size_bytes > MAX_POSTS_BYTES",
            "size_bytes > MAX_POSTS_BYTES",
            "example/test_unitok.py::test_the_largest_post_has_an_answer_of_its_own",
        ),
        (
            "what anybody may read has few posts",
            "unitok_handler:_read",
            "page.limit or POSTS_PER_ANSWER",
            "page.limit or 10**9",
            "example/test_unitok.py::test_twenty_posts_are_listed_unless_a_limit_is_asked_for",
        ),
        (
            "no limit is larger than a hundred",
            "unitok_handler:_read",
            "min(page.limit or POSTS_PER_ANSWER, MAX_POSTS_PER_ANSWER)",
            "page.limit or POSTS_PER_ANSWER",
            "example/test_unitok.py::test_a_hundred_posts_are_listed_at_most",
        ),
        (
            "UniTok's unknown field is not logged",
            "unitok_handler:handler",
            '{"status": refusal.status, "reason": refusal.logged}',
            '{"status": refusal.status, "reason": refusal.reason}',
            "example/test_unitok.py::test_content_is_never_logged_or_repeated_in_a_reason",
        ),
        (
            "a content is a plain text",
            "calls:ProtectedTool._content_problem",
            'not isinstance(schema, dict) or schema.get("type") != "string"',
            "not isinstance(schema, dict)",
            "unit/test_calls.py::"
            "test_a_content_that_is_no_plain_text_is_refused_when_the_tool_is_made",
        ),
        (
            "a content is among the arguments",
            "calls:ProtectedTool._content_problem",
            'not isinstance(schema, dict) or schema.get("type") != "string"',
            'schema and schema.get("type") != "string"',
            "unit/test_calls.py::"
            "test_a_content_that_is_no_plain_text_is_refused_when_the_tool_is_made",
        ),
        (
            "an edit is held to all of the content's schema",
            "calls:ProtectedTool._content_problem",
            'sorted(schema.keys() - {"type", *self.HELD, *forms.NOTES})',
            "[]",
            "unit/test_calls.py::"
            "test_what_an_edit_could_not_be_held_to_is_refused_when_the_tool_is_made",
        ),
        (
            "a content's pattern is one",
            "forms:obstacle_of",
            're.compile(schema.get("pattern", ""))',
            "",
            "unit/test_calls.py::"
            "test_what_an_edit_could_not_be_held_to_is_refused_when_the_tool_is_made",
        ),
        (
            "a call has its content",
            "calls:ProtectedTool.call",
            'complete.pop(self.content_field, "")',
            "complete.pop(self.content_field)",
            "unit/test_calls.py::test_a_call_without_its_content_tells_the_model_why",
        ),
        (
            "no message of a conversation is read",
            "session_facts:SessionFacts.of",
            '", ".join(f"#{name}" for name in ATTRIBUTES)',
            '", ".join(f"#{name}" for name in ATTRIBUTES) + ", messages"',
            "unit/test_operator_handler.py::"
            "TestHistoryOfASession::test_no_message_of_the_conversation_is_read",
        ),
        (
            "what a session has not is null",
            "session_facts:SessionFacts.of",
            "item.get(name) or None",
            "item.get(name)",
            "unit/test_operator_handler.py::"
            "TestHistoryOfASession::test_what_a_session_has_not_is_null",
        ),
        (
            "the session shown is that of the agent that asked last",
            "listing:history",
            "by_agent.get(asked_last) or next(iter(sessions), None)",
            "next(iter(sessions), None)",
            "unit/test_operator_handler.py::"
            "TestHistoryOfASession::test_of_two_agents_sessions_it_is_the_one_that_asked_last",
        ),
        (
            "a session that asked nobody has a history",
            "operator_handler:_history",
            "not asked and not found",
            "not asked",
            "unit/test_operator_handler.py::"
            "TestHistoryOfASession::test_a_session_that_ended_without_asking_anybody_is_told_too",
        ),
        (
            "a session that is gone leaves its approvals",
            "operator_handler:_history",
            "not asked and not found",
            "not found",
            "unit/test_operator_handler.py::"
            "TestHistoryOfASession::"
            "test_a_session_that_is_gone_is_null_and_its_approvals_are_there",
        ),
        (
            "few posts are read in vain",
            "unitok_posts:",
            "POSTS_PER_BATCH = 5",
            "POSTS_PER_BATCH = 40",
            "example/test_unitok.py::"
            "test_an_unsigned_answer_has_a_bound_of_bytes_and_so_has_what_is_read_for_it",
        ),
    )
)
