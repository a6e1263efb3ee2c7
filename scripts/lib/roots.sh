# shellcheck shell=bash
# Whole Debian systems in directories, of this architecture or another's (emulated), for scripts that build a package
# for, or try it on, a machine that is not this one. Kept in the cache; sourced after setup.sh, never run.

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/edgetx
RELEASE=bookworm

# need_root ARGUMENT...: go on as root, with the script's own arguments.
need_root() {
  ((EUID)) || return 0
  command -v sudo >/dev/null || die "This is done by root, and there is no sudo here. As root, type: $0 $*"
  say "This is done by root; asking sudo."
  exec sudo -- env ${XDG_CACHE_HOME:+XDG_CACHE_HOME="$XDG_CACHE_HOME"} "$0" "$@"
}

# debian_root ARCH: a minimal Debian in $CACHE/debian-ARCH.
debian_root() {
  local arch=$1 root=$CACHE/debian-$1
  [[ -d $root ]] && return
  needs "to make a Debian system in a directory" debootstrap
  install_packages
  rm -rf "$root.new"
  step "Debian $RELEASE for $arch (minutes where it is emulated)" \
    "check the network, then run this again; its log is $root.new/debootstrap/debootstrap.log." bootstrap "$arch" "$root.new"
  mv "$root.new" "$root"
}

bootstrap() {
  local arch=$1 root=$2
  mkdir -p "$CACHE/packages-$arch"
  debootstrap --arch="$arch" --foreign --variant=minbase --cache-dir="$CACHE/packages-$arch" "$RELEASE" "$root"
  chroot "$root" /debootstrap/debootstrap --second-stage
  rm -rf "$root"/var/cache/apt/archives/*.deb
}

# emulate ARCH: let the kernel run programs of that architecture.
emulate() {
  local handler
  case $1 in
    arm64) handler=qemu-aarch64 ;;
    armhf) handler=qemu-arm ;;
    amd64) handler=qemu-x86_64 ;;
    *) die "Which emulator runs programs for $1 is not known here; arm64, armhf and amd64 are." ;;
  esac
  needs "to run programs made for $1" qemu-user-static binfmt-support
  install_packages
  [[ -e /proc/sys/fs/binfmt_misc/register ]] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc ||
    die "The kernel has no binfmt_misc, without which programs made for $1 do not run." \
      "Try 'modprobe binfmt_misc'; in a container it must be mounted outside."
  [[ -e /proc/sys/fs/binfmt_misc/$handler ]] || update-binfmts --enable "$handler"
}

copy_root() {
  rm -rf "$2.new"
  step "fresh copy of $(basename "$1")" "is there space left (df -h)?" cp -a --reflink=auto "$1" "$2.new"
  rm -rf "$2"
  mv "$2.new" "$2"
}

# trust_as_here ROOT: the names that this machine goes by, and the authorities that its administrator added, hold in there.
trust_as_here() {
  cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
  mkdir -p "$1/usr/local/share/ca-certificates"
  find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$1/usr/local/share/ca-certificates/" \;
  [[ ! -x $1/usr/sbin/update-ca-certificates ]] || in_root "$1" update-ca-certificates >/dev/null 2>&1
}

# in_root ROOT COMMAND...: with /proc and /dev, which go when the command ends, however it ends.
in_root() { "${IN_ROOT[@]}" "$@"; }

# The same as a command of its own, to be put into the background. The program is the only child of $!, which itself
# hears no request to end.
# shellcheck disable=SC2016  # for the inner shell
IN_ROOT=(unshare --mount --pid --fork --kill-child -- sh -c '
  root=$1 && shift &&
  mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && exec chroot "$root" "$@"
' in_root)
