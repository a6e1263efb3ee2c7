# shellcheck shell=bash
# The disk, kernel and first stage of a whole Debian machine for QEMU. Sourced after roots.sh, never run.
#
# The disk is made anew each time, from a system that is kept in the cache; nothing in the cache is ever booted.

SYSTEM_PACKAGES=(systemd systemd-sysv dbus udev kmod alsa-utils mosquitto mosquitto-clients python3 ca-certificates procps)
# What the kernel is given: the disk, the channel to the outside, and sound cards. Debian builds all of it as modules.
STAGE_MODULES=(virtio_pci virtio_blk ext4)
SYSTEM_MODULES=("${STAGE_MODULES[@]}" virtio_console autofs4 binfmt_misc loop snd_aloop snd_dummy)
DISK_MEGABYTES=2048

# keep_kernel: Debian's kernel and the modules above, in $CACHE/kernel.
keep_kernel() {
  KERNEL=$CACHE/kernel
  [[ -e $KERNEL/complete ]] && passed "kernel $(cat "$KERNEL/version"), kept from before" && return
  step "Debian's kernel" "check the network, then run this again." fetch_kernel
}

fetch_kernel() {
  local package work version module
  rm -rf "$KERNEL" && mkdir -p "$KERNEL/modules"
  package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p')
  work=$(mktemp -d -t edgetx-kernel.XXXXXX)
  (cd "$work" && chmod 755 . && apt-get download "$package")
  dpkg-deb -x "$work"/*.deb "$work/tree"
  version=$(ls "$work/tree/lib/modules")
  depmod -b "$work/tree" "$version"
  cp "$work/tree/boot/vmlinuz-$version" "$KERNEL/vmlinuz"
  for module in "${SYSTEM_MODULES[@]}"; do
    modprobe -d "$work/tree" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | while read -r module; do
    install -D -m 0644 "$module" "$KERNEL/modules/lib/modules/$version/${module##*/"$version"/}"
  done
  cp "$work/tree/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} "$KERNEL/modules/lib/modules/$version/"
  depmod -b "$KERNEL/modules" "$version"
  rm -rf "$work"
  first_stage "$version"
  echo "$version" >"$KERNEL/version"
  touch "$KERNEL/complete"
}

# first_stage VERSION: $KERNEL/initrd mounts the disk and goes on there.
first_stage() {
  local work module
  work=$(mktemp -d -t edgetx-initrd.XXXXXX)
  mkdir -p "$work"/{bin,proc,dev,disk,modules}
  cp /bin/busybox "$work/bin/busybox"
  ln -s busybox "$work/bin/sh"
  {
    # shellcheck disable=SC2016  # $bb is for the script that is written
    printf '#!/bin/sh\nbb=/bin/busybox\n$bb mount -t proc proc /proc\n$bb mount -t devtmpfs dev /dev\n'
    for module in "${STAGE_MODULES[@]}"; do
      modprobe -d "$KERNEL/modules" -S "$1" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | awk '!seen[$0]++' | while read -r module; do
      cp "$module" "$work/modules/"
      # shellcheck disable=SC2016  # $bb is for the script that is written
      printf '$bb insmod /modules/%s\n' "${module##*/}"
    done
    # shellcheck disable=SC2016
    printf '$bb mount -t ext4 /dev/vda /disk && $bb umount /proc\nexec $bb switch_root /disk /sbin/init\n'
  } >"$work/init"
  chmod 755 "$work/init"
  (cd "$work" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) >"$KERNEL/initrd"
  rm -rf "$work"
}

# keep_system: a Debian with what the machine needs besides edgetx, in $SYSTEM.
keep_system() {
  local wanted
  wanted=$(printf '%s ' "${SYSTEM_PACKAGES[@]}" | sha256sum | cut -c 1-12)
  SYSTEM=$CACHE/system-$wanted
  [[ -d $SYSTEM ]] && passed "Debian with systemd and Mosquitto, kept from before" && return
  debian_root amd64
  rm -rf "$CACHE"/system-*
  copy_root "$CACHE/debian-amd64" "$SYSTEM.new"
  trust_as_here "$SYSTEM.new"
  step "systemd, Mosquitto and the like" "check the network, then run this again." \
    in_root "$SYSTEM.new" sh -c "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install \
      --yes --no-install-recommends ${SYSTEM_PACKAGES[*]} && apt-get clean"
  mv "$SYSTEM.new" "$SYSTEM"
}

# make_disk FILE PACKAGE: a disk with the package installed as 'apt install' does it, and the agent of the rig.
make_disk() {
  local disk=$1 package=$2 root
  root=$(dirname "$disk")/root
  copy_root "$SYSTEM" "$root"
  cp "$package" "$root/root/"
  step "the next version of it, for an update" "is there space left (df -h)?" next_version "$package" "$root/root/edgetx-next.deb"
  trust_as_here "$root"
  step "apt install $(basename "$package")" "what it needs is in its Depends; read what apt says." \
    in_root "$root" sh -c "DEBIAN_FRONTEND=noninteractive apt-get -q install --yes /root/$(basename "$package")"
  step "the disk" "is there space left (df -h)?" fill_disk "$disk" "$root"
}

# next_version PACKAGE FILE: the same under a higher version.
next_version() {
  local work
  work=$(mktemp -d -t edgetx-next.XXXXXX)
  dpkg-deb -R "$1" "$work/tree"
  sed -i 's/^Version: .*/&+next/' "$work/tree/DEBIAN/control"
  dpkg-deb --root-owner-group -Znone --build "$work/tree" "$2"
  rm -rf "$work"
}

fill_disk() {
  local disk=$1 root=$2
  cp -a "$KERNEL/modules/lib/modules" "$root/lib/"
  printf 'edgetx-vm\n' >"$root/etc/hostname"
  printf '127.0.0.1 localhost edgetx-vm\n::1 localhost\n' >"$root/etc/hosts"
  printf '/dev/vda / ext4 defaults 0 1\n' >"$root/etc/fstab"
  printf 'snd_aloop\n' >"$root/etc/modules-load.d/sound.conf"
  mkdir -p "$root/etc/systemd/journald.conf.d" "$root/opt/rig"
  printf '[Journal]\nStorage=persistent\nRateLimitBurst=0\n' >"$root/etc/systemd/journald.conf.d/rig.conf"
  cp -a "$CHECKOUT/tests/rigs/vm/inside/." "$root/opt/rig/"
  cp -a "$CHECKOUT/tests/rigs/speech" "$root/opt/rig/speech"
  cp "$root"/opt/rig/*.service "$root/etc/systemd/system/"
  ln -sf /etc/systemd/system/rig-agent.service "$root/etc/systemd/system/multi-user.target.wants/rig-agent.service"
  ln -sf /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"
  ln -sf /dev/null "$root/etc/systemd/system/getty@tty1.service"
  rm -rf "$disk" && truncate -s "${DISK_MEGABYTES}M" "$disk"
  mke2fs -q -t ext4 -O ^has_journal,^metadata_csum -d "$root" "$disk"
  rm -rf "$root"
}
