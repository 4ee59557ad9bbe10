"""One HTTP surface of a gateway as its OpenAPI document describes it."""

import http.client
import json
import re

import jsonschema

from gateway_process import PATIENCE_SECONDS

Validator = jsonschema.Draft202012Validator

BODY_BYTES_MAX = 1024 * 1024
UNKNOWN_ID = "nobodys"


class Surface:
    """One HTTP surface, and what of its document was seen in answers."""

    def __init__(self, address, path, token, weak_token=None):
        self.address = address
        self.token = token
        self.weak_token = weak_token  # of the least role
        self.ids = {}  # operation -> what "{id}" stands for
        status, headers, text = self.call("GET", path, token)
        assert (status, headers["Content-Type"]) == (200, "application/json"), text
        self.document = json.loads(text)
        self.seen = {}

    def call(self, method, path, token, body=None, content_type=None, **fields):
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if content_type:
            headers["Content-Type"] = content_type
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def operations(self):
        """(path, method, operation) of each that is documented."""
        return [(path, method, operation) for path, item in self.document["paths"].items()
                for method, operation in item.items()]

    def operation(self, name):
        return next(found for found in self.operations() if found[2]["operationId"] == name)

    def resolved(self, schema):
        return {**schema, "components": self.document["components"]}

    def ask(self, name, query="", token="", argument=None, body=None, content_type=None, **fields):
        """Calls an operation by its name, and holds the answer to what is documented for it."""
        path, method, operation = self.operation(name)
        target = path.replace("{id}", argument or self.ids.get(name, UNKNOWN_ID)) + query
        token = self.token if token == "" else token
        status, headers, text = self.call(method.upper(), target, token, body, content_type, **fields)
        where = f"{name}: {method.upper()} {target}: {status} {text[:300]}"
        assert str(status) in operation["responses"], f"not documented: {where}"
        response = operation["responses"][str(status)]
        [(media_type, content)] = response["content"].items()
        assert headers["Content-Type"].split(";")[0] == media_type, where
        if media_type.endswith("json"):
            answer = json.loads(text)
            errors = [error.message for error in
                      Validator(closed(self.resolved(content["schema"]))).iter_errors(answer)]
            assert not errors, f"{where}: {errors}"
        for field in ("Retry-After", "Location"):
            assert headers[field] is None or field in response.get("headers", {}), where
        self.seen.setdefault(name, set()).add(status)
        return status, headers, text

    def example(self, name):
        """(content type, text) of each body that its document shows for an operation."""
        for media_type, content in self.operation(name)[2].get("requestBody", {}).get("content", {}).items():
            if "example" in content:
                yield media_type, content["example"]
            else:
                reference = content["schema"]["$ref"].rsplit("/", 1)[1]
                schema = self.document["components"]["schemas"][reference]
                for example in schema["examples"]:
                    Validator(self.resolved(schema)).validate(example)
                    yield media_type, json.dumps(example)

    def body_schema(self, operation):
        """The schema of an operation's JSON body."""
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        return self.document["components"]["schemas"][reference.rsplit("/", 1)[1]]

    def ask_as_documented(self, name, **more):
        """Calls an operation with each body that its document shows, and is not refused."""
        bodies = list(self.example(name)) or [(None, None)]
        for content_type, body in bodies:
            status, _, text = self.ask(name, body=body, content_type=content_type, **more)
            assert status < 300, f"{name}: {status} {text}"

    def ask_wrongly(self):
        """Each operation in each way that every one of its kind refuses."""
        for path, _, operation in self.operations():
            name = operation["operationId"]
            secured = operation["security"] != []
            roles = operation["security"][0]["token"] if secured else []
            assert self.ask(name, token=None)[0] == 401 if secured else self.ask(name, token=None)
            if roles and roles != ["viewer"]:
                assert self.ask(name, token=self.weak_token)[0] == 403
            if "requestBody" in operation:
                good = next(self.example(name))[1]
                assert self.ask(name, body="{", content_type="application/json")[0] == 400
                assert self.ask(name, body=good, content_type="text/plain")[0] == 415
                long = " " * (BODY_BYTES_MAX + 1)
                assert self.ask(name, body=long, content_type="application/json")[0] == 413
            if "{id}" in path:
                media_type, good = next(self.example(name), (None, None))
                assert self.ask(name, argument=UNKNOWN_ID, body=good, content_type=media_type)[0] == 404

    def unseen(self):
        """(operation, status) of what is documented and was never answered, but for outages."""
        return {(operation["operationId"], int(status)) for _, _, operation in self.operations()
                for status in operation["responses"]
                if int(status) not in self.seen.get(operation["operationId"], set()) | {503}}

    def takes(self, path):
        """The methods that are documented for a path, "{id}" taken for anything."""
        return {method for template, item in self.document["paths"].items() for method in item
                if re.fullmatch(re.sub(r"\{id\}", "[^/]+", template), path)}


def closed(schema):
    """The schema with no room for what it does not name, so that an answer cannot say more."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tight = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        tight.setdefault("additionalProperties", False)
    return tight
