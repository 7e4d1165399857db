"""Rules for secrets: keys and tokens by the forms that their makers gave them. They hold for every team, always."""

from __future__ import annotations

import re
from functools import lru_cache

from apps.traces.masking.rules import Anchored, Family, Rule

#: Nothing of a word before it.
_ALONE = r"(?<![A-Za-z0-9])"
_KEY = r"[A-Za-z0-9_-]"


def _has_digit(found: str) -> bool:
    return any(letter.isdigit() for letter in found)


def _looks_random(found: str) -> bool:
    """Has digits beside letters, as made-up names and prose rarely do over such a length."""
    return _has_digit(found) and any(letter.isalpha() for letter in found)


def _token(name: str, anchors: tuple[str, ...], pattern: str, *, checked: bool = False) -> Anchored:
    return Anchored(
        name=name,
        anchors=anchors,
        pattern=re.compile(_ALONE + pattern),
        check=_looks_random if checked else None,
    )


#: What makes a key a secret: a key of a table is none.
_OF_A_KEY = "|".join(
    rf"(?<={word}{sign})"
    for word in ("api", "access", "account", "private", "secret", "service", "signing", "encryption")
    for sign in ("", "[_-]")
)
_IS = r"[\"'\\]{0,4}\s{0,3}(?:[:=]|=>)\s{0,3}[\"'\\]{0,4}"

