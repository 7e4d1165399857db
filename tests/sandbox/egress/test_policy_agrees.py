"""The sidecar's egress rules and the console's: written twice, because one may import nothing, meaning the same."""

import ipaddress
import itertools

import pytest

from apps.sandbox.sidecar.egress.policy import CLOSED, EgressPolicy, Reason, Rule
from support.egress.policy import EgressPolicy as ConsolePolicy
from support.egress.policy import Rule as ConsoleRule

PUBLIC = ["8.8.8.8", "1.1.1.1", "52.95.110.1", "2606:4700:4700::1111", "2a00:1450:4001::200e"]
PUBLIC_WRAPPED = ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]
CLOSED_ONES = [
    *("127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "100.100.100.200", "0.0.0.0", "192.0.0.192", "198.18.0.1", "224.0.0.1", "239.255.255.255"),
    *("240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1", "192.0.2.1", "198.51.100.7", "203.0.113.9"),
    *("::1", "::", "fe80::1", "fd00:ec2::254", "fc00::1", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1", "2001::1"),
    *("3fff::1", "5f00::1", "100::1", "64:ff9b:1::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
    *("::ffff:10.0.0.1", "::ffff:100.64.0.1", "::127.0.0.1", "::8.8.8.8", "2002:7f00:1::", "2002:c0a8:101::1"),
    *("2002:a9fe:a9fe::1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "2001:0:808:808:0:0:f5ff:fffe"),
]
EDGES = [
    str(ipaddress.ip_address(number))
    for network in CLOSED
    if network.version == 4
    for number in (
        int(network.network_address) - 1,
        int(network.network_address),
        int(network.broadcast_address),
        int(network.broadcast_address) + 1,
    )
    if 0 <= number < 2**32
]
ADDRESSES = [*PUBLIC, *PUBLIC_WRAPPED, *CLOSED_ONES, *EDGES]
NAMES = ["some.example", "Some.Example.", "db.internal", "internal", "evilinternal", "a.b.internal", "localhost"]
NAMES += ["8.8.8.8", "[::1]", "10.0.0.1"]
RULES = ["some.example", "some.example:443", "some.example:80", "*.internal", "*.internal:80", "10.0.0.0/8"]
RULES += ["10.0.0.0/8:80", "[fd00::1]:443", "fd00::/8", "127.0.0.1:443", "8.8.8.0/24", "8.8.8.8:80", "::ffff:0:0/96"]
RULES += ["169.254.169.254", "*", "*:443", "[::1]:80", "2606:4700::/32", "DB.Internal.", " 1.1.1.1 ", "0.0.0.0/0"]
UNREADABLE = ["", " ", "http://x", "10.0.0.0/99", "a b", "*.", "//", "[]", "x//y", "::1/200", "1.2.3.4/x"]


def agree(allow, deny, host, port, address):
    ours = EgressPolicy.parse(allow=allow, deny=deny, ports={port})
    theirs = ConsolePolicy.parse(allow=allow, deny=deny)
    found = ipaddress.ip_address(address)
    assert (ours.refuses(host, port, found) is None) is theirs.permits(host, port, found), (allow, deny, host, found)
    assert (ours.refuses_name(host, port) is None) is theirs.permits_name(host, port), (allow, deny, host)


@pytest.mark.parametrize("port", [80, 443])
def test_both_say_the_same_of_every_address_under_every_pair_of_rules(port):
    lists = [(), *((rule,) for rule in RULES)]
    for allow, deny in itertools.product(lists, lists):
        for address in (*PUBLIC[:4], *PUBLIC_WRAPPED, *CLOSED_ONES[::4], "10.0.0.1", "fd00::1", "127.0.0.1", "::1"):
            agree(allow, deny, "some.example", port, address)


def test_both_say_the_same_of_every_name_under_every_rule():
    for rule, name, address, port in itertools.product(RULES, NAMES, ["8.8.8.8", "10.0.0.1", "::1"], [80, 443]):
        agree((rule,), (), name, port, address)
        agree((), (rule,), name, port, address)
        agree((rule,), ("*",), name, port, address)


def test_both_say_the_same_of_every_address_when_there_are_no_rules():
    for address in ADDRESSES:
        agree((), (), "some.example", 443, address)


def test_both_read_the_same_rules_and_refuse_the_same():
    for text in RULES:
        ours, theirs = Rule.parse(text), ConsoleRule.parse(text)
        assert (ours.host, ours.suffix, ours.network, ours.port) == (
            theirs.host,
            theirs.suffix,
            theirs.network,
            theirs.port,
        )
    for text in UNREADABLE:
        for kind in (Rule, ConsoleRule):
            with pytest.raises(ValueError):
                kind.parse(text)


@pytest.mark.parametrize("address", CLOSED_ONES)
def test_an_address_that_is_not_public_is_refused(address):
    assert EgressPolicy().refuses("some.example", 443, ipaddress.ip_address(address)) is Reason.NOT_PUBLIC


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC_WRAPPED])
def test_a_public_address_is_permitted(address):
    assert EgressPolicy().refuses("some.example", 443, ipaddress.ip_address(address)) is None


@pytest.mark.parametrize(
    ("allow", "ports", "port", "expected"),
    [
        ((), (80, 443), 443, None),
        ((), (80, 443), 22, Reason.PORT),
        ((), (80, 8443), 8443, None),
        ((), (80, 8443), 443, Reason.PORT),
        (("8.8.8.8:22",), (80, 443), 22, None),
        (("9.9.9.9:22",), (80, 443), 22, Reason.PORT),
        (("some.example:22",), (80, 443), 22, None),
        (("some.example",), (80, 443), 22, Reason.PORT),
    ],
)
def test_a_port_is_open_when_it_is_listed_or_in_a_rule_that_means_the_destination(allow, ports, port, expected):
    policy = EgressPolicy.parse(allow=allow, ports=ports)
    assert policy.refuses("some.example", port, ipaddress.ip_address("8.8.8.8")) is expected


def test_a_port_that_cannot_be_is_refused_at_once():
    for port in (0, -1, 65536):
        with pytest.raises(ValueError, match="not a port"):
            EgressPolicy.parse(ports=(80, port))


def test_the_reason_says_which_list_it_was():
    address = ipaddress.ip_address("8.8.8.8")
    assert EgressPolicy.parse(deny=["8.8.8.8"]).refuses("x", 443, address) is Reason.DENIED
    assert EgressPolicy.parse(deny=["x"]).refuses_name("x", 443) is Reason.DENIED
    assert EgressPolicy.parse(deny=["*"], allow=["y"]).refuses("x", 443, address) is Reason.NOT_LISTED
