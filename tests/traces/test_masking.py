"""What is taken out of texts and values before a trace is written, and what must stay."""

from __future__ import annotations

import time

import pytest

from apps.traces.masking.masker import Masker
from apps.traces.masking.own import Own
from apps.traces.masking.personal import PERSONAL
from support.patterns import BadPattern

SECRETS = Masker()
ALL = Masker(personal=tuple(PERSONAL))
_RANDOM = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"


@pytest.mark.parametrize(
    "secret",
    [
        f"sk-{_RANDOM}",
        f"sk-proj-{_RANDOM}",
        f"sk-ant-api03-{_RANDOM}",
        f"sk-or-v1-{_RANDOM}",
        f"app-{_RANDOM}",
        f"dataset-{_RANDOM}",
        f"gsk_{_RANDOM}",
        f"hf_{_RANDOM}",
        f"AIza{_RANDOM}"[:39],
        "AKIAIOSFODNN7EXAMPLE",
        "LTAI5tABCDEFGH1234567890",
        f"ghp_{_RANDOM}",
        f"github_pat_{_RANDOM}",
        f"glpat-{_RANDOM}",
        "xoxb-123456789012-abcdefABCDEF",
        f"sk_live_{_RANDOM}",
        f"npm_{_RANDOM}"[:40],
        f"whsec_{_RANDOM}",
        "SG.abcdefghijklmnop1234.abcdefghijklmnop1234",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
        f"hooks.slack.com/services/T000/B000/{_RANDOM}",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIEow, and then the text breaks off",
    ],
)
@pytest.mark.parametrize("around", ["{}", "Use {} please.", 'said "{}"', "line one\n{}\nline two", "钥匙{}。", "k={},"])
def test_a_key_is_taken_out_wherever_it_stands(secret, around):
    written = around.format(secret)
    masked = SECRETS.text(written)
    assert secret not in masked
    assert _RANDOM not in masked
    assert "MIIEow" not in masked
    assert "[masked:" in masked
    assert masked.startswith(around.partition("{}")[0])
    assert SECRETS.text(masked) == masked


@pytest.mark.parametrize(
    ("written", "masked"),
    [
        ("postgres://me:hunter2@db:5432/x", "postgres://me:[masked:password]@db:5432/x"),
        ("Authorization: Bearer abc123def456ghi789", "Authorization: Bearer [masked:credential]"),
        ("password: hunter2 and more", "password: [masked:password] and more"),
        ('{\\"password\\": \\"hunter2\\"}', '{\\"password\\": \\"[masked:password]\\"}'),
        ("密码：hunter2，谢谢", "密码：[masked:password]，谢谢"),
        ("OPENAI_API_KEY=abcd1234efgh5678", "OPENAI_API_KEY=[masked:secret]"),
        ("https://x.example/f?sig=abcd1234efgh5678&x=1", "https://x.example/f?sig=[masked:secret]&x=1"),
        ("Authorization: Token abcd1234", "Authorization: Token [masked:credential]"),
        ("authorization=Bearer%20abcd1234", "authorization=Bearer%20[masked:credential]"),
        ('"Authorization": "Bearer short1"', '"Authorization": "Bearer [masked:credential]"'),
        ('{"password": "correct horse battery"}', '{"password": "[masked:password]"}'),
        ('{\\"pwd\\": \\"a b\\"}', '{\\"pwd\\": \\"[masked:password]\\"}'),
        ('"access_token": "abcd1234efgh5678"', '"access_token": "[masked:secret]"'),
    ],
)
def test_what_a_name_declares_secret_goes_and_the_name_stays(written, masked):
    assert SECRETS.text(written) == masked


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn-is-a-library-for-machine-learning",
        "The token count is 4096 and max_tokens: 512000000000.",
        "A primary key: customer_id_2024_01_01",
        "risk-based-assessment-of-the-2026-programme",
        "basic understanding_of_the_matter",
        "Secret: nothing but plain words",
        "https://example.com/a:b@c/path",
        "data:image/png;base64,iVBORw0KGgo",
        "0190a1b2-1234-7890-abcd-ef1234567890",
        "app-store and dataset-of-my-own",
        "Authorization: required for all of it",
        "The password is shown once.",
    ],
)
def test_what_only_looks_alike_stays(text):
    assert ALL.text(text) == text


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("ada@example.com", "email"),
        ("first.last+tag@sub.example.co.uk", "email"),
        ("13800138000", "phone"),
        ("+86 138 0013 8000", "phone"),
        ("010-62345678", "phone"),
        ("+49 170 1234567", "phone"),
        ("(415) 555-2671", "phone"),
        ("415-555-2671", "phone"),
        ("11010519491231002X", "id number"),
        ("078-05-1120", "id number"),
        ("4111 1111 1111 1111", "card"),
        ("5500-0000-0000-0004", "card"),
        ("6222021234567890128", "card"),
        ("DE89 3704 0044 0532 0130 00", "bank account"),
        ("203.0.113.7", "ip address"),
        ("2001:db8::ff00:42:8329", "ip address"),
    ],
)
def test_personal_data_goes_where_the_team_wants_it_and_stays_where_not(written, kind):
    text = f"It is {written}, they said."
    assert ALL.text(text) == f"It is [masked:{kind}], they said."
    assert SECRETS.text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # the check digit is wrong
        "110105194912310021",  # so it is here
        "DE89 3704 0044 0532 0130 01",
        "on 2026-11-22 10:20:30 at 1234567890123",
        "version 1.2.3 on 127.0.0.1",
        "999.1.1.1",
        "12:30:45",
        "std::vector<int>::iterator",
        "an @mention and a@b",
        "1000000000000000",
    ],
)
def test_numbers_that_mean_nobody_stay(text):
    assert ALL.text(text) == text


