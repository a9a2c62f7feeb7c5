test: lint ## lint, then all of tests/: your agent and its tools, on the test kit
	@$(call set_up,test)
	$(PYTEST) tests

lint: ## ruff and mypy on your code, sam validate --lint on the templates
	@$(call set_up,test sam)
	.venv/test/bin/ruff check .
	.venv/test/bin/mypy
	for template in $(TEMPLATES); do $(SAM) validate --lint --template $$template || exit 1; done

upgrade: ## Take over a newer version: make upgrade FROM=../its-clone (DRY_RUN=1 only shows it)
	@$(call set_up,uv)
	@test -f "$(FROM)/starter/upgrading.py" || { echo "FROM=$(FROM): there is no clone of the" \
	    "project that this one was made from. Name one: make upgrade FROM=../its-clone" >&2; exit 1; }
	@PYTHONPATH="$(FROM)" .venv/uv/bin/python -P -m starter upgrade
