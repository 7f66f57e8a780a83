"""`argosmo data` against a real S3 server, with the key kept on this machine and with that of the environment."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

import pytest

from cli.config_file import keep_data_key
from cli.main import main
from tests.object_store import S3Server

pytestmark = pytest.mark.xdist_group("s3")


@pytest.fixture(params=["kept", "environment"])
def url(request: pytest.FixtureRequest, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh place that a key is known for."""
    monkeypatch.setenv("ARGOSMO_CONFIG_DIR", str(tmp_path / "config"))
    key = s3.credential()
    if request.param == "kept":
        values = {"override_url": s3.url, "addressing_style": "path"}
        keys = {"access_key_id": str(key.access_key_id), "access_key": str(key.access_key)}
        keep_data_key(f"s3://{s3.bucket}", values | keys)
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(key.access_key_id))
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(key.access_key))
    return f"s3://{s3.bucket}/{uuid.uuid4().hex}"


def test_there_and_back(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "d/b", "d/e/ü +%&.txt"):
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(1000))
    (tmp_path / "source/large").write_bytes(os.urandom(9_000_000))
    assert main(["data", "check", url, "-a", "WRITE"]) == 0
    assert main(["data", "upload", url, f"{tmp_path}/source/.", "--sums", f"{tmp_path}/up"]) == 0
    assert main(["data", "download", url, f"{tmp_path}/into", "--sums", f"{tmp_path}/down"]) == 0
    assert (tmp_path / "up").read_text() == (tmp_path / "down").read_text()
    capsys.readouterr()
    assert main(["data", "list", url, "-t", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert (listed["folders"], [each["path"] for each in listed["objects"]]) == (["d/"], ["a", "large"])
    assert main(["data", "upload", url, f"{tmp_path}/source/.", "--resume", "-t", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] == 4
    assert main(["data", "delete", url, "-t", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == 4
    assert main(["data", "list", url, "-r"]) == 0
    assert capsys.readouterr().out == ""


def test_a_store_that_refuses_is_a_failure(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ARGOSMO_CONFIG_DIR", str(tmp_path / "config"))
    keys = {"access_key_id": "reader", "access_key": "reader-secret-key", "override_url": s3.url}
    keep_data_key(f"s3://{s3.bucket}", keys)
    (tmp_path / "f").write_text("x")
    assert main(["data", "upload", f"s3://{s3.bucket}/x", str(tmp_path / "f")]) == 1
    said = capsys.readouterr().err
    assert "was refused" in said
    assert "reader-secret-key" not in said
    assert main(["data", "check", f"s3://{s3.bucket}/x", "-a", "WRITE", "-t", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "fail"
