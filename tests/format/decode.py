"""An independent reader of a Strongroom database, written from docs/FORMAT.md alone.

Opens every credential with the key in CREDENTIAL_ENCRYPTION_KEY, verifies every row MAC and, with
--verify-audit, the audit chain. Prints one JSON object, secrets included. Exits 1 and names the row
if a row does not open or verify. --self-test seals a small database and reads it back.
"""

import argparse
import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import re
import sqlite3
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION_AND_SUITE = b"\x01\x01"
KEY_VERSION = 1
SHORTEST_RECORD = 114
TOKENS = ("access_token", "refresh_token", "previous_refresh_token")

# "" is the empty text that a host key has instead of a plugin's name.
MAC_COLUMNS = {
    "plugin": ("id", "tenant_id", "name", "manifest", "revision", "created_at", "updated_at"),
    "plugin_key": ("id", "tenant_id", "plugin_name", "label", "hash", "created_at"),
    "host_key": ("id", "tenant_id", "", "label", "hash", "created_at"),
    "session": ("id", "tenant_id", "user_id", "hash", "created_at", "expires_at", "origins"),
    "console_session": ("id", "tenant_id", "user_id", "hash", "opened_at", "seen_at", "expires_at", "created_at"),
}
EVENT_COLUMNS = ("seq", "at", "tenant_id", "actor", "actor_id", "action", "decision", "reason", "user_id",
                 "plugin_name", "target_id", "address", "request_id", "digest")
DIGEST_COLUMNS = ("id", "tenant_id", "user_id", "plugin_name", "type", "name", "provider", "account", "settings",
                  "encrypted_data", *TOKENS, "expires_at", "scopes", "generation", "revision", "created_at",
                  "updated_at")
MARKED_COLUMNS = ("provider", "account")


class DecodeError(Exception):
    """A record did not open, or a row is not genuine."""


@contextlib.contextmanager
def naming(what):
    try:
        yield
    except (DecodeError, ValueError, OverflowError, TypeError, AttributeError, LookupError) as error:
        raise DecodeError(f"{what}: {error}") from error


def raw(value):
    if value is None:
        return b""
    if isinstance(value, int):
        return value.to_bytes(8, "big")
    return value.encode() if isinstance(value, str) else bytes(value)


def framed(*parts):
    return b"".join(len(part).to_bytes(4, "big") + part for part in map(raw, parts))


def shown(value):
    return None if value is None else raw(value).decode()


def label(table, row):
    return f"{table} {raw(row['id']).decode(errors='replace')}"


def rows(db, table, order="id"):
    return db.execute(f"SELECT * FROM {table} ORDER BY {order}")


def mac(key, message):
    return hmac.digest(key, message, "sha256")


def extract(salt, key):
    return hmac.digest(salt, key, "sha512")


def expand(prk, info):
    # 32 bytes fit in the first block of SHA-512, so the expansion is one HMAC.
    return hmac.digest(prk, info + b"\x01", "sha512")[:32]


def message_keys(key, header, salt):
    prk = extract(salt, key)
    return expand(prk, b"strongroom/v1/message-key" + header), expand(prk, b"strongroom/v1/commitment" + header)


def bound(domain, header, instance, tenant="", user="", target="", field="sealed", generation=1, bindings=()):
    return framed("strongroom/v1/" + domain, header, instance, tenant, user, target, field, generation, *bindings)


def header_of(key_id):
    return VERSION_AND_SUITE + key_id + KEY_VERSION.to_bytes(4, "big")


def open_record(key_id, key, record, domain, instance, *place):
    record = raw(record)
    if len(record) < SHORTEST_RECORD:
        raise DecodeError("the record is too short")
    header, salt, iv, commitment, sealed = record[:22], record[22:54], record[54:66], record[66:98], record[98:]
    if header != header_of(key_id):
        raise DecodeError("the version, suite, key id or key version is not the expected one")
    message_key, expected = message_keys(key, header, salt)
    if not hmac.compare_digest(commitment, expected):
        raise DecodeError("the commitment differs")
    try:
        return AESGCM(message_key).decrypt(iv, sealed, bound(domain, header, instance, *place))
    except InvalidTag:
        raise DecodeError("the tag does not verify") from None


def parse_key(text):
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text)
    body = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise DecodeError("CREDENTIAL_ENCRYPTION_KEY is not 32 bytes in hexadecimal or base64")
    return key


def environment_key_id(key):
    return hashlib.sha256(b"strongroom/v1/key-id" + key).digest()[:16]


def id_and_key(plaintext):
    if len(plaintext) != 48:
        raise DecodeError("the wrapped key is not 48 bytes")
    return plaintext[:16], plaintext[16:]


def open_root(db, instance, key):
    key_id = environment_key_id(key)
    for row in rows(db, "root_key", "recipient"):
        if raw(row["recipient"]) == key_id.hex().encode():
            with naming(f"root_key {key_id.hex()}"):
                return id_and_key(open_record(key_id, key, row["sealed"], "root-key", instance))
    raise DecodeError(f"root_key: none is wrapped by the key {key_id.hex()}")


