"""The demo model: it quotes what it was given, says what it is, and makes nothing up."""

import re

import pytest

from model_runtime.extractive.prompt import split_passages
from model_runtime.extractive.sentences import split_sentences
from model_runtime.providers.demo import DemoChatModel, answer
from model_runtime.types import Message, ModelParameters

HANDBOOK = """[1] Employee handbook, page 3
# Annual leave
Every employee has 25 days of paid leave per year. Unused days, up to five, are carried over to the next
calendar year and expire on 31 March. Leave requests are made in the portal at least two weeks in advance.
# Sick leave
Report illness to your manager before 9 a.m. on the first day. A doctor's note is needed from the third day.

[2] Refund policy, page 1
Refunds are paid within 14 days of receiving the goods, e.g. by bank transfer. Shipping costs are not refunded.
To return an item:
- Open the order page
- Click Return
- Print the label"""

CHINESE = """[1] 员工手册，第3页
年假
每位员工每年享有25天带薪年假。未休完的假期最多可结转五天，并在次年3月31日失效。
病假：请在第一天上午9点前通知主管。从第三天起需要提供医生证明。

[2] 退款政策
我们在收到退货后14天内退款。运费不予退还。如需退货，请打开订单页面，点击“退货”，并打印标签。"""


NARROW = """[1] Kelp loom, page 11
Insurance
The loom is insured under the policy number
KL-55902.
Damage by storm is reported within two days, with a
drawing."""


def test_a_line_that_was_wrapped_before_a_capital_letter_is_no_heading():
    said = reply("Under which policy number is the loom insured?", system=f"Answer from the passages.\n\n{NARROW}")
    assert said == "From the passages: The loom is insured under the policy number KL-55902. [1]"


def reply(question, *, system=f"Answer from the passages.\n\n{HANDBOOK}\n\nCite them by number.", earlier=()):
    turns = [Message(role=role, text=text) for role, text in earlier]
    return answer([Message(role="system", text=system), *turns, Message(role="user", text=question)])


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("How many days of leave do employees have?", "Every employee has 25 days of paid leave per year. [1]"),
        ("When do unused days expire?", "calendar year and expire on 31 March. [1]"),
        ("When do I need a doctor's note?", "A doctor's note is needed from the third day. [1]"),
        ("I was wondering how long a refund takes to reach my bank account", "Refunds are paid within 14 days"),
        ("Are shipping costs refunded?", "Shipping costs are not refunded. [2]"),
        ("How do I return an item?", "To return an item: Open the order page; Click Return; Print the label [2]"),
    ],
)
def test_a_question_is_answered_with_the_sentence_that_answers_it(question, quoted):
    said = reply(question)
    assert said.startswith("From the passages: ")
    assert quoted in said


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("年假有多少天？", "每位员工每年享有25天带薪年假。 [1]"),
        ("什么时候需要医生证明？", "从第三天起需要提供医生证明。 [1]"),
        ("怎么退货？", "如需退货，请打开订单页面，点击“退货”，并打印标签。 [2]"),
        ("运费可以退吗", "运费不予退还。 [2]"),
    ],
)
def test_chinese_questions_are_answered_from_chinese_passages(question, quoted):
    said = reply(question, system=f"根据资料回答。\n\n{CHINESE}")
    assert said.startswith("根据资料：")
    assert quoted in said


def test_every_sentence_is_quoted_word_for_word_and_names_its_passage():
    said = reply("How many days of paid leave are there and when do unused days expire?")
    quotes = re.findall(r"(.+?) \[(\d+)\]\s*", said.removeprefix("From the passages: "))
    assert 1 <= len(quotes) <= 3
    flat = " ".join(HANDBOOK.split())
    assert all(text in flat for text, _ in quotes)
    assert {number for _, number in quotes} == {"1"}


@pytest.mark.parametrize(
    ("question", "start"),
    [
        ("Who is the prime minister of France?", "The passages that I was given say nothing"),
        ("首都在哪里？", "所给的资料里没有"),
    ],
)
def test_what_the_passages_do_not_say_is_not_answered(question, start):
    assert reply(question).startswith(start)


def test_without_passages_it_says_what_it_is_and_what_to_set():
    said = answer([Message(role="user", text="What is the capital of France?")])
    assert "built-in demo model" in said
    assert "OPENAI_API_KEY" in said
    assert "OPENAI_BASE_URL" in said
    assert "演示模型" in answer([Message(role="user", text="你好，你是谁？")])


def test_a_search_without_results_is_named_as_such():
    said = reply("What is the refund policy?", system="Answer from the passages below.\n\nPassages:\n")
    assert said.startswith("The search found no passages for this question")


def test_a_follow_up_question_is_understood_from_the_one_before():
    plans = (
        "[1] Prices\nThe standard plan has 5 seats. It costs 20 euros per month.\n"
        "The team plan has unlimited seats and costs 90 euros per month."
    )
    earlier = [("user", "What is in the team plan?"), ("assistant", "Unlimited seats. [1]")]
    assert "90 euros" in reply("And what does it cost?", system=plans, earlier=earlier)


