"""Guards of e-mails that go to people's own addresses, by SES and as HTML."""

from mutants import Mutant, of_code

_FLOW = "flow/test_mail_from.py::"
_HTML = "unit/test_email_html.py::"
_UNIT = "unit/test_notifications.py::"

LETTERS: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "without letters SNS takes all",
            "notifications:Notifier.send",
            "i is not None and self.letters",
            "i is not None",
            _UNIT + "test_a_turn_asks_each_person_all_that_is_for_them_and_nothing_else",
        ),
        (
            "SNS gets none of what SES takes",
            "notifications:Notifier.send",
            "entries[: len(entries) - len(by_ses)]",
            "entries",
            _UNIT + "test_where_there_are_letters_sns_gets_only_what_is_for_nobody_by_name",
        ),
        (
            "as many must be reached as must agree",
            "notifications:Notifier._can_agree",
            "i in self.people and i not in refused",
            "i in self.people",
            _UNIT + "test_as_many_must_be_reached_as_must_agree",
        ),
        (
            "what SES throttles is sent again",
            "letters:Letters._is_sent",
            "code in THROTTLED and self.clock() + pause <= until",
            "False",
            _FLOW + "test_the_rate_of_the_account_is_waited_for_and_nobody_gets_two",
        ),
        (
            "patience ends",
            "letters:Letters.send",
            "self.clock() + PATIENCE_SECONDS",
            "self.clock() + 100",
            _FLOW + "test_what_stays_throttled_fails_and_is_delivered_again",
        ),
        (
            "nothing is waited for at the function's end",
            "letters:Letters.send",
            "self.pace.deadline - MARGIN_SECONDS",
            "self.clock() + 100",
            "unit/test_letters.py::test_at_the_functions_end_nothing_is_waited_for",
        ),
        (
            "a service in trouble is asked once more",
            "letters:Letters._is_sent",
            "has_broken or not _is_broken(error)",
            "True",
            _FLOW + "test_a_service_in_trouble_is_asked_once_more_for_this_one_alone",
        ),
        (
            "and not for ever",
            "letters:Letters._is_sent",
            "has_broken or not _is_broken(error)",
            "not _is_broken(error)",
            _FLOW + "test_a_service_in_trouble_is_asked_once_more_for_this_one_alone",
        ),
        (
            "a right that is missing is a fault",
            "letters:_is_broken",
            'response is None or response["ResponseMetadata"]["HTTPStatusCode"] >= 500',
            "True",
            _FLOW + "test_a_right_that_is_missing_is_a_fault_at_once",
        ),
        (
            "whom SES refuses keeps nobody from being asked",
            "letters:Letters._is_sent",
            "code in REFUSED",
            "False",
            _FLOW + "test_whom_ses_refuses_is_loud_and_keeps_nobody_else_from_being_asked",
        ),
        (
            "a refusal is counted",
            "letters:_note_refusal",
            'put_metric("EmailRefused")',
            "pass",
            _FLOW + "test_whom_ses_refuses_is_loud_and_keeps_nobody_else_from_being_asked",
        ),
        (
            "no answering machine answers",
            "letters:Letters._message",
            "[AUTOMATIC]",
            "[]",
            _FLOW + "test_a_letter_is_from_mail_from_to_one_person_as_text_and_as_html",
        ),
        (
            "a reminder by name needs no subscription",
            "sweeper_handler:_notify",
            "is_escalation or approval.approvers is None or not notifier.letters",
            "True",
            _FLOW + "test_a_reminder_by_name_needs_no_subscription",
        ),
        (
            "what SNS takes needs one",
            "sweeper_handler:_notify",
            "is_escalation or approval.approvers is None or not notifier.letters",
            "False",
            "flow/test_sweep.py::test_what_would_reach_nobody_is_not_done_but_tried_again",
        ),
        (
            "the agent's words are escaped",
            "email_html:_agents",
            "escape(text, quote=False)",
            "text",
            _HTML + "test_the_text_is_shown_word_for_word_in_a_box_and_the_values_in_a_table",
        ),
        (
            "ours are, too: they hold names",
            "email_html:_said",
            "escape(text, quote=False)",
            "text",
            _HTML + "test_the_e_mail_of_a_sign_in_has_one_button",
        ),
        (
            "a link stays within its attribute",
            "email_html:_button",
            "escape(url)",
            "url.replace('&', '\" title=\"')",
            _HTML + "test_its_buttons_are_its_only_links",
        ),
        (
            "invisible characters are seen in HTML",
            "email_html:_cut",
            "visible(text).encode()",
            "text.encode()",
            _HTML + "test_what_cannot_be_seen_is_marked_and_said",
        ),
        (
            "a long text is cut in HTML",
            "email_html:_cut",
            "len(whole.encode()) <= max_bytes or len(data) <= _KB",
            "True",
            _HTML + "test_long_texts_are_cut_and_say_that_the_page_shows_all",
        ),
        (
            "a short text is whole",
            "email_html:_cut",
            "len(whole.encode()) <= max_bytes or len(data) <= _KB",
            "len(whole.encode()) <= max_bytes",
            _HTML + "test_a_text_of_a_kilobyte_is_whole_whatever_is_beside_it",
        ),
        (
            "the frame of an e-mail runs no script",
            "mail_page:_html",
            "escape(html)",
            "html",
            "unit/test_local_parts.py::"
            "test_an_e_mail_of_ses_is_shown_as_a_person_gets_it_and_keeps_its_contract",
        ),
        (
            "who has left people.toml is called by the address",
            "sent_letters:Letters._mail",
            "ids.get(address, address)",
            "ids[address]",
            "unit/test_local_parts.py::test_what_ses_sent_is_read_once_and_named_by_people_toml",
        ),
        (
            "nobody is asked by a dry run",
            "senders:_one",
            "is_dry",
            "False",
            "unit/test_approvers.py::test_with_mail_from_a_dry_run_asks_nobody",
        ),
        (
            "a sender that is not verified is not well",
            "senders:check",
            "any(_verified(ses, name) for name in _identities(mail_from))",
            "True",
            "unit/test_approvers.py::test_with_production_access_everyone_is_reached",
        ),
    )
)