#: Tokens that begin with a short word and a dash or a line.
_PREFIXED = (
    # OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse and all who copied the prefix.
    _token("api key", ("sk-",), rf"sk-{_KEY}{{16,}}", checked=True),
    _token("api key", ("gsk_", "nvapi-", "xai-", "pplx-", "tvly-"), rf"(?:gsk_|nvapi-|xai-|pplx-|tvly-){_KEY}{{16,}}"),
    _token("api key", ("app-", "dataset-", "traces-"), rf"(?:app|dataset|traces)-{_KEY}{{24,}}", checked=True),
    _token("api key", ("hf_", "r8_"), r"(?:hf|r8)_[A-Za-z0-9]{30,}"),
    _token("webhook secret", ("whsec_",), r"whsec_[A-Za-z0-9+/=]{16,}"),
    _token("github token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{36,}"),
    _token("github token", ("github_pat_",), r"github_pat_[A-Za-z0-9_]{22,}"),
    _token("gitlab token", ("glpat-",), rf"glpat-{_KEY}{{20,}}"),
    _token(
        "slack token", ("xoxb-", "xoxp-", "xoxa-", "xoxs-", "xoxr-", "xapp-"), r"x(?:ox[abprs]|app)-[A-Za-z0-9-]{10,}"
    ),
    _token("stripe key", ("sk_live_", "sk_test_", "rk_live_", "rk_test_"), r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _token("package token", ("npm_", "pypi-"), rf"(?:npm_[A-Za-z0-9]{{36}}|pypi-{_KEY}{{50,}})"),
)
#: What stands before the last dash or line of a prefix, up to the one before that.
_BEFORE = {
    sign: tuple({each[:-1].rpartition(sign)[2] for rule in _PREFIXED for each in rule.anchors if each[-1] == sign})
    for sign in "-_"
}


def _may_have_a_prefix(text: str) -> bool:
    """Whether one of the words stands before a dash or a line: much cheaper than to look for each."""
    return any(
        part.endswith(words) for sign, words in _BEFORE.items() if sign in text for part in text.split(sign)[:-1]
    )


SECRETS: tuple[Rule, ...] = (
    Anchored(
        name="private key",
        anchors=("-----BEGIN",),
        pattern=re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----.*?"
            r"(?:-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----|\Z)",
            re.DOTALL,
        ),
    ),
    Family(name="token", gate=_may_have_a_prefix, rules=_PREFIXED),
    _token("google key", ("AIza",), rf"AIza{_KEY}{{35}}"),
    _token("google token", ("ya29.",), r"ya29\.[A-Za-z0-9_.-]{20,}"),
    _token("aws key", ("AKIA", "ASIA"), r"A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _token("cloud key", ("LTAI", "AKID"), r"(?:LTAI[A-Za-z0-9]{12,26}|AKID[A-Za-z0-9]{24,40})(?![A-Za-z0-9])"),
    _token("sendgrid key", ("SG.",), rf"SG\.{_KEY}{{16,80}}\.{_KEY}{{16,80}}"),
    _token("jwt", ("eyJ",), rf"eyJ{_KEY}{{8,2000}}+\.eyJ{_KEY}{{8,}}(?:\.{_KEY}*)?"),
    Anchored(
        name="webhook address",
        anchors=("hooks.slack.com/", "/bot/v2/hook/", "/send?"),
        pattern=re.compile(
            r"(?P<keep>hooks\.slack\.com/(?:services|workflows)/|/bot/v2/hook/|/send\?(?:access_token|key)=)"
            r"[A-Za-z0-9/_-]{8,}"
        ),
    ),
    Anchored(
        name="password",
        anchors=("://",),
        pattern=re.compile(r"(?P<keep>://[^\s/:@\"'<>]{0,100}:)[^\s/@\"'<>]{1,200}(?=@)"),
    ),
    Anchored(
        name="credential",
        anchors=("bearer ", "basic "),
        caseless=True,
        pattern=re.compile(rf"{_ALONE}(?P<keep>(?:bearer|basic)\s{{1,3}})[A-Za-z0-9._~+/=-]{{16,}}", re.IGNORECASE),
        check=_looks_random,
    ),
    Anchored(
        name="credential",
        anchors=("authorization",),
        caseless=True,
        # With or without a scheme, and as variables of the environment have it.
        pattern=re.compile(
            rf"(?P<keep>authorization{_IS}(?:[A-Za-z][A-Za-z-]{{1,15}}(?:\s|%20|\+){{1,3}})?)"
            r"(?!\[masked:)[A-Za-z0-9._~+/=%-]{4,4000}",
            re.IGNORECASE,
        ),
        check=_has_digit,
    ),
    Anchored(
        name="password",
        anchors=("passw", "pwd", "passphrase", "密码", "口令"),
        caseless=True,
        pattern=re.compile(
            rf"(?P<keep>(?:passw(?:or)?d|pwd|passphrase|密码|口令)(?:{_IS}|\s?[：是]\s?))"
            # In quotes it may hold anything but a quote.
            r"(?!\[masked:)(?:(?<=[\"'])[^\"'\\\n]{1,200}(?=\\{0,3}[\"'])|[^\s\"'\\,;，。；&<>]{4,200})",
            re.IGNORECASE,
        ),
    ),
    Anchored(
        name="secret",
        anchors=("key", "secret", "token", "signature", "sig=", "credential"),
        caseless=True,
        pattern=re.compile(
            rf"(?P<keep>(?:(?:{_OF_A_KEY})key(?:[_-]?id)?|secret(?:[_-]?access)?(?:[_-]?key)?|token|signature|sig"
            rf"|credentials?){_IS})(?!\[masked:)[A-Za-z0-9._~+/=%:-]{{12,}}",
            re.IGNORECASE,
        ),
        check=_looks_random,
    ),
)

_SECRET_NAME = re.compile(
    r"(?:.*[_.\- ])?(?:passw(?:or)?d|pwd|passphrase|authorization|(?:set-)?cookie|\w*token|\w*secret|signature|sig"
    r"|credentials?|(?:api|access|account|private|secret|service|signing|encryption)[_-]?key)",
    re.IGNORECASE,
)
#: Of names that end in it, those whose numbers are no counts.
_TOKEN = re.compile(r".*token", re.IGNORECASE)
_NO_COUNT = re.compile(
    r".*(?:access|auth|refresh|id|csrf|xsrf|session|bearer|api|bot|user|device|reset)[_\- ]?token", re.I
)
#: The ends of all such names as JSON has them, in small letters: without one of these there is none.
SECRET_NAME_ENDS = tuple(
    f'{end}"'
    for end in (
        "word",
        "wd",
        "passphrase",
        "authorization",
        "cookie",
        "key",
        "secret",
        "token",
        "ture",
        "sig",
        "ential",
        "entials",
    )
)


@lru_cache(maxsize=10_000)
def names_a_secret(name: str) -> bool:
    """Whether a field of this name holds a secret, whatever that looks like."""
    return len(name) <= 64 and _SECRET_NAME.fullmatch(name) is not None


@lru_cache(maxsize=10_000)
def counts_tokens(name: str) -> bool:
    """Whether a number in a field of this name is likelier to count pieces of text than to be a secret."""
    return _TOKEN.fullmatch(name) is not None and _NO_COUNT.fullmatch(name) is None
