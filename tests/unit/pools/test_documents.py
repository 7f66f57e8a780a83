"""What configuration objects share: secrets, names. Source: api.md §2.13, §8."""

from __future__ import annotations

import pytest

from pools.documents import MASK, as_json, name_problem
from pools.workflow import RegistryCredential, WorkflowConfig


def test_secrets_are_masked_unless_asked_for() -> None:
    """'secrets as **********'."""
    config = WorkflowConfig.model_validate(
        {
            "workflow_data": {"credential": {"endpoint": "s3://b", "access_key": "hunter2"}},
            "workflow_alerts": {"slack_token": ""},
        }
    )
    masked, revealed = as_json(config), as_json(config, reveal=True)
    assert "hunter2" not in str(masked)
    assert MASK in str(masked)
    assert "hunter2" in str(revealed)
    assert "hunter2" not in repr(config)
    assert WorkflowConfig.model_validate(revealed) == config


def test_the_registry_password_has_two_names() -> None:
    """'auth (also accepted as password)'."""
    for name in ("auth", "password"):
        credential = RegistryCredential.model_validate({"registry": "r", "username": "u", name: "s"})
        assert credential.auth is not None
        assert credential.auth.get_secret_value() == "s"


@pytest.mark.parametrize(
    ("name", "is_legal"), [("a", True), ("a.b_c-1", True), ("", False), ("1a", False), ("a-", False), ("a b", False)]
)
def test_names(name: str, is_legal: bool) -> None:
    """'letter first; letters, digits, _ . -; letter or digit last'."""
    assert (name_problem("pool", name) is None) is is_legal


def test_defaults_are_osmos() -> None:
    """Source: api.md §8.2."""
    config = WorkflowConfig()
    assert (config.max_num_tasks, config.max_retry_per_task, config.max_retry_per_job) == (20, 0, 5)
    assert (config.default_exec_timeout, config.max_queue_timeout, config.force_cleanup_delay) == ("60d", "60d", "1h")
    assert config.workflow_info.max_name_length == 64
    assert config.plugins_config.rsync.read_bandwidth_limit == 2621440
