"""`api.before`: a command of the new image must succeed before its release gets a container."""

from tools.lab.stack import SmallStack

MIGRATE = {"command": ["/backend", "migrate"]}


def test_a_command_that_fails_or_hangs_leaves_everything_as_it_was(pair: SmallStack) -> None:
    ids, live = pair.ids(), pair.live
    number = pair.want(api={"before": MIGRATE}, env={"MIGRATE": "fail"})
    failed = pair.up(check=False)
    assert failed.returncode != 0
    said = failed.stdout + failed.stderr
    assert f"{pair.name}-api-before: migrating to version {number}" in said, said
    assert f"{pair.name}-api-before: there is no such table" in said
    assert "failed with exit code 3" in said
    pair.want(api={"before": MIGRATE | {"timeout": "3s"}}, env={"MIGRATE": "hang"})
    late = pair.up(check=False)
    assert late.returncode != 0
    assert "has not come to its end in 3 s" in late.stdout + late.stderr
    assert {name: id for name, id in pair.ids().items() if "before" not in name} == {
        name: id for name, id in ids.items() if "before" not in name
    }
    assert pair.live == live


def test_it_runs_once_for_a_release_and_not_for_a_rollback(pair: SmallStack) -> None:
    before, was = pair.version, pair.live
    version = pair.want(api={"before": MIGRATE})
    released = pair.up()
    pair.version = version
    assert f"migrating to version {version}" in released.stdout
    assert pair.live != was
    assert pair.planned() == {}
    pair.want_again(before, api={"before": MIGRATE})
    back = pair.up()
    pair.version = before
    assert pair.live == was
    assert "is not run: " in back.stdout
    assert "migrating to" not in back.stdout
