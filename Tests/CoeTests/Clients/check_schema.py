"""Checks each line of files against a schema of docs/schemas: check_schema.py SCHEMAS NAME FILE…; exit code 0 when all fit."""

import json
import pathlib
import sys

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

folder, name, *files = sys.argv[1:]
schemas = {path.name: json.loads(path.read_text()) for path in pathlib.Path(folder).glob("*.schema.json")}
for schema in schemas.values():
    Draft202012Validator.check_schema(schema)
registry = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in schemas.items())
validator = Draft202012Validator(schemas[f"{name}.schema.json"], registry=registry)
count = 0
for file in files:
    for number, line in enumerate(pathlib.Path(file).read_text().splitlines(), 1):
        for error in validator.iter_errors(json.loads(line)):
            sys.exit(f"{file}, line {number}, {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
        count += 1
print(f"{count} lines fit {name}")
sys.exit(0 if count else 1)
