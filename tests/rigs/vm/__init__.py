"""A whole machine under QEMU: Debian's kernel, systemd, Mosquitto, a kernel sound card, and the package installed."""
