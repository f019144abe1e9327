"""Good releases, by `pulumi up` and by hand: nothing is lost, nothing is touched that need not be."""

import json
import secrets
import ssl
import time

import httpx
import pytest

from tests.faults.conftest import EVERYTHING, SOME
from tools.lab.backend import image
from tools.lab.load.client import LoadClient, Mix
from tools.lab.stack import SmallStack

QUICK = Mix(get="1@10ms")


def test_a_release_under_load_loses_nothing(stack: SmallStack, load: LoadClient) -> None:
    old, new, untouched = stack.version, stack.want(), [f"{stack.name}-api-{stack.live}", f"{stack.name}-nginx"]
    before = stack.ids()
    assert set(stack.planned()) == {"api-preflight", f"api-{stack.idle}", "api-rollout"}
    with (
        load.run(stack.url, stack.ca, SOME) as running,
        load.run(stack.url, stack.ca, Mix(stream="4@0s", stream_path="/v1/stream?seconds=25"), wait=False) as long,
    ):
        stack.up()
        done = time.time()
        time.sleep(2)
    result, streams = running.end(), long.end()
    assert not result.lost, result.summary()
    assert result.after(done).versions == {new}
    assert not streams.lost, streams.summary()
    begun = sorted(streams.requests, key=lambda stream: stream.start)[:4]  # the others began after these had ended
    assert {stream.version for stream in begun} == {old}
    assert streams.versions <= {old, new}
    assert {name: stack.ids()[name] for name in untouched} == {name: before[name] for name in untouched}
    assert stack.planned() == {}
    assert stack.outputs()["live"] == stack.live


def test_a_new_image_by_make_deploy_under_full_load(stack: SmallStack, load: LoadClient) -> None:
    """What `make deploy TAG=2` runs. The image knows nothing of this project, and is asked what its stack asks it."""
    image.build(stack.engine, stack.image)  # its second tag was once gone by now, and nobody knows why
    old, url, ca = stack.version, stack.url, stack.ca
    long = Mix(stream="4@0s", stream_path="/v1/stream?seconds=25")
    with load.run(url, ca, EVERYTHING) as running, load.run(url, ca, long, wait=False) as streaming:
        said = stack.run("python3", "-m", "ops", "release", "--stack", stack.name, "--tag", "2").stdout
        done = time.time()
        time.sleep(2)
    result, streams = running.end(), streaming.end()
    assert f"POST {url}/v1/chat: 200 OK" in said
    assert not result.lost, result.summary()
    assert not streams.lost, streams.summary()
    assert result.versions == {old, f"{old}b"}
    assert result.after(done).versions == {f"{old}b"}
    assert min(streams.requests, key=lambda stream: stream.start).version == old
    stack.release()


def test_reverting_the_configuration_rolls_back_and_touches_no_container(stack: SmallStack, load: LoadClient) -> None:
    old, new = stack.version, stack.release()
    before = stack.ids()
    stack.want_again(old)
    assert stack.planned() == {"api-rollout": "update"}
    with load.run(stack.url, stack.ca, SOME) as running:
        stack.up()
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {old, new}
    assert stack.ids() == before
    assert stack.planned() == {}
    last_of_new = max(request.start for request in result.of("keepalive").requests if request.version == new)
    assert result.of("keepalive").first(old) - last_of_new < 1


@pytest.mark.alone
def test_rollback_by_hand_takes_less_than_a_second(stack: SmallStack, load: LoadClient) -> None:
    """The best of three: a machine may be busy with other things."""
    good, bad = stack.version, stack.release()
    release, took = stack.outputs()["release"], []
    for _ in range(3):
        with load.run(stack.url, stack.ca, QUICK) as running:
            enter = time.time()
            done = stack.rollout("rollback")
            assert done.returncode == 0, done.stderr
        result = running.end()
        assert not result.lost, result.summary()
        assert result.versions == {good, bad}
        took.append(result.first(good) - enter)
        assert [found["release"] for found in stack.status()["rejected"]][-1] == release
        assert stack.rollout("allow", release).returncode == 0
        assert stack.rollout("flip", "--to", stack.idle).returncode == 0
    print("from Enter to the first answer of the release before:", took)
    assert min(took) < 1


def test_a_rejected_release_is_refused_until_it_is_allowed(stack: SmallStack) -> None:
    old, new = stack.version, stack.release()
    release = stack.outputs()["release"]
    assert stack.rollout("rollback").returncode == 0
    again = stack.rollout("rollback")
    assert again.returncode == 3, "a rollback is not rolled back"
    assert "was rejected" in again.stderr
    before = stack.status()

    refused = stack.up(check=False)
    assert refused.returncode != 0
    assert f"Release {release} was rejected" in refused.stdout
    assert "rolled back by hand" in refused.stdout
    assert "Traceback" not in refused.stdout + refused.stderr
    assert stack.status() == before
    assert stack.rollout("allow", "0" * 12).returncode == 3
    assert stack.rollout("allow", release).returncode == 0
    assert stack.planned() == {"api-rollout": "update"}
    stack.up()
    assert stack.versions()[stack.live] == new != old


def test_a_manual_release_waits_for_its_promotion(stack: SmallStack, load: LoadClient) -> None:
    old, new = stack.version, stack.want(rollout={"promote": "manual"})
    with load.run(stack.url, stack.ca, SOME) as running:
        stack.up()
        waited = time.time()
        assert stack.outputs()["live"] == stack.live
        assert stack.status()["phase"] == "waiting"
        assert stack.planned() == {}
        assert stack.rollout("rollback").returncode == 3, "what waits has not been live"
        promoted = stack.rollout("promote")
        assert promoted.returncode == 0, promoted.stderr
    result = running.end()
    assert not result.lost, result.summary()
    assert {request.version for request in result.requests if request.end < waited} == {old}
    assert result.versions == {old, new}
    assert stack.rollout("promote").returncode == 3
    assert stack.planned() == {"api-rollout": "update"}
    stack.up()
    assert stack.planned() == {}
    assert stack.outputs()["live"] == stack.live


