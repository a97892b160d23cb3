"""A Flask app."""

import flask

import inngest.flask
from tests.servers.endpoints import make_endpoints

app = flask.Flask(__name__)
for each in make_endpoints():
    inngest.flask.serve(app, each.client, each.functions, serve_path=each.path)