def test_each_kind_is_chosen_for_itself():
    text = "ada@example.com 13800138000"
    assert Masker(personal=["email"]).text(text) == "[masked:email] 13800138000"
    assert Masker(personal=["phone"]).text(text) == "ada@example.com [masked:phone]"


def test_values_keep_their_shape_and_lose_what_their_names_call_secret():
    value = {
        "headers": {"Authorization": "abc", "Cookie": "x=y", "Accept": "text/html"},
        "settings": [{"db_password": "x1"}, {"api-key": "short"}],
        "usage": {"total_tokens": 120, "token": 7},
        "next_page_token": "p2",
        "n": 13800138000,
        "ok": True,
        "none": None,
        "ada@example.com": {"text": "hello"},
    }
    assert ALL.value(value) == {
        "headers": {"Authorization": "[masked:secret]", "Cookie": "[masked:secret]", "Accept": "text/html"},
        "settings": [{"db_password": "[masked:secret]"}, {"api-key": "[masked:secret]"}],
        "usage": {"total_tokens": 120, "token": 7},
        "next_page_token": "[masked:secret]",
        "n": "[masked:phone]",
        "ok": True,
        "none": None,
        "[masked:email]": {"text": "hello"},
    }


def test_what_a_name_calls_secret_is_hidden_in_whatever_shape_it_comes():
    value = {
        "http.request.header.authorization": ["opaque"],
        "http.response.header.set-cookie": ["sid=1; Secure", ""],
        "api_key": {"value": "short", "tries": 3},
    }
    assert SECRETS.value(value) == {
        "http.request.header.authorization": ["[masked:secret]"],
        "http.response.header.set-cookie": ["[masked:secret]", ""],
        "api_key": {"value": "[masked:secret]", "tries": 3},
    }


def test_numbers_under_secret_names_go_and_counts_of_tokens_stay():
    value = {
        "password": 123456,
        "pin_secret": 4711.5,
        "access_token": 99887766,
        "passphrase": [1, 2],
        "credentials": {"value": 42, "tries": 3},
        "api_key": True,
        "token": 7,
        "max_token": 4096,
        "total_tokens": 120,
    }
    assert SECRETS.value(value) == {
        "password": "[masked:secret]",
        "pin_secret": "[masked:secret]",
        "access_token": "[masked:secret]",
        "passphrase": ["[masked:secret]", "[masked:secret]"],
        "credentials": {"value": "[masked:secret]", "tries": 3},
        "api_key": True,
        "token": 7,
        "max_token": 4096,
        "total_tokens": 120,
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([{"key": "Authorization", "value": "abc"}], [{"key": "Authorization", "value": "[masked:secret]"}]),
        ([{"Name": "X-Api-Key", "Value": "abc"}], [{"Name": "X-Api-Key", "Value": "[masked:secret]"}]),
        ({"name": "db_password", "value": 12345}, {"name": "db_password", "value": "[masked:secret]"}),
        (
            [{"key": "http.request.header.cookie", "value": {"stringValue": "sid=1"}}],
            [{"key": "http.request.header.cookie", "value": {"stringValue": "[masked:secret]"}}],
        ),
        (
            {"header": "Set-Cookie", "values": ["a=1", "b=2"]},
            {"header": "Set-Cookie", "values": ["[masked:secret]"] * 2},
        ),
        ([["Cookie", "sid=1"], ["Accept", "*/*"]], [["Cookie", "[masked:secret]"], ["Accept", "*/*"]]),
        ({"name": "password", "default": "hunter2"}, {"name": "password", "default": "[masked:secret]"}),
    ],
)
def test_pairs_of_a_name_and_a_value_are_read_as_fields(given, kept):
    assert SECRETS.value(given) == kept
    assert SECRETS.value({"headers": given}) == {"headers": kept}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "password", "description": "The password of the person.", "type": "string"},
        {"name": "get_secret", "role": "tool", "content": "done"},
        {"key": "Accept", "value": "text/html", "note": "no cookie"},
        ["password", "login"],
        [["password", "login", "name"], ["token", "other"]],
        {"key": 1, "value": "Authorization"},
    ],
)
def test_words_that_only_stand_near_a_secret_name_stay(value):
    assert SECRETS.value(value) == value