def derived(root):
    prk = extract(b"strongroom/v1/root", root)
    return {use: expand(prk, b"strongroom/v1/" + use.encode()) for use in ("wrap", "row-mac", "audit")}


def open_user_keys(db, instance, root_id, wrap):
    keys = {}
    for row in rows(db, "user_key", "tenant_id, user_id"):
        owner = row["tenant_id"], row["user_id"]
        with naming(f"user_key {b'/'.join(map(raw, owner)).decode(errors='replace')}"):
            keys[owner] = id_and_key(open_record(root_id, wrap, row["sealed"], "user-key", instance, *owner))
    return keys


def open_credential(row, instance, user_keys):
    owner = row["tenant_id"], row["user_id"]
    if owner not in user_keys:
        raise DecodeError("its user has no key")

    def column(name):
        with naming(name):
            return open_record(*user_keys[owner], row[name], "credential", instance, *owner, row["id"],
                               name, row["generation"], (row["plugin_name"], row["type"]))

    document, secrets = json.loads(column("settings")), json.loads(column("encrypted_data"))
    tokens = {name: None if row[name] is None else column(name).decode() for name in TOKENS}
    names = ("id", "tenant_id", "user_id", "plugin_name", "type", "name")
    return {**{name: shown(row[name]) for name in names}, "settings": document["settings"],
            "configured": document["configured"], "secrets": secrets,
            "access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"]}


def open_credentials(db, instance, user_keys):
    opened = []
    for row in rows(db, "credential"):
        with naming(label("credential", row)):
            opened.append(open_credential(row, instance, user_keys))
    return opened


def row_mac(key, instance, table, row):
    columns = [row[name] if name else "" for name in MAC_COLUMNS[table]]
    return mac(key, framed(instance, table, *columns))


def count_genuine(db, instance, key, table):
    count = 0
    for count, row in enumerate(rows(db, table), 1):
        with naming(label(table, row)):
            if not hmac.compare_digest(raw(row["mac"]), row_mac(key, instance, table, row)):
                raise DecodeError("the row MAC does not verify")
    return count


def canonical(event):
    parts = (event[name] for name in EVENT_COLUMNS)
    return b"".join(b"\x00" if part is None else b"\x01" + raw(len(raw(part))) + raw(part) for part in parts)


def link_after(key, instance, previous, event):
    return mac(key, framed(instance, "audit_event", previous, canonical(event)))


def credential_digest(row):
    # The mark distinguishes an empty text from null. Without it, both have the same digest.
    columns = [b"+" + raw(row[name]) if name in MARKED_COLUMNS and row[name] is not None else row[name]
               for name in DIGEST_COLUMNS]
    return hashlib.sha256(framed("credential", *columns)).digest()


def verify_audit(db, instance, key):
    link, count, last_digests = bytes(32), 0, {}
    for count, event in enumerate(rows(db, "audit_event", "seq"), 1):
        with naming(f"audit_event {event['seq']}"):
            if event["seq"] != count:
                raise DecodeError(f"the event before it is missing, expected {count}")
            link = link_after(key, instance, link, event)
            if not hmac.compare_digest(raw(event["link"]), link):
                raise DecodeError("the link does not verify")
        if event["digest"] is not None:
            last_digests[event["target_id"]] = event["digest"]
    for row in rows(db, "credential"):
        with naming(label("credential", row)):
            if not hmac.compare_digest(raw(last_digests.get(row["id"])), credential_digest(row)):
                raise DecodeError("it is not the row that the last write event left behind")
    return count


def decode(db, key, with_audit):
    db.row_factory, db.text_factory = sqlite3.Row, bytes
    instance = {row[0]: raw(row[1]) for row in db.execute("SELECT * FROM meta")}.get(b"instance", b"")
    if not re.fullmatch(rb"[0-9a-f]{32}", instance):
        raise DecodeError("meta instance: not 32 hexadecimal digits")
    root_id, root = open_root(db, instance, key)
    keys = derived(root)
    user_keys = open_user_keys(db, instance, root_id, keys["wrap"])
    report = {"instance": instance.decode(), "credentials": open_credentials(db, instance, user_keys)}
    genuine = {table: count_genuine(db, instance, keys["row-mac"], table) for table in MAC_COLUMNS}
    report["plugins_genuine"] = genuine["plugin"]
    report["keys_genuine"] = genuine["plugin_key"] + genuine["host_key"]
    report["sessions_genuine"] = genuine["session"]
    if with_audit:
        report["events"] = verify_audit(db, instance, keys["audit"])
    return report


def seal_record(key_id, key, plaintext, *place):
    header, salt, iv = header_of(key_id), os.urandom(32), os.urandom(12)
    message_key, commitment = message_keys(key, header, salt)
    domain, instance, *rest = place
    sealed = AESGCM(message_key).encrypt(iv, plaintext, bound(domain, header, instance, *rest))
    return header + salt + iv + commitment + sealed


def insert(db, table, row):
    db.execute(f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(row)})")
    db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", list(row.values()))


