"""Owns the judgement how far a vector space can be trusted with a language, and so how much words weigh beside it."""

import re

from apps.datasets.text.scripts import unspaced_share

HASHING = "hashing"
#: Beside an embedder that knows the language, words and vectors weigh the same.
EQUAL = 0.5
#: Hashed words are words once more: they may break ties, no more than that.
WORDS_FIRST = 0.7
#: An embedder that has never seen the script puts noise into half of the score.
NEARLY_WORDS_ALONE = 0.9

_UNSPACED_QUERY = 0.3
# Families of models that were trained on English, and those trained on Chinese, as their names say.
_ENGLISH_ONLY = re.compile(
    r"all-minilm|multi-qa|all-mpnet|msmarco|nomic-embed-text(?!-v2)|mxbai-embed-large|(bge|gte|e5)-[a-z]+-en|"
    r"e5-(small|base|large)(?!-multi)|snowflake-arctic-embed(?!.*v2)|[-_/]en([-_/.@v]|$)",
    re.I,
)
_CHINESE_ONLY = re.compile(r"(bge|gte|e5)-[a-z]+-zh|text2vec-.*chinese|[-_/]zh([-_/.@v]|$)", re.I)


def lexical_weight(space: str, query: str) -> float:
    """What the words weigh beside the vectors of a space, 0 to 1, for a query of this language."""
    if space.startswith(HASHING):
        return WORDS_FIRST
    if unspaced_share(query) >= _UNSPACED_QUERY:
        return NEARLY_WORDS_ALONE if _ENGLISH_ONLY.search(space) else EQUAL
    return WORDS_FIRST if _CHINESE_ONLY.search(space) else EQUAL
