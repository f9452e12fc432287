//! Output: tables for people, JSON for programs. Untrusted text is printed without terminal control characters.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};
use strongroom::Credential;
use strongroom::audit::Event;
use strongroom::clock::rfc3339;
use strongroom::key::ApiKeyRow;
use strongroom::plugin::Plugin;

/// Output format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// Prints a list. `columns` names the members that the table shows; JSON contains all members.
    pub(crate) fn list(self, columns: &[&str], items: &[Value]) -> Result<()> {
        if self.json {
            return print(&serde_json::to_string_pretty(items)?);
        }
        if items.is_empty() {
            return print("(none)");
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().map(|column| column.to_uppercase().replace('_', " ")));
        for item in items {
            table.add_row(columns.iter().map(|column| cell(item.get(*column).unwrap_or(&Value::Null))));
        }
        print(&table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n"))
    }

    /// Prints one item.
    pub(crate) fn one(self, item: &Value) -> Result<()> {
        if self.json {
            return print(&serde_json::to_string_pretty(item)?);
        }
        let members = item.as_object().into_iter().flatten();
        let lines = members.map(|(name, value)| format!("{:<18}{}", name.replace('_', " "), cell(value)));
        print(&lines.collect::<Vec<_>>().join("\n"))
    }

    /// Prints a status message. JSON output omits it.
    pub(crate) fn done(self, text: &str) -> Result<()> {
        if self.json { Ok(()) } else { print(text) }
    }
}

/// Prints a line on standard output. A closed pipe (`| head`) is not an error.
pub(crate) fn print(text: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Replaces the progress line on the terminal. Does nothing if standard error is not a terminal.
pub(crate) fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
    }
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    plain(&text)
}

/// Replaces control and direction characters, so that stored text cannot control the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_direction(c) { '\u{fffd}' } else { c }).collect()
}

/// Returns whether the character can change the display order of text or break a line.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(crate) fn credential(credential: &Credential) -> Value {
    // Every member by name, so that the compiler finds one that is not printed.
    let Credential {
        id,
        owner,
        plugin,
        kind,
        name,
        provider,
        account,
        state,
        cause,
        settings,
        configured,
        scopes,
        expires_at,
        grant_expires_at,
        revision,
        created_at,
        updated_at,
        last_used_at,
    } = credential;
    json!({
        "id": id.to_string(),
        "user": owner.user.as_str(),
        "plugin": plugin.as_str(),
        "type": kind.as_str(),
        "name": name.as_str(),
        "state": state.as_str(),
        "cause": cause,
        "provider": provider,
        "account": account,
        "settings": settings,
        "configured": configured,
        "scopes": scopes,
        "expires_at": expires_at.map(rfc3339),
        "grant_expires_at": grant_expires_at.map(rfc3339),
        "revision": revision,
        "created_at": rfc3339(*created_at),
        "updated_at": rfc3339(*updated_at),
        "last_used_at": last_used_at.map(rfc3339),
    })
}

pub(crate) fn event(event: &Event<'_>) -> Value {
    json!({
        "seq": event.seq,
        "at": rfc3339(event.at),
        "actor": event.actor,
        "actor_id": event.actor_id,
        "action": event.action,
        "decision": event.decision,
        "reason": event.reason,
        "user": event.user,
        "plugin": event.plugin,
        "target": event.target,
        "address": event.address,
        "request_id": event.request_id,
    })
}

pub(crate) fn key(row: &ApiKeyRow) -> Value {
    json!({"id": row.id.to_string(), "label": row.label.as_str(), "created_at": rfc3339(row.created_at)})
}

pub(crate) fn plugin(plugin: &Plugin) -> Value {
    json!({
        "name": plugin.name.as_str(),
        "title": plugin.manifest.title,
        "access": serde_json::to_value(plugin.manifest.access).unwrap_or_default(),
        "types": plugin.manifest.types().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "revision": plugin.revision,
        "updated_at": rfc3339(plugin.updated_at),
        "manifest": serde_json::to_value(&*plugin.manifest).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use strongroom::{CredentialType, Owner, State};

    use super::*;

    #[test]
    fn credential_shows_when_its_grant_ends() {
        let at = |text: &str| text.parse().expect("a time");
        let shown = credential(&Credential {
            id: "cred_0192f0c1a2b37c4d8e5f60718293a4b5".parse().expect("an id"),
            owner: Owner {
                tenant: "tnt_0192f0c1a2b37c4d8e5f60718293a4b5".parse().expect("an id"),
                user: "alice".parse().expect("a user"),
            },
            plugin: "mail".parse().expect("a plugin"),
            kind: CredentialType::Oauth2,
            name: "Work".parse().expect("a name"),
            provider: None,
            account: None,
            state: State::Active,
            cause: Some("grant-ends-soon".to_owned()),
            settings: serde_json::Map::new(),
            configured: Vec::new(),
            scopes: Vec::new(),
            expires_at: None,
            grant_expires_at: Some(at("2026-11-30T00:00:00Z")),
            revision: 1,
            created_at: at("2026-11-01T00:00:00Z"),
            updated_at: at("2026-11-01T00:00:00Z"),
            last_used_at: None,
        });
        assert_eq!(shown.get("grant_expires_at"), Some(&json!("2026-11-30T00:00:00.000Z")));
    }
}
