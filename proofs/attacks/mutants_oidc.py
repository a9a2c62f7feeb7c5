"""Guards of signing in at an issuer of OpenID Connect: what comes back, and of whom."""

from mutants import Mutant, of_code

_FLOW = "flow/test_inbox_oidc.py::"
_CLAIMS = _FLOW + "test_a_token_of_another_issuer_client_sign_in_or_time_signs_nobody_in"
_SUB = _FLOW + "test_who_has_a_sub_in_the_file_is_found_by_it_and_by_no_address"
_ONCE = _FLOW + "test_a_way_back_is_gone_once"
_OTHER = _FLOW + "test_the_way_back_of_another_browser_signs_nobody_in"
_ASTRAY = _FLOW + "test_a_document_of_another_issuer_or_that_leads_astray_is_not_followed"
_OTHERWISE = _FLOW + "test_an_issuer_that_answers_otherwise_signs_nobody_in"
_LOCAL = _FLOW + "test_a_stack_on_this_machine_asks_no_other_without_encryption"
_SAME_MACHINE = _FLOW + "test_only_a_stack_on_the_same_machine_asks_an_issuer_without_encryption"
_TLS = _FLOW + "test_an_issuers_certificate_is_looked_at"
_KEEPS = _FLOW + "test_what_is_sent_along_is_not_what_the_browser_keeps"
_LINK = "flow/test_inbox_link.py::"
_OFF = _FLOW + "test_where_people_sign_in_elsewhere_no_e_mail_signs_in"

