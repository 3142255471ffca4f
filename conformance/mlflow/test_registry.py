"""Webhooks, workspaces and protected aliases with the real client against a live Trestle."""

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import mlflow
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent, WebhookStatus

from client import URL, client, http, main, refused, unique


class Receiver(BaseHTTPRequestHandler):
    heard = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        Receiver.heard.append((dict(self.headers), body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


receiver = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
HOOK = f"http://127.0.0.1:{receiver.server_port}/"


def heard(entity, action, name):
    deadline = time.time() + 10
    while time.time() < deadline:
        for headers, body in list(Receiver.heard):
            told = json.loads(body)
            if (told["entity"], told["action"], told["data"]["name"]) == (entity, action, name):
                return {k.lower(): v for k, v in headers.items()}, body, told["data"]
        time.sleep(0.05)
    raise AssertionError(f"no {entity} {action} of {name}")


def version_of(name):
    client.create_registered_model(name)
    run = client.create_run("0")
    return client.create_model_version(name, f"runs:/{run.info.run_id}/m", run.info.run_id)


def check_webhooks_are_managed_and_tested():
    name = unique("hook")
    events = [WebhookEvent("model_version", "created"), WebhookEvent("registered_model", "created")]
    made = client.create_webhook(name=name, url=HOOK, events=events, description="d", secret="k")
    assert made.status == WebhookStatus.ACTIVE and made.events == events and made.secret is None
    assert client.get_webhook(made.webhook_id).name == name
    assert made.webhook_id in [w.webhook_id for w in client.list_webhooks()]
    result = client.test_webhook(made.webhook_id)
    assert result.success and result.response_status == 200 and result.response_body == "ok", result
    changed = client.update_webhook(made.webhook_id, description="e", status=WebhookStatus.DISABLED)
    assert changed.description == "e" and changed.status == WebhookStatus.DISABLED and changed.events == events
    client.delete_webhook(made.webhook_id)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_webhook(made.webhook_id))


def check_webhooks_hear_of_models_versions_tags_aliases_and_prompts():
    kinds = ["registered_model.created", "model_version.created", "model_version_tag.set", "model_version_tag.deleted"]
    kinds += ["model_version_alias.created", "model_version_alias.deleted", "prompt.created", "prompt_version.created", "prompt_alias.created"]
    hook = client.create_webhook(name=unique("hook"), url=HOOK, events=[WebhookEvent(*k.split(".")) for k in kinds], secret="s3cret")
    name = unique("hooked")
    version_of(name)
    client.set_model_version_tag(name, "1", "k", "v")
    client.delete_model_version_tag(name, "1", "k")
    client.set_registered_model_alias(name, "blue", "1")
    client.delete_registered_model_alias(name, "blue")
    heard("registered_model", "created", name)
    assert heard("model_version", "created", name)[2]["version"] == "1"
    assert heard("model_version_tag", "set", name)[2] == {"name": name, "version": "1", "key": "k", "value": "v"}
    heard("model_version_tag", "deleted", name)
    headers, body, data = heard("model_version_alias", "created", name)
    assert data == {"name": name, "alias": "blue", "version": "1"}
    heard("model_version_alias", "deleted", name)
    signed = f"{headers['x-mlflow-delivery-id']}.{headers['x-mlflow-timestamp']}.{body.decode()}"
    expected = base64.b64encode(hmac.new(b"s3cret", signed.encode(), hashlib.sha256).digest()).decode()
    assert headers["x-mlflow-signature"] == f"v1,{expected}"
    prompt = unique("prompt")
    mlflow.genai.register_prompt(prompt, "Hello {{name}}")
    mlflow.genai.set_prompt_alias(prompt, "live", 1)
    heard("prompt", "created", prompt)
    assert heard("prompt_version", "created", prompt)[2]["template"] == "Hello {{name}}"
    heard("prompt_alias", "created", prompt)
    client.delete_webhook(hook.webhook_id)


def check_a_protected_alias_refuses_the_plain_client():
    name = unique("guarded")
    version_of(name)
    assert http("PUT", f"/api/models/{name}/guards/alias/champion", {"approvals": 0})[0] == 200
    refused("PERMISSION_DENIED", lambda: client.set_registered_model_alias(name, "champion", "1"))
    status, _, body = http("POST", f"/api/models/{name}/approvals", {"version": 1, "kind": "alias", "target": "champion"})
    assert status == 200 and json.loads(body)["state"] == "applied", body
    assert client.get_model_version_by_alias(name, "champion").version == "1"
    refused("PERMISSION_DENIED", lambda: client.delete_registered_model_alias(name, "champion"))


def check_a_workspace_by_path_is_apart():
    space = MlflowClient(f"{URL}/w/{unique('ws')}")
    name = unique("exp")
    exp_id = space.create_experiment(name)
    assert exp_id == "1" and [e.name for e in space.search_experiments()] == [name, "Default"]
    assert client.get_experiment_by_name(name) is None
    run = space.create_run(exp_id)
    space.log_metric(run.info.run_id, "m", 1)
    space.log_text(run.info.run_id, "hello", "a/b.txt")
    assert [f.path for f in space.list_artifacts(run.info.run_id, "a")] == ["a/b.txt"]
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_run(run.info.run_id))
    space.create_registered_model("same name")
    assert space.search_registered_models()[0].name == "same name"



def check_workspaces_are_made_listed_told_of_and_deleted_while_empty():
    from mlflow.store.workspace.rest_store import RestWorkspaceStore
    from mlflow.entities import Workspace
    from mlflow.utils.rest_utils import MlflowHostCreds

    store = RestWorkspaceStore(lambda: MlflowHostCreds(URL))
    name = unique("team")
    assert store.create_workspace(Workspace(name=name, description="fraud")).description == "fraud"
    refused("RESOURCE_ALREADY_EXISTS", lambda: store.create_workspace(Workspace(name=name)))
    store.update_workspace(Workspace(name=name, description="fraud, EU"))
    assert store.get_workspace(name).description == "fraud, EU"
    assert {"default", name} <= {w.name for w in store.list_workspaces()}
    space = MlflowClient(f"{URL}/w/{name}")
    run = space.create_run("0")
    refused("INVALID_PARAMETER_VALUE", lambda: store.delete_workspace(name))
    empty = unique("team")
    store.create_workspace(Workspace(name=empty))
    MlflowClient(f"{URL}/w/{empty}").search_experiments()
    store.delete_workspace(empty)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: store.get_workspace(empty))
    assert MlflowClient(f"{URL}/w/{empty}").get_experiment("0").name == "Default"
    assert space.get_run(run.info.run_id)


main(globals())
