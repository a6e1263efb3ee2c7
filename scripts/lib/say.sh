# shellcheck shell=bash
# How the scripts speak: one line a step, with its time; on a failure the end of its log and how to mend it.
# Sourced, never run. Colours and a line that moves only on a terminal.

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m' BOLD=$'\e[1m' PLAIN=$'\e[0m' MOVING=yes
else
  GREEN='' RED='' DIM='' BOLD='' PLAIN='' MOVING=''
fi

STEP_PID=''
STEP_LOG=''

say() { printf '%s\n' "$*"; }

heading() { printf '%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }

# die MESSAGE [LINE...]: what failed, then how to mend it; ends the script.
die() {
  printf '%sfailed:%s %s\n' "$RED" "$PLAIN" "$1" >&2
  shift
  (($#)) && printf '        %s\n' "$@" >&2
  exit 1
}

# usage_of FILE: the comment block at the head of FILE is its help text.
usage_of() { sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$1"; }

# wrong_option OPTION: what every script says to an option that it does not know.
wrong_option() {
  printf '%s: unknown option %s; see %s --help\n' "$(basename "$0")" "$1" "$0" >&2
  exit 2
}

# passed TITLE [SECONDS]
passed() {
  if (($# == 1)); then
    printf '%sok%s     %s\n' "$GREEN" "$PLAIN" "$1"
  else
    printf '%sok%s     %-44s %4d s\n' "$GREEN" "$PLAIN" "$1" "$2"
  fi
}

# step TITLE MEND COMMAND...: run COMMAND into a log, showing that something moves; on failure show the log's end
# and MEND, and end the script.
step() {
  local title=$1 mend=$2 began=$SECONDS
  shift 2
  STEP_LOG=$(mktemp -t edgetx-step.XXXXXX)
  "$@" >"$STEP_LOG" 2>&1 </dev/null &
  STEP_PID=$!
  _watch "$title" "$began"
  if ! wait "$STEP_PID"; then
    STEP_PID=''
    printf '%sfailed%s %s. The end of its log (%s):\n' "$RED" "$PLAIN" "$title" "$STEP_LOG" >&2
    tail -n 20 "$STEP_LOG" | sed 's/^/  | /' >&2
    printf 'To mend it: %s\n' "$mend" >&2
    exit 1
  fi
  STEP_PID=''
  rm -f "$STEP_LOG"
  passed "$title" $((SECONDS - began))
}

# gate TITLE COMMAND...: like step, but the command's own output is the result and is shown as it comes.
gate() {
  local title=$1 began=$SECONDS
  shift
  heading "== $title"
  "$@" || die "$title ($*)"
  passed "$title" $((SECONDS - began))
}

_watch() {
  local title=$1 began=$2 told=$SECONDS
  while kill -0 "$STEP_PID" 2>/dev/null; do
    if [[ $MOVING ]]; then
      printf '\r\e[K...    %s %s%d s  %.60s%s' "$title" "$DIM" $((SECONDS - began)) "$(_last_line)" "$PLAIN"
    elif ((SECONDS - told >= 10)); then
      told=$SECONDS
      printf '...    %s, %d s: %.80s\n' "$title" $((SECONDS - began)) "$(_last_line)"
    fi
    sleep 0.2
  done
  [[ $MOVING ]] && printf '\r\e[K'
  return 0
}

_last_line() { tail -c 2000 "$STEP_LOG" | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1; }

_stop_step() {
  if [[ $STEP_PID ]]; then
    kill "$STEP_PID" 2>/dev/null
    wait "$STEP_PID" 2>/dev/null
    rm -f "$STEP_LOG"
  fi
}

trap _stop_step EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
