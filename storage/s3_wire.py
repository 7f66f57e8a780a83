"""The requests of S3 that obstore has not: those of an upload in parts that outlives its process, and odd listings.

Only the standard library is used, as the sidecar of a pod has little else. Source: AWS, "Amazon S3 API Reference".
"""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree

from storage.connections import UNMETERED, Meter
from storage.file_piece import FilePiece
from storage.lanes import NEVER, StopSign
from storage.patience import Patience
from storage.s3_signature import S3Keys, signed_headers, target_of

if TYPE_CHECKING:
    from obstore.store import S3Config

TRY_AGAIN = (408, 429, 500, 502, 503, 504)
# What a store answers to too many requests: 503 SlowDown, or what HTTP says in general.
FEWER_PLEASE = (429, 503)
_DEFAULT_REGION = "us-east-1"
_UNSIGNED = "UNSIGNED-PAYLOAD"
_UNSIGNED_FROM_BYTES = 1024 * 1024


class S3Refused(Exception):
    """A store said no. Shape: `code` as S3 words it, else the status of HTTP."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class S3Unreachable(Exception):
    """A store did not answer, or not with what S3 answers; the message says what was tried and what came of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a store answered. Shape: names of headers in lower case."""

    headers: Mapping[str, str]
    body: bytes

    def document(self) -> ElementTree.Element:
        """The body as XML, without the names of its namespaces. Errors: S3Unreachable."""
        try:
            root = ElementTree.fromstring(self.body)
        except ElementTree.ParseError as error:
            raise S3Unreachable(f"expected XML of S3, got {self.body[:100]!r}") from error
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to a store.

    Shape: `target` as `target_of` makes it; `payload` is the sum of the body, or what stands for it; `stopped` ends it
    while the body is sent.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    payload: str
    body: bytes | FilePiece = b""
    meter: Meter = UNMETERED
    stopped: StopSign = NEVER


@dataclass(slots=True)
class S3Wire:
    """Requests about one bucket. Any thread; connections are kept.

    Shape: `repeated` counts requests that were made more than once: of those nobody knows how often they were heard.
    """

    url: str
    prefix: str
    keys: S3Keys
    patience: Patience
    repeated: int = 0
    _idle: list[http.client.HTTPConnection] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def is_plain(self) -> bool:
        """Whether nothing but signatures guards what is sent: the sums of large bodies are part of them only then."""
        return not self.url.startswith("https://")

    def ask(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        stopped: StopSign,
        *,
        body: bytes | FilePiece = b"",
        body_sha256: str | None = None,
        headers: Mapping[str, str] | None = None,
        tries: int | None = None,
        meter: Meter = UNMETERED,
        cuts_body: StopSign = NEVER,
    ) -> Answer:
        """Ask until there is an answer, or patience ends.

        Shape: `stopped` is obeyed between tries, `cuts_body` in the middle of what is sent.
        Errors: S3Refused; S3Unreachable; TransferStopped.
        """
        payload = self._payload(body, body_sha256)
        request = Request(
            method=method,
            target=target_of(f"{self.prefix}/{key}" if key else self.prefix or "/", query),
            headers=headers or {},
            payload=payload,
            body=body,
            meter=meter,
            stopped=cuts_body,
        )
        most, number = tries or self.patience.tries, 0
        while True:
            number += 1
            try:
                return self._once(request, again=number <= most)
            except (OSError, http.client.HTTPException) as error:
                if number > most:
                    reason = f"{type(error).__name__}: {error}"
                    raise S3Unreachable(f"{self.url} did not answer ({reason})") from error
            self.repeated += 1
            self.patience.wait(number, stopped)

    @contextmanager
    def reply_to(self, request: Request) -> Iterator[http.client.HTTPResponse]:
        """What is answered to one request; the connection is kept where it is read to its end in the block.

        Errors: OSError; HTTPException; those of a FilePiece.
        """
        connection, begun = self._connection(), time.monotonic()
        try:
            reply = self._asked(connection, request)
            if reply.status in FEWER_PLEASE:
                request.meter.refused()
            elif reply.status < http.client.MULTIPLE_CHOICES and not request.body:
                request.meter.answered(time.monotonic() - begun)
            yield reply
        except BaseException:
            connection.close()
            raise
        if reply.will_close or not reply.isclosed():
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _payload(self, body: bytes | FilePiece, known: str | None) -> str:
        if len(body) >= _UNSIGNED_FROM_BYTES and not self.is_plain:
            return _UNSIGNED
        if known is None:
            return body.add_to(hashlib.sha256()) if isinstance(body, FilePiece) else hashlib.sha256(body).hexdigest()
        return known

    def _asked(self, connection: http.client.HTTPConnection, request: Request) -> http.client.HTTPResponse:
        host, body = _host(self.url), request.body
        headers = signed_headers(self.keys, request.method, host, request.target, request.headers, request.payload)
        if isinstance(body, FilePiece):
            connection.request(request.method, request.target, headers=headers | {"content-length": str(len(body))})
            body.send(connection.sock, request.stopped)
        else:
            connection.request(request.method, request.target, body=body, headers=headers)
        return connection.getresponse()

    def _once(self, request: Request, *, again: bool) -> Answer:
        with self.reply_to(request) as reply:
            content = reply.read()
        if reply.status in TRY_AGAIN and again:
            raise PassingAnswer(f"the store answered {reply.status}")
        return answer_of(reply, content)

    def _connection(self) -> http.client.HTTPConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        address = urlsplit(self.url)
        host, port = address.hostname or "", address.port
        if address.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self.patience.silence_seconds, context=context)
        return http.client.HTTPConnection(host, port, timeout=self.patience.silence_seconds)


class PassingAnswer(OSError):
    """An answer that may be another one the next time."""


def s3_wire(config: S3Config, bucket: str, patience: Patience) -> S3Wire | None:
    """What speaks to a bucket as a client of obstore with these settings would; None where only obstore can.

    That is so with an identity that has to be asked for (of a machine, of a service account), behind a proxy, and where
    there are no certificates to trust.
    """
    region = config.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    keys = _keys(config, region or _DEFAULT_REGION)
    named = config.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    url = named.rstrip("/") or f"https://s3.{region or _DEFAULT_REGION}.amazonaws.com"
    if keys is None or not _speaks_directly(url):
        return None
    address = urlsplit(url)
    virtual = config.get("virtual_hosted_style_request", False)
    prefix = address.path.rstrip("/") + ("" if virtual else f"/{bucket}")
    return S3Wire(url=url, prefix=prefix, keys=keys, patience=patience)


def _keys(config: S3Config, region: str) -> S3Keys | None:
    known, secret = config.get("access_key_id"), config.get("secret_access_key")
    if known and secret:
        return S3Keys(access_key_id=known, secret=secret, region=region)
    known, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if known and secret:
        token = os.environ.get("AWS_SESSION_TOKEN", "")
        return S3Keys(access_key_id=known, secret=secret, session_token=token, region=region)
    return None


def _speaks_directly(url: str) -> bool:
    address = urlsplit(url)
    if urllib.request.getproxies().get(address.scheme) and not urllib.request.proxy_bypass(address.hostname or ""):
        return False
    if address.scheme != "https":
        return True
    paths = ssl.get_default_verify_paths()
    return paths.cafile is not None or (paths.capath is not None and bool(os.listdir(paths.capath)))


def _host(url: str) -> str:
    return urlsplit(url).netloc


def answer_of(reply: http.client.HTTPResponse, content: bytes) -> Answer:
    """What was answered, its body read. Errors: S3Refused."""
    answer = Answer({name.lower(): value for name, value in reply.getheaders()}, content)
    if reply.status >= 300:
        raise _refusal(reply.status, answer)
    return answer


def _refusal(status: int, answer: Answer) -> S3Refused:
    try:
        document = answer.document()
    except S3Unreachable:
        return S3Refused(str(status), answer.body[:200].decode(errors="replace").strip() or "no reason was given")
    return S3Refused(document.findtext("Code") or str(status), document.findtext("Message") or "")


__all__ = ["Answer", "Request", "S3Keys", "S3Refused", "S3Unreachable", "S3Wire", "s3_wire"]
