# shellcheck shell=bash
# The set-up that every script shares: Debian packages that are missing, then the virtual environment.
# Sourced, never run. A second run costs nothing: packages are asked for by name, the environment carries a stamp.
#
#   needs WHY PACKAGE...       note packages; install_packages installs those that are missing
#   install_packages
#   make_venv DIRECTORY STAMP PIP_ARGUMENT...

# shellcheck disable=SC2034  # the lists of packages are for those who source this
# shellcheck source=scripts/lib/say.sh
source "$(dirname "${BASH_SOURCE[0]}")/say.sh"

CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off
APT=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o APT::Color=0)

BUILD_PACKAGES=(gcc pkg-config libasound2-dev libsystemd-dev python3-dev python3-venv)
DEMO_PACKAGES=(pulseaudio pulseaudio-utils libasound2-plugins alsa-utils mosquitto mosquitto-clients)
TEST_PACKAGES=(shellcheck openssl systemd)

MISSING=()

# --- the machine -----------------------------------------------------------------------------------------------

check_machine() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    die "edgetx is made for Debian 12, Raspberry Pi OS 12 and later; this machine has no apt-get." \
      "Use a Debian machine or container: 'docker run -it debian:12' is enough for the demo and the tests."
  fi
}

needs() {
  local why=$1 package missing=()
  shift
  for package in "$@"; do
    _is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "Debian packages to install $why: ${missing[*]}"
  MISSING+=("${missing[@]}")
}

install_packages() {
  ((${#MISSING[@]})) || return 0
  _become_root_for_apt
  step "reading Debian's package lists" \
    "check the network and the files in /etc/apt, then run 'apt-get update' yourself." \
    "${AS_ROOT[@]}" "${APT[@]}" update
  _keep_services_from_starting
  step "installing ${#MISSING[@]} Debian packages" \
    "run 'apt-get install ${MISSING[*]}' as root and read what it says." \
    "${AS_ROOT[@]}" "${APT[@]}" install --yes --no-install-recommends "${MISSING[@]}"
  _let_services_start
  _leave_services_disabled
  MISSING=()
}

_is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

_become_root_for_apt() {
  AS_ROOT=()
  ((EUID == 0)) && return
  command -v sudo >/dev/null || die "These packages are installed by root, and there is no sudo here." \
    "As root, type: apt-get update && apt-get install --yes ${MISSING[*]}" \
    "Then run $0 again."
  AS_ROOT=(sudo)
  sudo -n true 2>/dev/null || sudo -v || die "sudo did not let $(id -un) install packages." \
    "As root, type: apt-get update && apt-get install --yes ${MISSING[*]}"
}

# --- services that come with the packages ----------------------------------------------------------------------
# The demo and the tests start a broker and a sound server of their own, on free ports; what Debian would start and
# enable beside them is not ours to leave behind. An administrator's own policy-rc.d is never touched.

POLICY=/usr/sbin/policy-rc.d
POLICY_IS_OURS=''

_keep_services_from_starting() {
  [[ -e $POLICY ]] && return
  POLICY_IS_OURS=yes
  trap '_let_services_start; _stop_step' EXIT
  # shellcheck disable=SC2016  # $1 is for the script that is written
  printf '#!/bin/sh\n# From edgetx scripts, while they install packages.\ncase "$1" in mosquitto*) exit 101 ;; esac\n' |
    "${AS_ROOT[@]}" tee "$POLICY" >/dev/null
  "${AS_ROOT[@]}" chmod 755 "$POLICY"
}

_let_services_start() {
  [[ $POLICY_IS_OURS ]] || return 0
  "${AS_ROOT[@]}" rm -f "$POLICY"
  POLICY_IS_OURS=''
}

_leave_services_disabled() {
  if _is_newly_installed mosquitto; then
    _quietly systemctl disable mosquitto.service || _quietly update-rc.d mosquitto disable || true
    say "       Mosquitto's own service was left off; 'systemctl enable --now mosquitto' turns it on."
  fi
  if _is_newly_installed pulseaudio; then
    _quietly systemctl --global disable pulseaudio.service pulseaudio.socket || true
  fi
}

_quietly() { "${AS_ROOT[@]}" "$@" >/dev/null 2>&1; }

_is_newly_installed() { [[ " ${MISSING[*]} " == *" $1 "* ]]; }

# --- Python ----------------------------------------------------------------------------------------------------

# find_python: print a Python of at least 3.11, Debian's own first, because its headers are the ones installed.
find_python() {
  local python
  for python in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  die "edgetx needs Python 3.11 or later; the newest here is $(python3 --version 2>&1)." \
    "Debian 12 and Raspberry Pi OS 12 (both 'bookworm') have it; older releases do not."
}

# make_venv DIRECTORY STAMP PIP_ARGUMENT...: a virtual environment with what pip is told to install, unless STAMP
# (any text that names the wanted state) was the stamp of the last complete run.
make_venv() {
  local directory=$1 stamp=$2 python fresh=()
  shift 2
  [[ $(cat "$directory/.edgetx-stamp" 2>/dev/null) == "$stamp" ]] && return
  [[ ! -e $directory || -w $directory ]] ||
    die "$directory belongs to somebody else ($(stat -c %U "$directory"))." \
      "Type: sudo chown -R $(id -un) $directory"
  python=$(find_python) || exit 1
  _venv_serves "$directory" "$python" || fresh=(--clear)
  step "virtual environment in $(basename "$directory")" \
    "remove $directory and run this again; is there space left (df -h)?" \
    "$python" -m venv "${fresh[@]}" "$directory"
  step "Python packages (minutes on a small Pi)" \
    "check the network (pip's settings are honoured), then run this again; it goes on where it stopped." \
    "$directory/bin/python" -m pip install "$@"
  printf '%s\n' "$stamp" >"$directory/.edgetx-stamp"
}

# A virtual environment that was moved, or made by another Python, is made anew; any other is brought up to date.
_venv_serves() {
  [[ $(head -n 1 "$1/bin/pip" 2>/dev/null) == "#!$1/bin/python"* ]] &&
    [[ $("$1/bin/python" --version 2>&1) == "$("$2" --version)" ]]
}

# make_checkout_venv EXTRAS: .venv of this checkout, editable. EXTRAS is "local" or "local,dev".
make_checkout_venv() {
  local extras=$1 venv=$CHECKOUT/.venv wanted
  wanted="$extras $(fingerprint "$CHECKOUT/pyproject.toml")"
  # A checkout that is set up for development has all that the demo needs.
  [[ $(cat "$venv/.edgetx-stamp" 2>/dev/null) == "local,dev ${wanted#* }" ]] && return
  make_venv "$venv" "$wanted" --editable "${CHECKOUT}[$extras]"
  _give_back "$venv" "$CHECKOUT"/*.egg-info
}

# fingerprint FILE...: of the files, the Python, and the place of this checkout.
fingerprint() {
  { cat "$@" && find_python && "$(find_python)" --version && printf '%s' "$CHECKOUT"; } | sha256sum | cut -c 1-16
}

# Under sudo, what is made in somebody's checkout stays theirs.
_give_back() {
  ((EUID == 0)) || return 0
  local owner
  owner=$(stat -c %u:%g "$CHECKOUT")
  [[ $owner == 0:0 ]] || chown -R "$owner" "$@"
}
