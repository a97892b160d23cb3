"""A Flask app whose clients were used, for sending and for running async functions, before the server forks."""

import flask

import inngest
import inngest.flask
from tests.cases.case import Call
from tests.servers.endpoints import make_endpoints
from tests.targets.target import call_wsgi

app = flask.Flask(__name__)
ENDPOINTS = make_endpoints()
for each in ENDPOINTS:
    inngest.flask.serve(app, each.client, each.functions, serve_path=each.path)

ENDPOINTS[0].client.send_sync(inngest.Event(name="test/before-the-fork"))
for name in ("sends-sync", "sends-async"):
    call = Call(fn_id=f"app-{name}")
    assert call_wsgi(app, "POST", ENDPOINTS[0].path, call.query(), {}, call.body()).status == 200
