"""Who may open sound devices, by the two files of a Raspberry Pi OS 12."""

import pytest

from edgetx.doctor.groups import Accounts, judge_asker, judge_service

PASSWD = """root:x:0:0:root:/root:/bin/bash
pi:x:1000:1000:,,,:/home/pi:/bin/bash
ann:x:1001:1001::/home/ann:/bin/sh
edgetx:x:999:29::/:/usr/sbin/nologin
broken
"""
GROUP = "root:x:0:\n# a comment\naudio:x:29:pi,pulse\nvideo:x:44:pi\n"
ACCOUNTS = Accounts(PASSWD, GROUP)


@pytest.mark.parametrize(
    ("number", "groups", "verdict", "words"),
    [
        (0, [], "ok", "You are root"),
        (1000, [29, 1000], "ok", "You (pi) are in the group"),
        (1000, [1000], "warning", "this login is older. Log out and in again."),
        (1001, [1001], "warning", "You (ann) are not in the group 'audio'. sudo usermod -aG audio ann"),
        (4711, [], "warning", "You (4711) are not"),
    ],
)
def test_who_asks(number, groups, verdict, words):
    finding = judge_asker(ACCOUNTS, number, groups)
    assert finding.verdict == verdict
    assert words in f"{finding.text} {finding.remedy}"


def test_without_the_group_there_is_nothing_to_say():
    for text in ("", "audio:x:many:\n"):
        assert judge_asker(Accounts(PASSWD, text), 1000, []).verdict == "skipped"
    assert not Accounts(PASSWD, "").has_audio("pi")


@pytest.mark.parametrize(
    ("user", "verdict"), [("edgetx", "ok"), ("root", "ok"), ("pi", "ok"), ("ann", "FAILED"), ("x", "FAILED")]
)
def test_the_services_user(user, verdict):
    assert judge_service(ACCOUNTS, user, ()).verdict == verdict
    assert judge_service(ACCOUNTS, "ann", {"audio"}).verdict == "ok"
    assert not ACCOUNTS.has_audio("x")
