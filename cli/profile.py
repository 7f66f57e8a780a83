"""`argosmo profile`. Source: api.md §2.4, §5."""

from __future__ import annotations

import argparse

from cli.arguments import JSON, add_format, add_verb, add_verbs
from cli.client import client_of
from cli.errors import CliError
from cli.output import print_reply
from cli.replies import ProfileSettings
from cli.times import ABSENT

_PATH = "/api/profile/settings"
_POOL = "pool"
_NOTIFICATIONS = "notifications"
_CHANNELS = ("email", "slack")
_TRUTHS = {"true": True, "false": False}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo profile`."""
    verbs = add_verbs(parser)
    add_format(add_verb(verbs, "list", run_list, "show your settings, roles and pools"))
    change = add_verb(verbs, "set", run_set, "change one of your settings")
    change.add_argument("setting", choices=(_POOL, _NOTIFICATIONS), help="what to change")
    change.add_argument("value", metavar="VALUE", help="a pool; or email or slack")
    change.add_argument(
        "switch", metavar="true|false", nargs="?", choices=tuple(_TRUTHS), help="notifications: on (default) or off"
    )


def run_list(args: argparse.Namespace) -> int:
    """Show the profile."""
    reply = client_of(args).get(_PATH)
    if args.format_type == JSON:
        print_reply(reply.body)
        return 0
    print("\n".join(_tree(reply.read(ProfileSettings))))
    return 0


def run_set(args: argparse.Namespace) -> int:
    """Change one setting."""
    client_of(args).post(_PATH, body=_change(args.setting, args.value, args.switch))
    print("Profile Set")
    return 0


def _change(setting: str, value: str, switch: str | None) -> dict[str, str | bool]:
    if setting == _POOL:
        if switch is not None:
            raise CliError("'profile set pool' takes one value, the pool's name.")
        return {"pool": value}
    if value not in _CHANNELS:
        raise CliError(f"Expected one of {', '.join(_CHANNELS)} after 'notifications', got {value!r}.")
    return {f"{value}_notification": _TRUTHS[switch or "true"]}


def _tree(settings: ProfileSettings) -> list[str]:
    profile = settings.profile
    lines = [
        "user:",
        f"  name: {profile.username}",
        "notifications:",
        f"  email: {_shown(profile.email_notification)}",
        f"  slack: {_shown(profile.slack_notification)}",
        "pool:",
        f"  default: {profile.pool or ABSENT}",
        "  accessible:",
        *(f"  - {pool}" for pool in settings.pools),
        "roles:",
        *(f"- {role}" for role in settings.roles),
    ]
    if settings.token is not None:
        lines += [
            "token:",
            f"  name: {settings.token.name}",
            f"  expires: {(settings.token.expires_at or ABSENT)[:10]}",
        ]
    return lines


def _shown(value: bool | None) -> str:
    return str(bool(value)).lower()