def test_a_value_with_nothing_to_hide_is_not_even_copied():
    value = {"messages": [{"role": "user", "text": "What is the capital of France?"}], "count": 3}
    assert ALL.value(value) is value


def test_two_masked_names_do_not_swallow_each_other():
    assert ALL.value({"a@example.com": 1, "b@example.com": 2}) == {"[masked:email]": 1, "[masked:email]'": 2}


def test_letters_that_grow_when_made_small_move_nothing():
    assert SECRETS.text("İİİ password: hunter2") == "İİİ password: [masked:password]"


def test_a_teams_own_rule_replaces_what_it_matches():
    own = Own.read("ticket", r"(?P<keep>case )TCK-\d+")
    assert Masker(own=[own]).value({"q": "see case TCK-123"}) == {"q": "see case [masked:ticket]"}


@pytest.mark.parametrize("written", ["(", "(a+)+$", "a*", "x" * 501])
def test_a_rule_that_is_wrong_or_slow_is_refused(written):
    with pytest.raises(BadPattern):
        Own.read("bad", written)


@pytest.mark.parametrize("written", ["a{2000000000}", "(?:(?:ab){1000}){100000}", "(" * 240 + ")" * 240, "(?x)a b"])
def test_a_rule_that_would_fill_the_memory_is_refused_before_it_is_compiled(written, monkeypatch):
    def compile_nothing(*_args, **_options):
        raise AssertionError("it was compiled")

    if "{" in written:
        monkeypatch.setattr("support.patterns.regex.compile", compile_nothing)
    with pytest.raises(BadPattern):
        Own.read("bad", written)


def test_a_rule_that_turns_out_slow_takes_the_text_out_whole_and_soon():
    own = Own.read("slow", r"(?:z+)+y")
    began = time.monotonic()
    masked = Masker(own=[own]).text("z" * 400 + " my words")
    assert masked == "[masked:slow took too long]"
    assert time.monotonic() - began < 5


def test_a_slow_rule_does_not_have_its_time_again_for_each_of_very_many_texts():
    own = Own.read("slow", r"(?:z+)+y")
    began = time.monotonic()
    masked = Masker(own=[own]).value({"texts": [f"{number} {'z' * 400}" for number in range(2_000)]})
    assert time.monotonic() - began < 20, "a twentieth of a second each would be 100 seconds"
    assert set(masked["texts"]) == {"[masked:slow took too long]"}


def test_a_quick_rule_is_never_worn_out():
    own = Own.read("ticket", r"TCK-\d+")
    masked = Masker(own=[own]).value([f"TCK-{number} is open" for number in range(20_000)])
    assert set(masked) == {"[masked:ticket] is open"}


@pytest.mark.parametrize(
    "piece", ["a@", "1-", "sk-", "://a:", "password=", "1 ", "eyJa.", "1.", "a:", "-----BEGIN ", "A1", "eyJ-"]
)
def test_no_text_makes_masking_slow(piece):
    """A quarter of a megabyte of what patterns stumble over takes what its length takes."""
    text = piece * (256 * 1024 // len(piece))
    began = time.monotonic()
    ALL.text(text)
    assert time.monotonic() - began < 10
