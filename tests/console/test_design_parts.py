"""The small parts: what the template tags draw for real and for hostile values."""

import datetime as dt
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from console import waterfall


def draw(source: str, **values: object) -> str:
    return Template(source).render(Context(values))


def test_a_json_tree_shows_keys_and_values_and_never_markup_of_the_value():
    html = draw(
        "{% json_tree value %}", value={"<b>": "<img src=x onerror=alert(1)>", "n": 1.5, "on": True, "no": None}
    )
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;img src=x" in html
    for word in ("1.5", "true", "null", "4 keys"):
        assert word in html


def test_a_json_tree_folds_long_texts_long_lists_and_deep_values():
    deep: object = "bottom"
    for _level in range(200):
        deep = [deep]
    html = draw("{% json_tree value 1 %}", value={"text": "x" * 5_000, "list": list(range(1_000)), "deep": deep})
    assert "5,000 characters" in html
    assert "1,000 items" in html
    assert "and 800 more" in html
    assert html.count("<details open>") == 1
    assert "bottom" in html


def test_a_known_status_brings_tone_icon_and_word_and_an_unknown_one_is_shown_as_it_is():
    assert 'tone-error"' in draw("{% pill 'failed' %}")
    assert "#circle-x" in draw("{% pill 'failed' %}")
    assert "Failed" in draw("{% pill 'failed' %}")
    strange = draw("{% pill status %}", status="half_<done>")
    assert "tone-neutral" in strange
    assert "Half &lt;done&gt;" in strange


def test_a_diff_marks_words_in_english_and_characters_in_chinese():
    english = draw("{% diff before after %}", before="within 14 days", after="within 30 <days>")
    assert "<del>14 </del><ins>30 &lt;</ins>days<ins>&gt;</ins>" in english
    assert "&lt;" in english
    chinese = draw("{% diff before after %}", before="期限为十四天", after="期限为三十天")
    assert chinese.startswith('<div class="diff">期限为')
    assert "<ins>三</ins>" in chinese


def test_a_diff_of_huge_texts_gives_both_whole_instead_of_taking_minutes():
    html = draw("{% diff before after %}", before="a " * 9_000, after="b " * 9_000)
    assert html.count("<del>") == html.count("<ins>") == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0004, "0.4 ms"),
        (0.42, "420 ms"),
        (1.84, "1.84 s"),
        (30.02, "30.0 s"),
        (125, "2 min 5 s"),
        (7_260, "2 h 1 min"),
    ],
)
def test_durations_read_as_people_say_them(seconds, words):
    assert draw("{{ value|duration }}", value=seconds) == words
    assert draw("{{ value|duration }}", value=dt.timedelta(seconds=seconds)) == words
    assert draw("{{ value|duration_ms }}", value=seconds * 1000) == words


def test_numbers_money_and_sizes_are_exact_and_nothing_is_a_dash():
    assert draw("{{ value|count }}", value=12_300) == "12,300"
    assert draw("{{ value|money }}", value=Decimal("0.00042")) == "$0.00042"
    assert draw("{{ value|money:'CNY' }}", value=Decimal("1204.1")) == "¥1,204.10"
    assert draw("{{ value|file_size }}", value=12_400) == "12.4 KB"
    for name in ("count", "money", "duration", "duration_ms", "file_size", "ago"):
        assert draw("{{ value|" + name + " }}", value=None) == "–"


def test_a_time_says_how_long_ago_and_keeps_the_exact_moment():
    moment = timezone.now() - dt.timedelta(minutes=3)
    html = draw("{{ moment|ago }}", moment=moment)
    assert ">3 min ago</time>" in html
    assert f'datetime="{moment.isoformat()}"' in html
    assert ">just now</time>" in draw("{{ moment|ago }}", moment=timezone.now())


def test_an_icon_beside_a_word_is_silent_and_one_alone_has_a_name():
    assert 'aria-hidden="true"' in draw('{% icon "copy" %}')
    assert 'role="img" aria-label="Copy &lt;it&gt;"' in draw('{% icon "copy" name %}', name="Copy <it>")


def test_waterfall_bars_stay_inside_and_their_labels_stand_where_there_is_room():
    after = waterfall.bar(begin=0, length=100, total=1000, label="100 ms", wait=0)
    before = waterfall.bar(begin=700, length=300, total=1000, label="300 ms", wait=0)
    inside = waterfall.bar(begin=0, length=1000, total=1000, label="1 s", wait=250)
    assert '<text x="10%" dx="5"' in after
    assert '<text x="70%" dx="-5" y="18" text-anchor="end"' in before
    assert 'class="inside"' in inside
    assert '<rect class="bar-wait" x="0%" y="9" width="25%"' in inside
    beyond = waterfall.bar(begin=5_000, length=900, total=1000, label="<b>", wait=0)
    assert 'x="99.6%"' in beyond
    assert "<b>" not in beyond
    assert 'width="0.4%"' in waterfall.bar(begin=0, length=0, total=0, label="", wait=0)


def test_attributes_of_a_waterfall_are_never_localised():
    with translation.override("de"):
        assert 'x="12.346%"' in waterfall.bar(begin=12.3456, length=1, total=100, label="", wait=0)


@pytest.mark.parametrize(
    ("total", "marks"),
    [
        (2_410, [0, 500, 1000, 1500, 2000]),
        (0.7, [0, 0.2, 0.4, 0.6]),
        (90_000, [0, 20_000, 40_000, 60_000, 80_000]),
        (0, []),
    ],
)
def test_the_scale_of_a_waterfall_has_round_marks(total, marks):
    assert waterfall.ticks(total) == marks
