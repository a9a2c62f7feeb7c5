"""What the template says and no code can: without it, data is gone that is still needed."""

from mutants import of_file

BUCKET = "flow/test_state_bucket.py::"
RESTORED = f"{BUCKET}test_what_restored_tables_point_to_is_there_by_its_version"
LEFTOVERS = f"{BUCKET}test_leftovers_go_when_no_session_can_need_them"
NEVER = f"{BUCKET}test_what_is_kept_is_never_too_old"

TEMPLATE = tuple(
    of_file(
        "template.yaml",
        (
            "the version of what was deleted, for tables that are restored",
            "VersioningConfiguration: {Status: Enabled}",
            "VersioningConfiguration: {Status: Suspended}",
            RESTORED,
        ),
        (
            "a version that stays as long as a backup of the tables",
            "NoncurrentDays: 36",
            "NoncurrentDays: 34",
            RESTORED,
        ),
        (
            "a version that does not cost money for ever",
            "NoncurrentVersionExpiration: {NoncurrentDays: 36}",
            "NoncurrentVersionExpiration: {NoncurrentDays: 40}",
            RESTORED,
        ),
        (
            "a delete marker that hides nothing goes",
            "            ExpiredObjectDeleteMarker: true\n",
            "",
            RESTORED,
        ),
        (
            "a rule for short waits ends nothing else",
            "Prefix: short/, ExpirationInDays: 200}",
            "ExpirationInDays: 200}",
            NEVER,
        ),
        (
            "a rule for long waits ends nothing else",
            "Prefix: long/, ExpirationInDays: 2000}",
            "ExpirationInDays: 2000}",
            NEVER,
        ),
        (
            "what a short wait may need is there",
            "Prefix: short/, ExpirationInDays: 200}",
            "Prefix: short/, ExpirationInDays: 190}",
            LEFTOVERS,
        ),
        (
            "what a long wait may need is there",
            "Prefix: long/, ExpirationInDays: 2000}",
            "Prefix: long/, ExpirationInDays: 1990}",
            LEFTOVERS,
        ),
    )
)
