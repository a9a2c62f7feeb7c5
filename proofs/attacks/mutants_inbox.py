"""Guards of the inbox: who gets in, with what, and what is decided there."""

from mutants import Mutant, of_code

_FLOW = "flow/test_inbox.py::"
_OPEN = _FLOW + "test_all_that_is_open_is_shown_to_all_and_decided_by_those_alone_who_are_asked"
_ALONE = _FLOW + "test_the_e_mails_link_works_in_the_browser_that_asked_alone"
_FOREIGN = _FLOW + "test_a_form_of_another_site_changes_nothing"
_FLOOD = _FLOW + "test_nobody_learns_who_is_an_approver_and_nobody_is_flooded"
_KINDS = _FLOW + "test_a_token_of_one_kind_opens_nothing_of_another"
_ENDS = _FLOW + "test_a_link_ends_after_ten_minutes_and_a_session_after_eight_hours"
_LEFT = _FLOW + "test_whoever_has_left_is_out_at_once"
_HEADERS = _FLOW + "test_every_page_forbids_script_frames_and_keeping"
_OUTCOMES = _FLOW + "test_of_several_each_has_its_own_outcome"

INBOX: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "a form is of this site",
            "inbox:answer",
            "access.check_origin(inbox, event)",
            "None",
            _FOREIGN,
        ),
        (
            "an origin is compared as a whole",
            "inbox_access:check_origin",
            'http.headers(event).get("origin") != _origin_of(base_url(inbox, event))',
            'not str(http.headers(event).get("origin")).startswith('
            "_origin_of(base_url(inbox, event)))",
            _FOREIGN,
        ),
        (
            "a sign-in link works in one browser",
            "passes:SignIn.is_for",
            "self.browser in (ANY_BROWSER, browser_of(cookie))",
            "bool(browser_of(cookie))",
            _ALONE,
        ),
        (
            "a look at the e-mail's link signs nobody in",
            "inbox:_sign_in",
            "_page(200, pages.sign_in_button_page(access.look(services, event, token, now)))",
            "_page(200, '', access.take(services, event, token, now).cookie)",
            _ALONE,
        ),
        (
            "the browser's cookie is forgotten once it is used",
            "inbox:_sign_in",
            "_redirect(_place(taken), taken.cookie, access.forget(access.ASKED))",
            "_redirect(_place(taken), taken.cookie)",
            _ALONE,
        ),
        (
            "who asks twice gets in by the one e-mail",
            "inbox_access:ask",
            "_asking(event) or secrets.token_urlsafe(_ASKED_BYTES)",
            "secrets.token_urlsafe(_ASKED_BYTES)",
            _FLOW + "test_who_asks_twice_within_a_minute_gets_in_by_the_one_e_mail",
        ),
        (
            "a browser is known by what it was given",
            "inbox_access:_asking",
            'given if _ASKED_PATTERN.fullmatch(given) else ""',
            "given",
            _FLOW + "test_what_no_browser_was_given_is_replaced",
        ),
        (
            "a sign-in link ends",
            "inbox_access:look",
            "person is None or sign_in.expires_at <= now or not sign_in.is_for(_asking(event))",
            "person is None or not sign_in.is_for(_asking(event))",
            _ENDS,
        ),
        (
            "a sign-in link of one who has left opens nothing",
            "inbox_access:look",
            "services.people.get(sign_in.person)",
            "services.people.get(sign_in.person) or Person(sign_in.person, '', '')",
            _LEFT,
        ),
        (
            "a session ends",
            "inbox_access:signed_in",
            "session.expires_at > now",
            "session.expires_at",
            _ENDS,
        ),
        (
            "a session of one who has left is none",
            "inbox_access:signed_in",
            "services.people.get(session.person)",
            "services.people.get(session.person) or Person(session.person, '', '')",
            _LEFT,
        ),
        (
            "a session's cookie is of its own kind",
            "passes:read_session",
            "said(keys, token, (SIGNED_IN,))",
            "said(keys, token, (1, 2, 3, 4, 5))[:2]",
            _KINDS,
        ),
        (
            "a sign-in token is of its own kind",
            "passes:read_sign_in",
            "said(keys, token, (SIGN_IN,))",
            "(lambda f: (f[0], ANY_BROWSER, f[-1]))(said(keys, token, (1, 2, 3, 4, 5)))",
            _KINDS,
        ),
        (
            "who asks learns nothing of who is an approver",
            "inbox:_send_link",
            "_page(200, pages.sent_page(words_of(event)), cookie)",
            "_page(200, pages.sent_page(Words()) + str(address in str(services.people)), cookie)",
            _FLOOD,
        ),
        (
            "a person is sent one link a minute",
            "inbox_access:_take_turn",
            '"attribute_not_exists(sent_at) OR sent_at <= :before"',
            '"attribute_not_exists(sent_at) OR sent_at <= :now AND :before < :now"',
            _FLOOD,
        ),
        (
            "a link that was not sent counts for nothing",
            "inbox_access:ask",
            "_give_back_turn(inbox, person)",
            "None",
            _FLOW + "test_an_e_mail_that_could_not_be_sent_is_sent_at_the_next_try",
        ),
        (
            "signing in leads to approvals alone",
            "inbox:_to",
            "_REF.fullmatch(ref)",
            "ref",
            _FLOW + "test_it_leads_back_to_approvals_alone",
        ),
        (
            "a path is a path",
            "inbox:",
            r'r"(?!\.{1,2}/)([A-Za-z0-9._:-]{1,128})/([A-Za-z0-9_-]{1,64})"',
            r'r"([A-Za-z0-9._:-]{1,128})/([A-Za-z0-9_-]{1,64})"',
            _FLOW + "test_it_leads_back_to_approvals_alone",
        ),
        (
            "a page of the inbox wants a session",
            "inbox:answer",
            "return _to_sign_in(path)",
            "person = next(iter(services.people.values()))",
            _FLOW + "test_who_is_not_signed_in_is_asked_to_and_comes_back_to_the_approval",
        ),
        (
            "a form of the inbox wants a session",
            "inbox:answer",
            "raise RefusedError(403, SIGN_IN_AGAIN)",
            "person = next(iter(services.people.values()))",
            _LEFT,
        ),
        (
            "a person who is not asked gets no form",
            "reviewing:show",
            "link.via == BY_LINK or link.person in (approval.approvers or ())",
            "True",
            _FLOW
            + "test_all_that_is_open_is_shown_to_all_and_decided_by_those_alone_who_are_asked",
        ),
        (
            "a link that wants a sign-in has no form",
            "reviewing:show",
            "link.wants_sign_in or not is_asked",
            "not is_asked",
            _FLOW + "test_where_a_policy_wants_it_a_link_shows_and_only_who_is_signed_in_decides",
        ),
        (
            "a link that wants a sign-in decides nothing",
            "reviewing:decide",
            "raise RefusedError(403, SIGN_IN_FIRST)",
            "pass",
            _FLOW + "test_where_a_policy_wants_it_a_link_shows_and_only_who_is_signed_in_decides",
        ),
        (
            "links of what wants a sign-in say so",
            "notifications:flags_of",
            "links.WANTS_SIGN_IN if approval.sign_in else 0",
            "0",
            _FLOW + "test_where_a_policy_wants_it_a_link_shows_and_only_who_is_signed_in_decides",
        ),
        (
            "who is signed in needs no other sign-in",
            "links:Link.wants_sign_in",
            "bool(self.flags & WANTS_SIGN_IN) and self.via == BY_LINK",
            "bool(self.flags & WANTS_SIGN_IN)",
            _FLOW + "test_votes_that_want_a_sign_in_are_counted_in_the_inbox",
        ),
        (
            "the record says that somebody was signed in",
            "inbox:_Signed._link",
            "Link(*ids, self.person.id, flags_of(wait), access.BY_SIGN_IN)",
            "Link(*ids, self.person.id, flags_of(wait))",
            _FLOW + "test_votes_that_want_a_sign_in_are_counted_in_the_inbox",
        ),
        (
            "several are decided as they were seen",
            "inbox:_Signed._became",
            "Choice(decision, comment, seen=seen)",
            "Choice(decision, comment, seen=wait.in_force.digest)",
            _OUTCOMES,
        ),
        (
            "each of several is seen",
            "inbox:_Signed._decide_all",
            "not refs or len(refs) > MAX_BATCH or len(seen) != len(refs)",
            "not refs or len(refs) > MAX_BATCH",
            _FLOW + "test_what_cannot_be_ticked_is_refused",
        ),
        (
            "only what waits for a person is shown among several",
            "inbox:_Signed._batch",
            "lists.is_for(wait, self.person, self.now) and not wait.is_question",
            "not wait.is_question",
            _FLOW + "test_somebody_elses_are_never_decided_with_several",
        ),
        (
            "a list of a person has what waits for that one alone",
            "inbox_list:is_for",
            "person.id in wait.to_be_asked",
            "person.id",
            _FLOW
            + "test_all_that_is_open_is_shown_to_all_and_decided_by_those_alone_who_are_asked",
        ),
        (
            "what is over is not open",
            "inbox_list:_open_page",
            "not wait.is_open(now) or wait.call is None",
            "wait.call is None",
            _FLOW + "test_what_is_decided_is_open_no_more_before_the_agent_has_heard_of_it",
        ),
        (
            "a position of the decided is one of the index",
            "inbox_list:_read_entry",
            "not is_one or type(entry.decided_at) is not int or "
            "not 0 <= entry.decided_at < MAX_TIME",
            "False",
            _FLOW + "test_a_next_that_no_page_gave_is_refused",
        ),
        (
            "the decided go on where they stopped",
            "decided:DecidedWaits.entries",
            "after if after and month_of(after.decided_at) == month else None",
            "None",
            _FLOW + "test_decided_goes_on_from_page_to_page_over_months",
        ),
        (
            "only who is asked, or requested it, does something about it",
            "inbox_actions:may_act",
            'wait.is_open(now) and (is_asked or person.is_called(wait.requested_by or ""))',
            "wait.is_open(now)",
            _FLOW + "test_who_is_neither_asked_nor_requested_it_does_nothing_about_it",
        ),
        (
            "nothing is done about what is over",
            "inbox_actions:may_act",
            'wait.is_open(now) and (is_asked or person.is_called(wait.requested_by or ""))',
            'is_asked or person.is_called(wait.requested_by or "")',
            _FLOW + "test_what_is_over_or_unknown_is_refused",
        ),
        (
            "more time, pressed twice, is one day",
            "inbox_actions:_extend",
            "read != str(wait.decide_by)",
            "not read",
            _FLOW + "test_a_person_gives_more_time_and_the_links_are_sent_anew",
        ),
        (
            "more time has an end",
            "inbox_actions:later_end",
            "min(wait.decide_by + SECONDS_PER_DAY, latest_end(wait))",
            "wait.decide_by + SECONDS_PER_DAY",
            _FLOW + "test_a_person_gives_more_time_and_the_links_are_sent_anew",
        ),
        (
            "what is withdrawn is told to the agent",
            "inbox_actions:_withdraw",
            "tell_agent(services, done.approval, again=None)",
            "None",
            _FLOW + "test_who_requested_it_withdraws_it_and_the_agent_hears_why",
        ),
        (
            "a conversation is shown only where the stack is told so",
            "asking:Asking._made",
            "self.shows_context and wait.call is not None",
            "wait.call is not None",
            "flow/test_any_call.py::"
            "test_by_default_nobody_sees_of_the_conversation_but_what_is_asked",
        ),
        (
            "cookies are of this host, and of no script",
            "inbox_access:_set",
            'f"{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}"',
            'f"{name}={value}; Path=/; Secure; SameSite=Lax; Max-Age={seconds}"',
            _FLOW + "test_signing_out_forgets_the_session",
        ),
        (
            "signing out forgets the session",
            "inbox:_Signed.answer",
            'return _redirect("sign-in", access.forget(access.SESSION))',
            'return _redirect("sign-in")',
            _FLOW + "test_signing_out_forgets_the_session",
        ),
        (
            "a page's own forms have an origin",
            "approval_api.answers:with_own_origin",
            '{"referrer-policy": "same-origin"}',
            '{"referrer-policy": "no-referrer"}',
            _HEADERS,
        ),
    )
)
