"""Links, requests, pages, e-mails, and what is logged."""

from mutants import LAYER, Mutant, of_file

API: tuple[Mutant, ...] = (
    *of_file(
        LAYER + "links.py",
    ),
    *of_file(
        "src/approval_api/approval_handler.py",
    ),
    *of_file(
        "src/approval_api/decisions.py",
    ),
    *of_file(
        "src/approval_api/edits.py",
    ),
    *of_file(
        "src/approval_api/review_request.py",
    ),
    *of_file(
        LAYER + "http.py",
    ),
    *of_file(
        "src/approval_api/answers.py",
    ),
    *of_file(
        "src/approval_api/page_parts.py",
    ),
    *of_file(
        "src/approval_api/review_pages.py",
    ),
    *of_file(
        LAYER + "text.py",
    ),
    *of_file(
        LAYER + "notifications.py",
    ),
    *of_file(
        LAYER + "observability.py",
    ),
    *of_file(
        LAYER + "tracing.py",
    ),
)
