"""AWS Secrets Manager. A key is the name or the ARN of a secret; `name#field` is one field of a JSON object in it."""

from collections.abc import Mapping, Sequence
from typing import Any

from settings.secrets import Secrets
from stores.store import Deadline, Found, StoreError, at_once, encoded, part, split

_BATCH = 20  # names in one request, at most (BatchGetSecretValue)
_MISSING = "ResourceNotFoundException"
_DENIED = ("AccessDeniedException", "DecryptionFailure")


def fetch(secrets: Secrets, keys: Sequence[str], deadline: Deadline) -> Found:
    """The values of the current versions."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoRegionError

    timeout = max(1.0, min(10.0, deadline.left))
    config = Config(
        connect_timeout=timeout, read_timeout=timeout, retries={"mode": "standard", "total_max_attempts": 4}
    )
    names = sorted({split(key)[0] for key in keys})
    batches = [names[start : start + _BATCH] for start in range(0, len(names), _BATCH)]
    try:
        client: Any = boto3.session.Session().client(
            "secretsmanager", region_name=secrets.aws.region, endpoint_url=secrets.aws.endpoint, config=config
        )
        answers = at_once(lambda batch: _all(client, batch), batches)
    except ClientError as error:
        said = error.response.get("Error", {})
        raise _refusal(said.get("Code"), said.get("Message"), "secretsmanager:BatchGetSecretValue") from None
    except NoRegionError:
        raise StoreError(
            "no region is known: set secrets.aws.region, or AWS_DEFAULT_REGION (this SDK does not read AWS_REGION)",
            no_access=True,
        ) from None
    except (BotoCoreError, ValueError) as error:
        if type(error) is HTTPClientError:  # not one of its kinds: the text quotes a header, as the session's token
            raise StoreError("its request cannot be sent; is a line end in an AWS_ variable?", no_access=True) from None
        raise StoreError(f"it cannot be asked: {str(error)[:200]}", no_access=True) from None
    found = {name: outcome for answer in answers for name, outcome in answer.items()}
    silent = StoreError("it does not answer for that name")
    return {key: part(found.get(name, silent), field) for key in keys for name, field in [split(key)]}


def _all(client: Any, names: Sequence[str]) -> dict[str, bytes | StoreError]:
    """What one request says to each name. A missing one is no exception, but stands in `Errors`; an answer may come in
    parts."""
    values: list[Mapping[str, Any]] = []
    errors: list[Mapping[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        answer = client.batch_get_secret_value(SecretIdList=list(names), **more)
        values += answer.get("SecretValues", [])
        errors += answer.get("Errors", [])
        if not (rest := answer.get("NextToken")):
            break
        more = {"NextToken": rest}
    found: dict[str, bytes | StoreError] = {
        error["SecretId"]: _problem(error, client.meta.region_name) for error in errors
    }
    for name in names:
        if value := next((value for value in values if name in (value["Name"], value["ARN"], value["ARN"][:-7])), None):
            found[name] = value["SecretBinary"] if "SecretBinary" in value else encoded(value["SecretString"])
    return found


def _problem(error: Mapping[str, Any], region: str) -> StoreError:
    code = error.get("ErrorCode")
    if code == _MISSING:
        return StoreError(f"there is no secret of that name in the region {region}")
    needs = "secretsmanager:GetSecretValue on the secret, and kms:Decrypt on a key of your own"
    return _refusal(code, error.get("Message"), needs)


def _refusal(code: str | None, message: str | None, needs: str) -> StoreError:
    """`needs` is the right that an identity lacks, where one is lacking."""
    lacking = f" (the identity needs {needs})" if code in _DENIED else ""
    return StoreError(f"it refuses: {code}: {str(message)[:500]}{lacking}", no_access=True)
