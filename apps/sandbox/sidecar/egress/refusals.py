"""Why the proxy did not do as asked: the answer to the guest, and the word under which it is counted."""

from __future__ import annotations

from http import HTTPStatus

from apps.sandbox.sidecar.egress.policy import Reason

_SENTENCES = {
    Reason.PORT: "this port is not open to sandboxed code",
    Reason.DENIED: "the operator has closed this destination",
    Reason.NOT_LISTED: "only the destinations on the operator's list are open",
    Reason.NOT_PUBLIC: "it is not a public address",
    Reason.OWN_ADDRESS: "it is an address of the sandbox's own machine",
}


class Refused(Exception):
    """A request is not carried out; it is answered with `status` and counted as `reason`."""

    def __init__(self, status: HTTPStatus, reason: str, message: str, *, host: str = "", port: int = 0) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message
        self.host, self.port = host, port

    @property
    def by_policy(self) -> bool:
        """Whether the rules forbid it, rather than the network failing or the request being wrong."""
        return self.status is HTTPStatus.FORBIDDEN

    def answer(self) -> bytes:
        """The whole response. The sentence is in the status line too: tunnels show nothing but that."""
        body = f"{self.message}\n".encode()
        head = (
            f"HTTP/1.1 {self.status.value} {self.message}\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            f"X-Sandbox-Egress: {self.reason}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body


def forbidden(reason: Reason, *, host: str, port: int) -> Refused:
    """The refusal by policy. It never says what the name resolved to."""
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    message = f"Refused by the sandbox: {shown}: {_SENTENCES[reason]}"
    return Refused(HTTPStatus.FORBIDDEN, reason.value, message, host=host, port=port)


def malformed(message: str) -> Refused:
    """The request is not one that a proxy understands."""
    return Refused(HTTPStatus.BAD_REQUEST, "malformed", message)
