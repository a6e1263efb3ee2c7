# shellcheck shell=bash
# The gates that a change passes, for scripts/test and scripts/check. Sourced after setup.sh, never run.

# shellcheck disable=SC2034  # for those who source this
PYTHON=.venv/bin/python

set_up_for_development() {
  cd "$CHECKOUT" || exit
  check_machine
  needs "to build edgetx" "${BUILD_PACKAGES[@]}"
  needs "for the rigs with real parts" "${DEMO_PACKAGES[@]}"
  needs "for the tests" "${TEST_PACKAGES[@]}"
  install_packages
  make_checkout_venv local,dev
}

lint_and_types() {
  local scripts=()
  mapfile -t scripts < <(shell_scripts)
  gate "format" .venv/bin/ruff format --check --quiet .
  gate "lint" .venv/bin/ruff check --quiet .
  gate "shell scripts" shellcheck --external-sources "${scripts[@]}"
  gate "types" .venv/bin/mypy
  gate "sandbox of the unit" exposure systemd/edgetx.service
}

# exposure UNIT: what systemd thinks of its sandbox, in one line; more than 2.0 is too much.
exposure() {
  local judged
  judged=$(systemd-analyze security --no-pager --offline=true --threshold=20 "$1") || { say "$judged" && return 1; }
  tail -n 1 <<<"$judged"
}

# shell_scripts: print the files of scripts/ and .ci/ that bash reads.
shell_scripts() { grep --recursive --files-with-matches -E --max-count=1 '^#(!.*\bbash$| shellcheck shell=bash)' scripts .ci; }
