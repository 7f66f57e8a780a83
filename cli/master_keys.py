"""`argosmo master-keys`: the keys that seal what users store, for whoever runs the gateway."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from cli.arguments import add_verb, add_verbs
from cli.errors import CliError
from cli.serve import add_data_dir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo master-keys`."""
    verbs = add_verbs(parser)
    rotation = add_verb(verbs, "rotate", run_rotate, "make a new key and seal the keys of all users with it")
    add_data_dir(rotation)
    rotation.add_argument("--database", metavar="URL", help="the gateway's database")
    rotation.add_argument("--master-keys", metavar="FILE", type=Path, help="the file of master keys")


def run_rotate(args: argparse.Namespace) -> int:
    """Rotate. The gateways may go on working."""
    # Database and cryptography are loaded by this command alone.
    from gateway.main import rotate_master_keys
    from gateway.ports.faults import StoreTooNew, StoreUnavailable
    from gateway.ports.vault import SealBroken
    from gateway.settings import SettingsError, settings_from

    flags = {"data_dir": args.data_dir, "database": args.database, "master_keys": args.master_keys}
    try:
        changed = rotate_master_keys(settings_from(os.environ, flags))
    except (SealBroken, SettingsError, StoreTooNew, StoreUnavailable) as error:
        raise CliError(str(error)) from error
    print(f"A new master key is in use; the keys of {changed} users were sealed with it. The last one stays beside it.")
    return 0
