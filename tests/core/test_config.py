"""Mode, origins, keys and the environment: precedence, and refusals that name what was seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_core.config import DEV_EVENT_KEY, Config, Mode, Streaming, load_config, parse_origin
from inngest_core.errors import ConfigError, URLInvalidError


def load(environ: dict[str, str] | None = None, *, is_production: bool | None = None) -> Config:
    return load_config(environ=environ or {}, is_production=is_production)


@pytest.mark.parametrize(
    ("environ", "is_production", "mode", "reason"),
    [
        ({}, None, Mode.CLOUD, "the default, as neither is_production nor INNGEST_DEV is given"),
        ({}, False, Mode.DEV, "is_production=False"),
        ({}, True, Mode.CLOUD, "is_production=True"),
        ({"INNGEST_DEV": "1"}, None, Mode.DEV, "INNGEST_DEV=1"),
        ({"INNGEST_DEV": "TRUE"}, None, Mode.DEV, "INNGEST_DEV=TRUE"),
        ({"INNGEST_DEV": "0"}, None, Mode.CLOUD, "INNGEST_DEV=0"),
        ({"INNGEST_DEV": "false"}, None, Mode.CLOUD, "INNGEST_DEV=false"),
        ({"INNGEST_DEV": "  "}, None, Mode.CLOUD, "the default, as neither is_production nor INNGEST_DEV is given"),
        ({"INNGEST_DEV": "http://dev:9000/"}, None, Mode.DEV, "INNGEST_DEV=http://dev:9000"),
        ({"INNGEST_DEV": "1"}, True, Mode.CLOUD, "is_production=True"),
        ({"INNGEST_DEV": "0"}, False, Mode.DEV, "is_production=False"),
    ],
)
def test_mode_and_its_reason(environ: dict[str, str], is_production: bool | None, mode: Mode, reason: str) -> None:
    config = load(environ, is_production=is_production)
    assert (config.mode, config.mode_reason) == (mode, reason)


@pytest.mark.parametrize("text", ["yes", "localhost:8288", "2", "dev"])
def test_a_bad_dev_switch_names_variable_value_and_what_is_allowed(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"INNGEST_DEV": text})
    assert "INNGEST_DEV" in caught.value.message
    assert repr(text) in caught.value.message
    assert "0 or false" in caught.value.message


@pytest.mark.parametrize(
    ("environ", "is_production", "api", "events"),
    [
        ({}, None, "https://api.inngest.com", "https://inn.gs"),
        ({}, False, "http://127.0.0.1:8288", "http://127.0.0.1:8288"),
        ({"INNGEST_DEV": "http://dev:1/"}, None, "http://dev:1", "http://dev:1"),
        ({"INNGEST_DEV": "http://dev:1"}, True, "https://api.inngest.com", "https://inn.gs"),
        ({"INNGEST_DEV": "http://dev:1"}, False, "http://dev:1", "http://dev:1"),
        ({"INNGEST_DEV": "http://dev:1", "INNGEST_BASE_URL": "http://base/"}, None, "http://base", "http://base"),
        ({"INNGEST_BASE_URL": "http://base", "INNGEST_API_BASE_URL": "http://api"}, None, "http://api", "http://base"),
        ({"INNGEST_BASE_URL": "http://b", "INNGEST_EVENT_API_BASE_URL": "http://e"}, None, "http://b", "http://e"),
    ],
)
def test_origins(environ: dict[str, str], is_production: bool | None, api: str, events: str) -> None:
    config = load(environ, is_production=is_production)
    assert (config.api_origin, config.event_api_origin) == (api, events)


def test_options_win_over_variables() -> None:
    config = load_config(
        api_base_url="https://api.example/",
        event_api_base_url="https://events.example/",
        event_key="ek",
        signing_key="signkey-test-00",
        signing_key_fallback="signkey-test-01",
        env="mine",
        environ={
            "INNGEST_API_BASE_URL": "https://other",
            "INNGEST_EVENT_API_BASE_URL": "https://other",
            "INNGEST_EVENT_KEY": "other",
            "INNGEST_SIGNING_KEY": "other",
            "INNGEST_SIGNING_KEY_FALLBACK": "other",
            "INNGEST_ENV": "other",
        },
    )
    assert config.api_origin == "https://api.example"
    assert config.event_api_origin == "https://events.example"
    assert config.event_key == "ek"
    assert config.env == "mine"
    assert config.signing_keys is not None
    assert [key.text for key in config.signing_keys.each()] == ["signkey-test-00", "signkey-test-01"]


def test_keys_come_from_the_environment_without_the_line_break_of_a_secret_file() -> None:
    config = load(
        {"INNGEST_EVENT_KEY": "ek\n", "INNGEST_SIGNING_KEY": "signkey-a-00\n", "INNGEST_SIGNING_KEY_FALLBACK": " "}
    )
    assert config.event_key == "ek"
    assert config.signing_keys is not None
    assert config.signing_keys.key.text == "signkey-a-00"
    assert config.signing_keys.fallback is None


def test_event_key_default_is_for_dev_mode_only() -> None:
    assert load(is_production=False).event_key == DEV_EVENT_KEY == "NO_EVENT_KEY_SET"
    assert load(is_production=True).event_key is None


def test_cloud_mode_without_a_signing_key_is_no_error_here() -> None:
    assert load(is_production=True).signing_keys is None
    assert load({"INNGEST_SIGNING_KEY_FALLBACK": "signkey-a-00"}).signing_keys is None


def test_no_secret_is_shown() -> None:
    config = load(
        {"INNGEST_EVENT_KEY": "s3cret-e", "INNGEST_SIGNING_KEY": "s3cret-s", "INNGEST_SIGNING_KEY_FALLBACK": "s3cret-f"}
    )
    assert "s3cret" not in repr(config)
    assert "s3cret" not in repr(config.signing_keys)


def test_env_names() -> None:
    assert load({"INNGEST_ENV": "a", "BRANCH_NAME": "b"}).env == "a"
    assert load({"BRANCH": "c", "VERCEL_GIT_COMMIT_REF": "v"}).env == "v"
    assert load({"RAILWAY_GIT_BRANCH": "r"}).env == "r"
    assert load({"BRANCH_NAME": "b"}, is_production=False).env is None
    assert load({"INNGEST_ENV": "a"}, is_production=False).env == "a"


@pytest.mark.parametrize(
    ("variable", "platform"),
    [
        ("VERCEL", "vercel"),
        ("RAILWAY_ENVIRONMENT", "railway"),
        ("RENDER", "render"),
        ("NETLIFY", "netlify"),
        ("CF_PAGES", "cloudflare-pages"),
        ("AWS_REGION", "aws-lambda"),
    ],
)
def test_platforms(variable: str, platform: str) -> None:
    assert load({variable: "1"}).platform == platform
    assert load({}).platform is None


def test_serve_url() -> None:
    config = load({"INNGEST_SERVE_HOST": "https://a.example/", "INNGEST_SERVE_PATH": "x/y"})
    assert (config.serve_origin, config.serve_path) == ("https://a.example", "/x/y")
    assert load({"INNGEST_SERVE_ORIGIN": "https://b", "INNGEST_SERVE_HOST": "https://a"}).serve_origin == "https://b"


def test_switches_and_numbers() -> None:
    default = load()
    assert default.allow_in_band
    assert default.allow_unauthed_registration
    assert default.thread_pool_max_workers is None
    assert default.streaming is None
    assert default.log_level is None
    given_ = load(
        {
            "INNGEST_ALLOW_IN_BAND_SYNC": "0",
            "INNGEST_ENABLE_UNAUTHED_SYNC": "False",
            "INNGEST_THREAD_POOL_MAX_WORKERS": "7",
            "INNGEST_STREAMING": "force",
            "INNGEST_LOG_LEVEL": "warn",
        }
    )
    assert not given_.allow_in_band
    assert not given_.allow_unauthed_registration
    assert given_.thread_pool_max_workers == 7
    assert load({"INNGEST_THREAD_POOL_MAX_WORKERS": "0"}).thread_pool_max_workers == 0
    assert given_.streaming is Streaming.FORCE
    assert given_.log_level == "WARNING"
    assert load({"INNGEST_STREAMING": "disable"}).streaming is Streaming.DISABLE


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("INNGEST_ALLOW_IN_BAND_SYNC", "on?"),
        ("INNGEST_ENABLE_UNAUTHED_SYNC", "2"),
        ("INNGEST_THREAD_POOL_MAX_WORKERS", "-1"),
        ("INNGEST_THREAD_POOL_MAX_WORKERS", "many"),
        ("INNGEST_STREAMING", "sometimes"),
        ("INNGEST_LOG_LEVEL", "loud"),
    ],
)
def test_bad_values_name_variable_and_value(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({name: text})
    assert caught.value.message.startswith(f"{name} is {text!r}; give ")


@pytest.mark.parametrize(
    "url",
    ["api.inngest.com", "ftp://x", "http://", "http://x:99999", "http://a b", "http://x?y=1", "http://x#y", "http://é"],
)
def test_bad_urls(url: str) -> None:
    with pytest.raises(URLInvalidError) as caught:
        load_config(api_base_url=url, environ={})
    assert caught.value.message.startswith(f"api_base_url is {url!r}: ")
    with pytest.raises(URLInvalidError, match=r"^INNGEST_BASE_URL is "):
        load({"INNGEST_BASE_URL": url})


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    with pytest.raises(URLInvalidError) as caught:
        load_config(api_base_url="https://me:s3cret@api.example", environ={})
    assert "s3cret" not in caught.value.message


@given(st.text())
def test_any_text_is_an_origin_or_our_error(text: str) -> None:
    try:
        origin = parse_origin(text, "x")
    except URLInvalidError:
        return
    assert origin.startswith(("http://", "https://"))
    assert parse_origin(origin, "x") == origin
