"""`argosmo login`. Source: api.md §4."""

from __future__ import annotations

import argparse
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from cli.client import plain_headers
from cli.errors import CliError, Unreachable
from cli.login_file import DevLogin, Login, TokenLogin, operating_system_user, read_login, write_login
from cli.replies import LoginInfo
from cli.tokens import EXCHANGE_PATH, claims_of, fresh_jwt
from cli.wire import exchange, read_body

DEV = "dev"
TOKEN = "token"
_SUPPORTED = (DEV, TOKEN)
# Known words of OSMO's client, so that its users get an answer and no usage text.
_UNSUPPORTED = ("pkce", "code", "password")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo login`."""
    parser.set_defaults(handler=run)
    parser.add_argument("url", metavar="URL", nargs="?", help="the server's address (default: that of the last login)")
    parser.add_argument(
        "--method",
        choices=(*_SUPPORTED, *_UNSUPPORTED),
        help="token with --token or --token-file, else dev, at servers that ask for no identity (default)",
    )
    parser.add_argument("--username", help="dev: who you are (default: your name on this machine)")
    token = parser.add_mutually_exclusive_group()
    token.add_argument("--token", help="token: the access token")
    token.add_argument("--token-file", metavar="FILE", type=Path, help="token: a file that holds it")


def run(args: argparse.Namespace) -> int:
    """Log in and remember it."""
    url = _address(args.url)
    method = args.method or _method_for(url, has_token=bool(args.token or args.token_file))
    if method in _UNSUPPORTED:
        raise CliError(
            f"Login method {method} is not supported. Supported: {DEV} (servers without authentication) "
            f"and {TOKEN} (--token or --token-file with an access token)."
        )
    login = _token_login(url, args) if method == TOKEN else _dev_login(url, args)
    write_login(login)
    print(f"Successfully logged in. Welcome {login.name}.")
    return 0


def _address(given: str | None) -> str:
    url = given
    if url is None:
        last = read_login()
        if last is None:
            raise CliError("Which server? Give its address: argosmo login http://127.0.0.1:8000")
        url = last.url
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CliError(f"Expected an address that begins with http:// or https://, got {url!r}.")
    return url.rstrip("/")


def _method_for(url: str, *, has_token: bool) -> str:
    if has_token:
        return TOKEN
    response = exchange("GET", f"{url}/api/auth/login", {"Accept": "*/*", "Connection": "close"})
    body = read_body(response)
    if not 200 <= response.status < 300:
        raise CliError(
            f"{url} does not say how to log in (status {response.status}). Use --method.", code=response.status
        )
    try:
        info = msgspec.json.decode(body, type=LoginInfo)
    except msgspec.MsgspecError as error:
        raise Unreachable(f"{url} did not answer as an OSMO gateway does. Is the address right?") from error
    if info.device_endpoint or info.browser_endpoint:
        raise CliError(f"{url} wants a login. Supported: --token or --token-file with an access token.")
    return DEV


def _dev_login(url: str, args: argparse.Namespace) -> Login:
    username = args.username or operating_system_user()
    if not (username.isascii() and username.isprintable()):
        raise CliError(f"The user name {username!r} cannot be sent: expected ASCII. Choose one with --username.")
    return Login(url=url, name=username, identity=DevLogin(username=username))


def _token_login(url: str, args: argparse.Namespace) -> Login:
    token = _access_token(args)
    exchange_url = url + EXCHANGE_PATH
    id_token = fresh_jwt(exchange_url, token, plain_headers(versioned=False))
    claims = claims_of(id_token)
    return Login(
        url=url,
        name=claims.name or claims.preferred_username or claims.sub or "",
        identity=TokenLogin(id_token=id_token, refresh_token=token, refresh_url=exchange_url, username=args.username),
    )


def _access_token(args: argparse.Namespace) -> str:
    if args.token:
        return str(args.token)
    if args.token_file is None:
        raise CliError("Login method token needs --token or --token-file.")
    try:
        return str(args.token_file.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"The token file {args.token_file} cannot be read: {error}") from error