OIDC: tuple[Mutant, ...] = tuple(
    of_code(
        (
            "a token is of the issuer",
            "oidc_claims:check",
            'claims.get("iss") == issuer.url',
            "True",
            _CLAIMS,
        ),
        (
            "a token is for this client alone",
            "oidc_claims:check",
            'claims.get("aud") in (issuer.client_id, [issuer.client_id])',
            'issuer.client_id in (claims.get("aud") or issuer.client_id)',
            _CLAIMS,
        ),
        (
            "a token was asked for by this client",
            "oidc_claims:check",
            'claims.get("azp", issuer.client_id) == issuer.client_id',
            "True",
            _CLAIMS,
        ),
        (
            "a token ends",
            "oidc_claims:check",
            'type(claims.get("exp")) in (int, float) and claims["exp"] > now',
            'type(claims.get("exp")) in (int, float)',
            _CLAIMS,
        ),
        (
            "a token's end is a time",
            "oidc_claims:check",
            'type(claims.get("exp")) in (int, float) and claims["exp"] > now',
            'int(claims.get("exp") or now + 1) > now',
            _CLAIMS,
        ),
        (
            "a token is of this sign-in",
            "oidc_claims:check",
            'claims.get("nonce") == nonce',
            "True",
            _CLAIMS,
        ),
        (
            "a token says of whom it is",
            "oidc_claims:check",
            'isinstance(claims.get("sub"), str) and claims["sub"] != ""',
            'claims.setdefault("sub", "") is not None',
            _CLAIMS,
        ),
        (
            "an address is verified",
            "oidc_claims:person_of",
            'claims.get("email_verified") is True',
            'bool(claims.get("email_verified"))',
            _FLOW + "test_an_address_that_is_not_verified_is_nobodys",
        ),
        (
            "who has a sub is found by no address",
            "oidc_claims:person_of",
            "p.oidc is None and _is_same(address, p.email)",
            "_is_same(address, p.email)",
            _SUB,
        ),
        (
            "a sub is compared to the letter",
            "oidc_claims:person_of",
            "person.oidc == sub",
            'str(person.oidc or "").lower() == sub.lower()',
            _SUB,
        ),
        (
            "addresses are compared in ASCII",
            "oidc_claims:_is_same",
            "address.isascii() and address.lower() == known.lower()",
            "address.lower() == known.lower()",
            _FLOW + "test_letters_that_only_fold_alike_are_others",
        ),
        (
            "a sign-in elsewhere ends",
            "inbox_oidc:_gone",
            "gone.expires_at <= now or not is_same",
            "not is_same",
            _FLOW + "test_a_sign_in_takes_ten_minutes_at_most",
        ),
        (
            "a way back is this browser's",
            "inbox_oidc:_gone",
            "gone.expires_at <= now or not is_same",
            "gone.expires_at <= now",
            _OTHER,
        ),
        (
            "what a browser keeps meanwhile is of its own kind",
            "passes:read_gone",
            "said(keys, token, (GONE,))",
            "said(keys, token, (1, 2, 3, 4, 5, 6))",
            _FLOW + "test_what_a_browser_keeps_meanwhile_is_of_its_own_kind",
        ),
        (
            "what is sent along gives nothing away",
            "passes:Gone.made",
            'f"{what}:{self.secret}".encode()',
            "self.secret.encode()",
            _KEEPS,
        ),
        (
            "each sign-in is random",
            "inbox_oidc:leave",
            "secrets.token_urlsafe(24)",
            '"x" * 32',
            _KEEPS,
        ),
        (
            "a way back is forgotten once it was gone",
            "inbox:_sign_in_elsewhere",
            "_redirect(_place(taken), taken.cookie, access.forget(access.GONE))",
            "_redirect(_place(taken), taken.cookie)",
            _FLOW + "test_a_person_signs_in_there_comes_back_to_the_approval_and_decides_it",
        ),
        (
            "a way back that failed is forgotten",
            "inbox:_sign_in_elsewhere",
            "[access.forget(access.GONE)] if is_back else []",
            "[]",
            _ONCE,
        ),
        (
            "with an issuer no e-mail signs in",
            "inbox:_sign_in",
            "inbox.oidc_issuer and not token",
            'inbox.oidc_issuer and not token and method == "GET"',
            _OFF,
        ),
        (
            "without an issuer nobody is sent anywhere",
            "inbox:answer",
            'path in ("oidc", "oidc/callback") and method == "GET" and inbox.oidc_issuer',
            'path in ("oidc", "oidc/callback") and method == "GET"',
            _FLOW + "test_without_an_issuer_nobody_is_sent_anywhere",
        ),
        (
            "a document is the issuer's own",
            "oidc_issuer:endpoints",
            'status != 200 or document.get("issuer") != issuer.url',
            "status != 200",
            _ASTRAY,
        ),
        (
            "a document counts if it was found",
            "oidc_issuer:endpoints",
            'status != 200 or document.get("issuer") != issuer.url',
            'document.get("issuer") != issuer.url',
            _FLOW + "test_a_document_with_an_error_is_none",
        ),
        (
            "a document leads to where all is encrypted",
            "oidc_issuer:endpoints",
            "check_url(issuer, url)",
            "None",
            _ASTRAY,
        ),
        (
            "whatever is fetched is encrypted",
            "oidc_issuer:_ask",
            "check_url(issuer, url)",
            "None",
            _SAME_MACHINE,
        ),
        (
            "only a stack on this machine does without encryption",
            "inbox_oidc:issuer_of",
            'here.scheme == "http" and here.hostname in LOCAL_HOSTS',
            'here.scheme == "http"',
            _SAME_MACHINE,
        ),
        (
            "and with an issuer on this machine alone",
            "oidc_issuer:check_url",
            "issuer.is_local and parts.hostname in LOCAL_HOSTS",
            "issuer.is_local",
            _LOCAL,
        ),
        (
            "a URL names no user",
            "oidc_issuer:check_url",
            'bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc',
            "bool(parts.hostname) and parts.port != 0",
            _ASTRAY,
        ),
        (
            "a certificate is looked at",
            "oidc_issuer:_connect",
            "ssl.create_default_context()",
            "ssl._create_unverified_context()",
            _TLS,
        ),
        (
            "nobody waits for an issuer for ever",
            "oidc_issuer:_connect",
            "HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)",
            "HTTPSConnection(host, port, context=context)",
            _TLS,
        ),
        (
            "an answer that is too long is none",
            "oidc_issuer:_ask",
            "len(text) > MAX_ANSWER_BYTES",
            "False",
            _OTHERWISE,
        ),
        (
            "of an answer not more is read",
            "oidc_issuer:_ask",
            "answer.read(MAX_ANSWER_BYTES + 1)",
            "answer.read()",
            _FLOW + "test_of_an_answer_no_more_is_read_than_it_may_have",
        ),
        (
            "tokens count if they were given",
            "oidc_issuer:claims_of_code",
            "status != 200",
            "False",
            _OTHERWISE,
        ),
        (
            "what an issuer calls an error is a name",
            "oidc_issuer:name_of_error",
            'str(error) if is_name else "without a name for it"',
            "str(error)",
            _FLOW + "test_who_is_sent_back_with_an_error_is_told",
        ),
        (
            "a link of an operator wants a signature",
            "inbox_link:_person",
            "raise RefusedError(403, NOT_SIGNED)",
            "return next(iter(services.people.values()))",
            _LINK + "test_nobody_else_gets_one",
        ),
        (
            "a link of an operator is of who signs",
            "inbox_link:_person",
            "person.iam == name",
            "person.iam",
            _LINK + "test_nobody_else_gets_one",
        ),
        (
            "who signs is compared to the letter",
            "inbox_link:_person",
            "person.iam == name",
            'str(person.iam).lower() == name.lower().rstrip("/")',
            _LINK + "test_nobody_else_gets_one",
        ),
        (
            "a link of an operator ends after a minute",
            "inbox_link:answer",
            "now + passes.OPERATOR_SIGN_IN_SECONDS",
            "now + passes.SIGN_IN_SECONDS",
            _LINK + "test_who_signs_with_iam_gets_in_with_a_link_of_one_minute",
        ),
        (
            "two people are not one account",
            "directory:read_people",
            '("email", "iam", "oidc")',
            '("email", "iam")',
            "unit/test_directory.py::test_what_is_wrong_is_said",
        ),
    )
)
