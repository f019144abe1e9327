"""What a person does around a plain `pulumi up` and `pulumi destroy`: one verb a file, `python -m ops <verb>`."""