def sample_credential(instance, user_key):
    sample = dict.fromkeys(DIGEST_COLUMNS) | {
        "id": "cred_1", "tenant_id": "tnt_1", "user_id": "u", "plugin_name": "p", "type": "oauth2",
        "name": "n", "account": "", "scopes": "", "generation": 2, "revision": 3, "created_at": 4, "updated_at": 5}
    plaintexts = {"settings": b'{"settings": {"a": 1}, "configured": ["b"]}', "encrypted_data": b'{"b": "c"}',
                  "access_token": b"token"}
    for name, plaintext in plaintexts.items():
        sample[name] = seal_record(*user_key, plaintext, "credential", instance, "tnt_1", "u", "cred_1", name, 2,
                                   ("p", "oauth2"))
    return sample


def sample_database(key):
    db = sqlite3.connect(":memory:")
    instance = os.urandom(16).hex().encode()
    (root_id, root), user_key = [(os.urandom(16), os.urandom(32)) for _ in range(2)]
    keys, key_id = derived(root), environment_key_id(key)
    insert(db, "meta", {"key": "instance", "value": instance.decode()})
    insert(db, "root_key", {"recipient": key_id.hex(),
                            "sealed": seal_record(key_id, key, root_id + root, "root-key", instance)})
    wrapped = seal_record(root_id, keys["wrap"], b"".join(user_key), "user-key", instance, "tnt_1", "u")
    insert(db, "user_key", {"tenant_id": "tnt_1", "user_id": "u", "sealed": wrapped})
    credential = sample_credential(instance, user_key)
    insert(db, "credential", credential)
    for table, names in MAC_COLUMNS.items():
        row = {name: 7 if name.endswith("_at") or name == "revision" else "x" for name in names if name}
        insert(db, table, row | {"mac": row_mac(keys["row-mac"], instance, table, row)})
    link = bytes(32)
    for seq, digest in ((1, credential_digest(credential)), (2, None)):
        event = dict.fromkeys(EVENT_COLUMNS) | {"seq": seq, "at": 6, "target_id": "cred_1", "digest": digest}
        link = link_after(keys["audit"], instance, link, event)
        insert(db, "audit_event", event | {"link": link})
    return db


def flipped(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1:]


def refused(db, key, table, column, change):
    db.execute("SAVEPOINT before")
    (value,) = db.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()
    db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = 1", [change(value)])
    try:
        decode(db, key, True)
    except DecodeError as error:
        return str(error)
    finally:
        db.execute("ROLLBACK TO before")
    raise DecodeError(f"self-test: a changed {table}.{column} was accepted")


def self_test():
    key = os.urandom(32)
    for text in (key.hex(), base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode().rstrip("=")):
        assert parse_key(text) == key
    db = sample_database(key)
    report = decode(db, key, True)
    (credential,) = report["credentials"]
    assert credential["settings"] == {"a": 1} and credential["configured"] == ["b"]
    assert credential["secrets"] == {"b": "c"} and credential["access_token"] == "token"
    assert credential["refresh_token"] is None
    assert [report[name] for name in ("plugins_genuine", "keys_genuine", "sessions_genuine", "events")] == [1, 2, 1, 2]
    for position, reason in ((0, "version"), (1, "version"), (2, "key id"), (21, "key version"), (22, "commitment"),
                             (54, "tag"), (66, "commitment"), (98, "tag"), (-1 % SHORTEST_RECORD, "tag")):
        for table, column in (("root_key", "sealed"), ("user_key", "sealed"), ("credential", "settings")):
            assert reason in refused(db, key, table, column, lambda sealed: flipped(sealed, position))
    for column, value in (("id", "cred_2"), ("generation", 1), ("plugin_name", "q"), ("type", "pat")):
        assert "tag" in refused(db, key, "credential", column, lambda _: value)
    assert "last write" in refused(db, key, "credential", "account", lambda _: None)
    for table in MAC_COLUMNS:
        assert "row MAC" in refused(db, key, table, "hash" if table != "plugin" else "manifest", lambda _: "y")
    assert "audit_event 1" in refused(db, key, "audit_event", "link", lambda link: flipped(link, 0))
    assert "missing" in refused(db, key, "audit_event", "seq", lambda seq: seq + 8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("database", nargs="?")
    parser.add_argument("--verify-audit", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test()
        return print("self-test passed")
    if arguments.database is None:
        parser.error("a database is needed")
    try:
        key = parse_key(os.environ.get("CREDENTIAL_ENCRYPTION_KEY", "").strip())
        db = sqlite3.connect(pathlib.Path(arguments.database).absolute().as_uri() + "?mode=ro", uri=True,
                             isolation_level=None)
        # One read transaction, so that rows and chain are consistent while a server writes.
        db.execute("BEGIN")
        print(json.dumps(decode(db, key, arguments.verify_audit), ensure_ascii=False, indent=2))
    except (DecodeError, sqlite3.Error) as error:
        sys.exit(f"decode: {error}")


if __name__ == "__main__":
    main()
