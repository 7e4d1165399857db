"""A chat app that answers from a dataset, as the demo does."""

RETRIEVING = {
    "skep": 1,
    "app": {"name": "Retrieving", "kind": "chat"},
    "nodes": [
        {"id": "start", "type": "start"},
        {
            "id": "find",
            "type": "knowledge-retrieval",
            "config": {"query": "sys.query", "datasets": ["handbook"], "method": "hybrid", "top_k": 5},
        },
        {
            "id": "reply",
            "type": "llm",
            "config": {
                "model": {"name": "demo"},
                "context": "find.result",
                "prompt": [
                    {"role": "system", "text": "Answer from the context.\n{{ context }}"},
                    {"role": "user", "text": "{{ sys.query }}"},
                ],
            },
        },
        {"id": "say", "type": "answer", "config": {"text": "{{ reply.text }}"}},
    ],
    "edges": [{"from": "start", "to": "find"}, {"from": "find", "to": "reply"}, {"from": "reply", "to": "say"}],
}