def test_passages_may_stand_in_the_user_s_message():
    message = (
        "Use these:\n\n[1] A\nRefunds take 14 days.\n\n[2] B\nShipping takes 3 days.\n\n"
        "Question: how long is shipping?\nAnswer:"
    )
    assert answer([Message(role="user", text=message)]) == "From the passages: Shipping takes 3 days. [2]"


@pytest.mark.parametrize(
    ("system", "text", "label"),
    [
        (
            "Classify the message as billing, technical or other. Reply with the label.",
            "I was charged twice",
            "billing",
        ),
        ("Classify the message as billing, technical or other. Reply with the label.", "The app crashes", "technical"),
        ("Classify the message as billing, technical or other. Reply with the label.", "Nice weather", "other"),
        (
            "Categories:\n- shipping: where a parcel is\n- returns: sending back\n- other",
            "May I send it back?",
            "returns",
        ),
        ("把用户的消息分类为：退款、技术、其他。只输出类别。", "我要退钱", "退款"),
        ("Is the question about refunds? Answer yes or no.", "How do refunds work?", "yes"),
        ("Is the question about refunds? Answer yes or no.", "Who is your boss?", "no"),
        ("", "Classify this review into one of: positive, negative, neutral.\n\nReview: I love it", "positive"),
    ],
)
def test_a_label_is_picked_from_those_that_the_prompt_lists(system, text, label):
    assert reply(text, system=system) == label


def test_a_summary_is_made_of_the_text_s_own_sentences():
    text = (
        "The bridge carries trains. The bridge was built in 1932 by the city. It rained on that day. "
        "The city pays for the bridge and its trains. Some people like tea."
    )
    said = answer([Message(role="user", text=f"Summarize the following text:\n\n{text}")])
    body = said.removeprefix("In the text's own words: ")
    assert body != said
    assert len(body) < len(text)
    assert all(sentence in text for sentence in re.split(r"(?<=\.) ", body))
    assert "tea" not in body


def test_a_question_about_a_text_without_numbers_is_answered_from_it():
    message = "Context: The bridge was built in 1932. It is 503 metres long.\n\nQuestion: When was the bridge built?"
    assert answer([Message(role="user", text=message)]).startswith("From the text: The bridge was built in 1932.")


async def stream(parameters):
    messages = [Message(role="system", text=HANDBOOK), Message(role="user", text="When do unused days expire?")]
    chunks = [chunk async for chunk in DemoChatModel().stream(messages, parameters=parameters)]
    return chunks, answer(messages)


async def test_it_streams_word_by_word_and_always_the_same():
    chunks, whole = await stream(ModelParameters())
    again, _ = await stream(ModelParameters())
    assert chunks == again
    assert "".join(chunk.text for chunk in chunks) == whole
    assert len(chunks) > 10
    assert chunks[-1].finish_reason == "stop"
    assert chunks[-1].usage.estimated
    assert all(chunk.finish_reason is None for chunk in chunks[:-1])


async def test_it_keeps_to_the_limits_it_is_given():
    chunks, whole = await stream(ModelParameters(max_tokens=5))
    text = "".join(chunk.text for chunk in chunks)
    assert whole.startswith(text)
    assert (0 < len(text) < 30, chunks[-1].finish_reason) == (True, "length")
    chunks, whole = await stream(ModelParameters(stop=("expire",)))
    assert "".join(chunk.text for chunk in chunks) == whole.partition("expire")[0]


def test_passages_keep_their_numbers_titles_and_paragraphs():
    text = "Use:\n\n[1] One, page 2\nfirst\n\nsecond [7] note\n[9] footnote\n\n[2] Two\nthird\n\nAnswer now."
    passages, rest = split_passages(text)
    assert [(each.number, each.title) for each in passages] == [(1, "One, page 2"), (2, "Two")]
    assert passages[0].text == "first\n\nsecond [7] note\n[9] footnote"
    assert passages[1].text == "third"
    assert rest.split() == ["Use:", "Answer", "now."]


@pytest.mark.parametrize("behind", ["", "\n\nAnswer only from these.", "\n</context>\nMore.", "\n\n请引用编号。"])
def test_the_last_passage_may_hold_blank_lines_and_ends_where_the_model_is_spoken_to(behind):
    passages, rest = split_passages(f"Use these.\n\n[1] Guide\nFirst.\n\n## More\n\nLast words.{behind}")
    assert [each.text for each in passages] == ["First.\n\n## More\n\nLast words."]
    assert rest.startswith("Use these.")
    assert behind.strip() in rest


def test_sentences_end_where_they_end():
    text = "See e.g. Fig. 3 of Dr. Lee.  It costs 3.5 euros! Really? 第一句。第二句！“引文。”第三句"
    assert [each.text for each in split_sentences(text)] == [
        "See e.g. Fig. 3 of Dr. Lee.",
        "It costs 3.5 euros!",
        "Really?",
        "第一句。",
        "第二句！",
        "“引文。”",
        "第三句",
    ]


def test_lines_are_joined_again_and_lists_are_not():
    text = "# Title\nA sentence that is wrap-\nped over\nlines.\n- one\n- two\n```\nmake up\n```"
    pieces = split_sentences(text)
    assert [each.text for each in pieces] == [
        "Title",
        "A sentence that is wrapped over lines.",
        "one",
        "two",
        "`make up`",
    ]
    assert [each.is_heading for each in pieces] == [True, False, False, False, False]
