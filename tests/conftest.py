"""For all tests: an environment that is everywhere the same."""

import clean_environment

clean_environment.clean()  # Before any test module is imported: some make their clients then.


def pytest_collection_finish() -> None:
    clean_environment.keep_what_is_imported()