def test_replicas_can_be_added_and_removed(stack: SmallStack, load: LoadClient) -> None:
    """The colour that is live keeps as many as it has: it is the standby of the next release."""
    untouched, counts = stack.ids()[f"{stack.name}-api-{stack.live}"], []
    with load.run(stack.url, stack.ca, SOME) as running:
        for replicas in (2, 1):
            stack.version = stack.want(api={"replicas": replicas})
            stack.up()
            assert untouched in stack.ids().values()
            untouched = stack.ids()[f"{stack.name}-api-{stack.live}"]
            counts.append(len([name for name in stack.ids() if f"api-{stack.live}" in name]))
    result = running.end()
    assert counts == [2, 1]
    assert not result.lost, result.summary()
    assert stack.planned() == {}
    assert stack.rollout("rollback").returncode == 0, "to a standby with more replicas than are configured now"


def test_a_replica_that_was_removed_by_hand_comes_back(stack: SmallStack, load: LoadClient) -> None:
    """By a release of the same to the other colour; nothing of the live one is touched before the flip."""
    stack.release(api={"replicas": 2})
    live, idle = stack.live, stack.idle
    stack.container(f"api-{live}-2").remove(force=True)
    assert stack.status()["colours"][live]["health"] == "1 of 2"
    left = stack.ids()[f"{stack.name}-api-{live}"]
    with load.run(stack.url, stack.ca, SOME) as running:
        stack.pulumi("up", "--yes", "--skip-preview", "--refresh")
    result = running.end()
    assert not result.lost, result.summary()
    assert result.versions == {stack.version}
    assert (stack.live, stack.status()["colours"][idle]["health"]) == (idle, "ready")
    assert {f"{stack.name}-api-{idle}", f"{stack.name}-api-{idle}-2"} <= set(stack.ids())
    assert stack.ids()[f"{stack.name}-api-{live}"] == left
    assert stack.planned() == {}


@pytest.mark.parametrize("form", ["json", "table"])
def test_status_says_what_is_live(stack: SmallStack, form: str) -> None:
    release = stack.container(f"api-{stack.live}").labels["orca.release"]
    if form == "json":
        shown = json.loads(stack.rollout("status", "--json").stdout)
        assert shown["live"] == stack.live
        assert shown["colours"][stack.live]["release"] == release
        assert set(shown["colours"][stack.idle]) == {"release", "image", "health", "inFlight", "restarts", "since"}
        assert set(shown["flips"][-1]) == {"at", "from", "to", "release", "reason", "ms"}
    else:
        shown = stack.rollout("status").stdout
        row = next(line for line in shown.splitlines() if " live " in line)
        assert row.split()[:4] == [stack.live, "live", release, "ready"]


def test_a_live_colour_that_lost_its_container_is_made_again(stack: SmallStack) -> None:
    """Without a refresh. Pulumi does not know the colours and their steps any more, as after a destroy that was cut
    off: the new preflight goes by the numbers of the journal."""
    live, generation = stack.live, stack.status()["generation"]
    for name in stack.ids():
        if "-api-" in name:
            stack.engine.containers.get(name).remove(force=True)
    state = json.loads(stack.pulumi("stack", "export").stdout)
    (urn,) = (found["urn"] for found in state["deployment"]["resources"] if found["urn"].endswith("::api-preflight"))
    stack.pulumi("state", "delete", urn, "--yes", "--target-dependents")
    said = stack.up().stdout
    assert f"{live} is live and has no container" in said
    assert (stack.live, stack.status()["generation"]) == (live, generation)
    assert stack.versions() == {live: stack.version}
    assert stack.planned() == {}


def test_the_preview_door_opens_to_its_key_alone(stack: SmallStack) -> None:
    """The release that waits is shown to who has the key, and to nobody else; the key is in no log and in no file."""
    old, key = stack.version, secrets.token_hex(16)
    new = stack.want(rollout={"promote": "manual"})
    stack.pulumi("config", "set", "--secret", "--path", "rollout.previewKey", key)
    stack.up()
    context = ssl.create_default_context(cafile=str(stack.ca))
    with httpx.Client(base_url=stack.url, verify=context) as client:

        def look(**headers: str) -> tuple[str, str | None]:
            answer = client.get("/v1/hello", headers={name.replace("_", "-"): value for name, value in headers.items()})
            return answer.text.strip(), answer.headers.get("X-Orca-Colour")

        assert look(X_Orca_Preview=key) == (new, stack.idle)
        for wrong in ("", key[:-1], key + "0", key.upper(), "0" * 32):
            assert look(X_Orca_Preview=wrong) == (old, None)
        assert look() == (old, None)
        assert client.get("/readyz", headers={"X-Orca-Preview": key}).status_code == 404, (
            "no path more than others have"
        )
    edge = stack.container("nginx")
    assert key not in edge.logs().decode()
    searched = stack.in_state(f"grep -r {key} /etc/edge /var/lib/edge")
    assert (searched.returncode, searched.stdout) == (1, "")
    kept = [stack.file, *(path for path in stack.backend.rglob("*") if path.is_file())]
    assert not [path for path in kept if key.encode() in path.read_bytes()]
    assert stack.rollout("promote").returncode == 0
