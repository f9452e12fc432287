//! Encodes the members of a body. Tokens are among them, so every buffer is wiped.

use std::io::Write;

use strongroom_crypto::{Secret, SecretBuf};

/// A form, `application/x-www-form-urlencoded`.
pub(crate) fn form<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Secret<Vec<u8>> {
    let mut out = SecretBuf::with_capacity(4096);
    for (name, value) in members {
        if !out.is_empty() {
            out.push(b"&");
        }
        url::form_urlencoded::byte_serialize(name.as_bytes()).for_each(|part| out.push(part.as_bytes()));
        out.push(b"=");
        url::form_urlencoded::byte_serialize(value.as_bytes()).for_each(|part| out.push(part.as_bytes()));
    }
    out.into_secret()
}

/// A JSON object of strings.
pub(crate) fn json<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Secret<Vec<u8>> {
    let mut out = SecretBuf::with_capacity(4096);
    out.push(b"{");
    for (number, (name, value)) in members.enumerate() {
        if number > 0 {
            out.push(b",");
        }
        text(&mut out, name);
        out.push(b":");
        text(&mut out, value);
    }
    out.push(b"}");
    out.into_secret()
}

fn text(out: &mut impl Write, text: &str) {
    // Strings always serialise, and the buffer accepts every write.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_escaped() {
        let members = [("grant_type", "a b&c=d"), ("code", "\"\\é")];
        assert_eq!(form(members.into_iter()).expose(), b"grant_type=a+b%26c%3Dd&code=%22%5C%C3%A9");
        let object: serde_json::Value = serde_json::from_slice(json(members.into_iter()).expose()).expect("JSON");
        assert_eq!(object, serde_json::json!({"grant_type": "a b&c=d", "code": "\"\\é"}));
        assert_eq!(json([].into_iter()).expose(), b"{}");
    }
}
