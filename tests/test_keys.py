"""The laws of API keys: the database knows hashes alone, and the server knows who may ask."""

import os
import stat
import sys

import httpx2
import pytest

from commands import typed
from regard.errors import RegardError
from regard.serving.keys import add_key, known_keys, list_keys, revoke_key
from test_server import running


@pytest.fixture
def database(tmp_path):
    return tmp_path / "keys.db"


def test_a_key_is_known_until_it_is_revoked(database):
    first, second = (add_key(database, name, 60, 1000) for name in ("first", "second"))
    assert first != second and len(first) > 40
    assert [key.name for key in list_keys(database)] == ["first", "second"]
    (known,) = known_keys(database, first)
    assert (known.name, known.requests_per_minute, known.characters) == ("first", 60, 1000)
    assert known_keys(database, first[:-1]) == known_keys(database, "") == []
    revoke_key(database, "first")
    assert known_keys(database, first) == []
    assert len(known_keys(database, second)) == 1


def test_the_database_holds_no_key_and_its_owner_alone_can_read_it(database):
    key = add_key(database, "x", -1, -1)
    assert key.encode() not in database.read_bytes()
    if sys.platform != "win32":
        assert stat.S_IMODE(os.stat(database).st_mode) == 0o600


def test_mistakes_with_keys_are_told(database, tmp_path):
    for refused in (lambda: list_keys(database), lambda: known_keys(database, "x")):
        with pytest.raises(RegardError, match="no database of keys"):
            refused()
    add_key(database, "x", -1, -1)
    with pytest.raises(RegardError, match="there is a key of this name: x"):
        add_key(database, "x", -1, -1)
    with pytest.raises(RegardError, match="no key of this name: y"):
        revoke_key(database, "y")
    with pytest.raises(RegardError, match="cannot write"):
        add_key(tmp_path / "missing" / "keys.db", "x", -1, -1)
    database.write_text("no database" * 100, "utf-8")
    with pytest.raises(RegardError, match="the keys cannot be used"):
        list_keys(database)


def test_the_command_prints_a_new_key_alone_on_standard_output(database):
    where = {"LT_API_KEYS_DB_PATH": str(database)}
    added = typed("keys", "add", "web", "--req-limit", "5", **where)
    (known,) = known_keys(database, added.stdout.decode().strip())
    assert known.name == "web" and known.requests_per_minute == 5
    shown = typed("keys", "list", **where).stdout.decode()
    assert shown.startswith("web\t") and "5 requests per minute\tany number of characters" in shown
    assert typed("keys", "revoke", "web", **where).returncode == 0
    assert list_keys(database) == []
    for wrong in (("keys", "add"), ("keys", "revoke"), ("keys", "list", "web")):
        assert typed(*wrong, **where).returncode == 2


def test_a_server_asks_for_keys_and_each_has_its_limits(model, database):
    key = add_key(database, "small", 4, 20)
    free = add_key(database, "large", -1, -1)
    options = "--api-keys", "--api-keys-db-path", str(database), "--require-api-key"
    with running(model, "--workers", "1", "--req-limit", "2", *options) as (_, address):

        def ask(text="A cat.", **more):
            data = {"q": text, "source": "en", "target": "fr", **more}
            return httpx2.post(f"{address}/translate", data=data)

        settings = httpx2.get(f"{address}/frontend/settings").json()
        assert settings["apiKeys"] is settings["keyRequired"] is True
        message = "Please contact the server operator to get an API key"
        assert (ask().status_code, ask().json()) == (400, {"error": message})
        wrong = ask(api_key="wrong")
        assert (wrong.status_code, wrong.json()) == (403, {"error": "Invalid API key"})
        assert ask(api_key=key).status_code == 200
        long = ask("x" * 21, api_key=key)
        assert long.json() == {"error": "Invalid request: request (21) exceeds text limit (20)"}
        header = {"authorization": f"Bearer {key}"}
        body = {"texts": "A cat.", "source": "en", "target": "fr"}
        detailed = httpx2.post(f"{address}/v1/translate", json=body, headers=header)
        assert detailed.status_code == 200
        explained = {"model": "en-fr", "text": "A cat."}
        explorer = f"{address}/explorer/api/explain"
        assert message in httpx2.post(explorer, json=explained).text
        answer = httpx2.post(explorer, json=explained, headers=header, timeout=60)
        assert answer.status_code == 200
        slowed = ask(api_key=key)
        assert (slowed.status_code, slowed.json()) == (429, {"error": "Slowdown: 4 per 1 minute"})
        assert [ask("x" * 50, api_key=free).status_code for _ in range(6)] == [200] * 6
        revoke_key(database, "large")
        assert ask(api_key=free).status_code == 403
        database.unlink()
        assert (ask(api_key=key).status_code, "database" in ask(api_key=key).text) == (500, False)


def test_pages_of_one_origin_need_no_key_and_others_are_told_where_one_is_to_be_had(
    model, database
):
    add_key(database, "x", -1, -1)
    origin, link = "https://our.example", "https://our.example/keys"
    options = "--require-api-key-origin", origin, "--get-api-key-link", link
    more = "--api-keys", "--api-keys-db-path", str(database)
    with running(model, "--workers", "1", *options, *more) as (_, address):
        data = {"q": "A cat.", "source": "en", "target": "fr"}
        for own, status in ((origin, 200), ("https://other.example", 400), ("", 400)):
            headers = {"origin": own} if own else {}
            answer = httpx2.post(f"{address}/translate", data=data, headers=headers)
            assert answer.status_code == status
        assert answer.json() == {"error": f"Visit {link} to get an API key"}


def test_keys_cannot_be_required_where_none_are_taken():
    refused = typed("serve", "--require-api-key", "--port", "0")
    assert refused.returncode == 2 and b"add --api-keys" in refused.stderr


def test_without_keys_a_key_that_is_given_is_ignored(model):
    with running(model, "--workers", "1") as (_, address):
        data = {"q": "A cat.", "source": "en", "target": "fr", "api_key": "xx"}
        assert httpx2.post(f"{address}/translate", data=data).status_code == 200
