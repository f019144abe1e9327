"""What engines say of GPUs that they do not have."""

import pytest

from engine.gpu import reason

CREATE = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed"
)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('could not select device driver "" with capabilities: [[gpu]]', "the engine has no driver"),
        ("failed to discover GPU vendor from CDI: no known GPU vendor found", "the engine has no driver"),
        ("no CDI device driver registered: cdi", "the engine has no driver"),
        ("CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=7", "the host does not have them"),
        (f"{CREATE}: nvidia-container-cli: device error: 7: unknown device: unknown", "the host does not have them"),
        ('error gathering device information while adding custom device "/dev/kfd"', "the host does not have them"),
        (f'{CREATE}: exec: "true": executable file not found in $PATH: unknown', ""),
    ],
)
def test_what_an_engine_says(said: str, words: str) -> None:
    found = reason(said)
    assert found.startswith(words)
    assert bool(found) == bool(words)
    assert not words or said in found
