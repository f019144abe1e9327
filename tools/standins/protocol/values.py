"""Property values: protobuf structs to plain Python values and back, and the engine's special values.

A property is None, a bool, int, float, str, a list or a dict of properties. A secret, or an output with its
dependencies, is a dict with a signature key; a value that is not known yet (in previews) is the string UNKNOWN, in both
directions.
The constants are those of the SDK (`pulumi/runtime/rpc.py`).
"""

from typing import Any, TypeAlias

from google.protobuf import struct_pb2

Properties: TypeAlias = dict[str, Any]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
# Where the official plugins list which inputs they filled in themselves.
DEFAULTS = "__defaults"


def to_python(message: struct_pb2.Struct) -> Properties:
    """A struct as a dict; whole numbers become int."""
    return {key: _value_to_python(value) for key, value in message.fields.items()}


def _value_to_python(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "list_value":
            return [_value_to_python(item) for item in value.list_value.values]
        case "struct_value":
            return to_python(value.struct_value)
        case _:
            return None


def to_struct(properties: Properties) -> struct_pb2.Struct:
    """A dict as a struct; properties that are None are left out."""
    return struct_pb2.Struct(fields={k: _value_to_struct(v) for k, v in properties.items() if v is not None})


def _value_to_struct(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, list):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_value_to_struct(item) for item in value]))
    return struct_pb2.Value(struct_value=to_struct(value))


def known(value: Any) -> Any:
    """The value, or None if it is not known yet."""
    return None if value == UNKNOWN else value


def reveal(value: Any) -> Any:
    """The value with all secrets and outputs in it unwrapped."""
    if isinstance(value, list):
        return [reveal(item) for item in value]
    if isinstance(value, dict):
        if value.get(SIGNATURE) in (SECRET, OUTPUT):
            return reveal(value.get("value", UNKNOWN))
        return {key: reveal(item) for key, item in value.items()}
    return value
