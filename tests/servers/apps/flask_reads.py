"""A Flask app whose hooks, middleware and function read the body."""

import flask

import inngest.flask
from tests.servers.readers import HEADER, Reader

reader = Reader(lambda request: request.get_data())
app = flask.Flask(__name__)
inngest.flask.serve(app, *reader.endpoint())


@app.before_request
def before() -> None:
    reader.begin(flask.request.query_string.decode())
    reader.note("before", flask.request)


@app.after_request
def after(response: flask.Response) -> flask.Response:
    reader.note("after", flask.request)
    response.headers[HEADER] = reader.told()
    return response
